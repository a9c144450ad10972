using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace VBiLstm;

/// <summary>What stands at a path.</summary>
enum FileKind
{
    /// <summary>Nothing, or a link to nothing.</summary>
    None,
    File,
    Folder,

    /// <summary>A FIFO, or a pipe of the shell.</summary>
    Pipe,
    Socket,
    Device,
}

/// <summary>What stands at a path, links followed, told without opening it: opening a pipe waits for who writes it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">Equal for two paths that lead to the same file or folder.</param>
readonly record struct FileIdentity(FileKind Kind, string Id)
{
    const int Follow = 0, CurrentFolder = -100, BasicFields = 0x7ff, TypeMask = 0xf000;

    /// <summary>Looks at a path.</summary>
    public static FileIdentity Of(string path)
    {
        var fields = new byte[256]; // of Linux's statx and macOS's stat
        if (OperatingSystem.IsLinux())
        {
            return statx(CurrentFolder, Bytes(path), Follow, BasicFields, fields) == 0
                ? new FileIdentity(KindOf(Word(fields, 28)),
                    string.Create(CultureInfo.InvariantCulture, $"{Double(fields, 136)}:{Double(fields, 140)}:{BitConverter.ToUInt64(fields, 32)}"))
                : default;
        }

        if (OperatingSystem.IsMacOS())
        {
            return (RuntimeInformation.ProcessArchitecture == Architecture.X64 ? stat64(Bytes(path), fields) : stat(Bytes(path), fields)) == 0
                ? new FileIdentity(KindOf(Word(fields, 4)),
                    string.Create(CultureInfo.InvariantCulture, $"{Double(fields, 0)}:{BitConverter.ToUInt64(fields, 8)}"))
                : default;
        }

        FileSystemInfo entry = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        var target = entry.Exists && entry.LinkTarget is not null ? entry.ResolveLinkTarget(returnFinalTarget: true) ?? entry : entry;
        return !target.Exists ? default : new FileIdentity(target is DirectoryInfo ? FileKind.Folder : FileKind.File, target.FullName);
    }

    static FileKind KindOf(int mode) => (mode & TypeMask) switch
    {
        0x8000 => FileKind.File,
        0x4000 => FileKind.Folder,
        0x1000 => FileKind.Pipe,
        0xc000 => FileKind.Socket,
        _ => FileKind.Device,
    };

    static int Word(byte[] fields, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(fields.AsSpan(offset));

    static uint Double(byte[] fields, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(fields.AsSpan(offset));

    static byte[] Bytes(string path) => [.. Encoding.UTF8.GetBytes(path), 0];

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int statx(int folder, byte[] path, int flags, uint mask, byte[] fields);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int stat(byte[] path, byte[] fields);

    [DllImport("libc", EntryPoint = "stat$INODE64"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int stat64(byte[] path, byte[] fields);
}
