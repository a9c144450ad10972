using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBiLstm;

/// <summary>
/// What must survive a power cut: contents of files, and of folders, whose entries a rename changes. On POSIX systems <c>fsync</c> is called by itself,
/// because .NET does not tell when it fails.
/// </summary>
static partial class DurableStorage
{
    const int Interrupted = 4, Exists = 17, ReadOnly = 0;

    // What file systems without fsync for folders answer: EBADF, EACCES, EINVAL, ENOTSUP (Linux, macOS).
    static readonly int[] FoldersNeedNone = [9, 13, 22, 95, 45, 102];

    // EPERM, EMLINK, ENOSYS, ENOTSUP (Linux, macOS).
    static readonly int[] NoLinks = [1, 31, 38, 95, 78, 45, 102];

    /// <summary>Writes what is buffered and waits until the disk has it.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void Flush(FileStream file)
    {
        ArgumentNullException.ThrowIfNull(file);
        file.Flush();
        Flush(file.SafeFileHandle, file.Name);
    }

    /// <summary>As the other, of a file that nothing buffers.</summary>
    /// <param name="file">Open for writing.</param>
    /// <param name="path">Named in the error.</param>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void Flush(SafeFileHandle file, string path)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (OperatingSystem.IsWindows())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        if (Synchronise(file) is var error and not 0)
            throw new IOException($"fsync of {path}: {Marshal.GetPInvokeErrorMessage(error)}; the disk did not take it");
    }

    /// <summary>Waits until the disk has the entries of a folder: renamed, new and deleted files. Windows needs none of it.</summary>
    /// <exception cref="IOException">The disk did not take them.</exception>
    public static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var handle = Open(folder, ReadOnly);
        var error = handle.IsInvalid ? Marshal.GetLastPInvokeError() : Synchronise(handle);
        if (error != 0 && !FoldersNeedNone.Contains(error))
            throw new IOException($"fsync of the folder {folder}: {Marshal.GetPInvokeErrorMessage(error)}; the disk did not take it");
    }

    /// <summary>Gives a file a second name, which only one of several that try can.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">In the same folder.</param>
    /// <returns>False where something has that name.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="NotSupportedException">The file system, or Windows, has no second names.</exception>
    public static bool TryLink(string path, string name)
    {
        if (OperatingSystem.IsWindows())
            throw new NotSupportedException();
        if (link(path, name) == 0)
            return true;
        var error = Marshal.GetLastPInvokeError();
        return error switch
        {
            Exists => false,
            _ when NoLinks.Contains(error) => throw new NotSupportedException(),
            _ => throw new IOException($"link of {name}: {Marshal.GetPInvokeErrorMessage(error)}"),
        };
    }

    static int Synchronise(SafeFileHandle file)
    {
        while (true)
        {
            if (fsync(file) == 0)
                return 0;
            if (Marshal.GetLastPInvokeError() is var error and not Interrupted)
                return error;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string path, string name);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
