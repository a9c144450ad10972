using System.Diagnostics;

namespace VBiLstm;

/// <summary>
/// Files at which others look meanwhile: a second command, an editor, a virus scanner. Windows refuses to replace, rename or delete what another program has
/// open, and to open what it does not share; so what is read here is shared for everything, and what is refused is tried again for some seconds.
/// </summary>
static class SharedFile
{
    const FileShare Everything = FileShare.ReadWrite | FileShare.Delete;

    // Numbers of Windows: access denied, which it says of a name that is open, sharing violation, lock violation, folder not empty, mapped by a program.
    const int AccessDenied = 5, SharingViolation = 32, LockViolation = 33, FolderNotEmpty = 145, Mapped = 1224;

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Opens a file for reading that others may write, rename and delete meanwhile.</summary>
    /// <exception cref="IOException">It is not there, or cannot be read.</exception>
    public static FileStream OpenRead(string path)
        => Held(path, () => new FileStream(path, FileMode.Open, FileAccess.Read, Everything));

    /// <summary>Reads a whole file of this program's own.</summary>
    /// <exception cref="IOException">It is not there, or cannot be read.</exception>
    public static byte[] ReadAllBytes(string path)
    {
        using var file = OpenRead(path);
        using var content = new MemoryStream();
        file.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>Opens a file for reading and writing that others may read meanwhile.</summary>
    /// <exception cref="IOException">It is not there, or cannot be written.</exception>
    public static FileStream OpenReadWrite(string path)
        => Held(path, () => new FileStream(path, FileMode.Open, FileAccess.ReadWrite, Everything, 1 << 16));

    /// <summary>Renames a file; what has the other name is replaced.</summary>
    /// <exception cref="IOException">The folder cannot be written, or another program keeps one of them open.</exception>
    public static void Replace(string from, string to) => Held(to, () => File.Move(from, to, overwrite: true));

    /// <summary>Renames a folder to a name that is free.</summary>
    /// <exception cref="IOException">The folder above cannot be written, or another program has a file in it open.</exception>
    public static void MoveFolder(string from, string to) => Held(from, () => Directory.Move(from, to));

    /// <summary>Deletes a folder with what is in it.</summary>
    /// <exception cref="IOException">It cannot be written, or another program has a file in it open.</exception>
    public static void DeleteFolder(string folder) => Held(folder, () => Directory.Delete(folder, recursive: true));

    static void Held(string path, Action action)
        => Held(path, () =>
        {
            action();
            return true;
        });

    static T Held<T>(string path, Func<T> action) => Attempt(path, action, OperatingSystem.IsWindows(), Patience);

    /// <summary>Does what Windows may refuse for a moment.</summary>
    /// <param name="path">Named in the error.</param>
    /// <param name="action">What is tried.</param>
    /// <param name="isWindows">Elsewhere what is refused stays refused.</param>
    /// <param name="patience">From then on it is an error.</param>
    /// <exception cref="IOException">Another program keeps it open for longer.</exception>
    internal static T Attempt<T>(string path, Func<T> action, bool isWindows, TimeSpan patience)
    {
        var (begin, pause) = (Stopwatch.GetTimestamp(), 10);
        while (true)
        {
            try
            {
                return action();
            }
            catch (Exception e) when (isWindows && IsHeld(e))
            {
                if (Stopwatch.GetElapsedTime(begin) >= patience)
                    throw new IOException($"{path} is open in another program, which keeps Windows from giving it here; close it there. ({e.Message})", e);
                Thread.Sleep(pause);
                pause = Math.Min(2 * pause, 500);
            }
        }
    }

    static bool IsHeld(Exception e)
        => e is IOException or UnauthorizedAccessException
            && (e.HResult & 0xffff) is AccessDenied or SharingViolation or LockViolation or FolderNotEmpty or Mapped;
}
