using System.Text;
using VBiLstm.Columns;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>What packs files, told by content.</summary>
enum ArchiveFormat
{
    /// <summary>Not packed.</summary>
    None,
    Zip,
    SevenZip,
    Tar,
    Gzip,
    Xz,
    Bzip2,
    Zstandard,

    /// <summary>Of arrays, each of which is given as numpy's.</summary>
    Hdf5,
}

/// <summary>Recognises packed files by their first bytes.</summary>
static class ArchiveFormats
{
    /// <summary>Bytes that <see cref="Of"/> looks at: a tar header.</summary>
    public const int HeadBytes = 512;

    // What cannot be read, and what unpacks it; FILE is the file.
    static readonly (byte[] Magic, int Offset, string Name, string Command)[] Others =
    [
        ([.. "Rar!\x1a\x07"u8], 0, "a rar archive", "unrar x FILE"),
        ([0x1f, 0x9d], 0, "compressed by compress (.Z)", "gzip -d FILE"),
        ([0x1f, 0xa0], 0, "compressed by compress (.Z)", "gzip -d FILE"),
        ([0x04, 0x22, 0x4d, 0x18], 0, "compressed by lz4", "lz4 -d FILE"),
        ([0x02, 0x21, 0x4c, 0x18], 0, "compressed by lz4", "lz4 -d FILE"),
        ([0x89, .. "LZO\0\r\n\x1a\n"u8], 0, "compressed by lzop", "lzop -d FILE"),
        ([.. "LZIP\x01"u8], 0, "compressed by lzip", "lzip -d FILE"),
        ([0x5d, 0, 0], 0, "compressed by lzma", "xz --format=lzma -d FILE"),
        ([.. "MSCF\0\0\0\0"u8], 0, "a cabinet archive", "cabextract FILE"),
        ([.. "!<arch>\ndebian-binary"u8], 0, "a Debian package", "dpkg-deb -x FILE FOLDER"),
        ([0xed, 0xab, 0xee, 0xdb], 0, "an RPM package", "rpm2cpio FILE | cpio -id"),
        ([0xc7, 0x71], 0, "a cpio archive", "cpio -id < FILE"),
        ([.. "-lh"u8], 2, "an lha archive", "lha x FILE"),
        ([0x60, 0xea], 0, "an arj archive", "arj x FILE"),
        ([.. "PK\x07\x08PK\x03\x04"u8], 0, "the first part of a divided zip archive", "zip -s 0 FILE --out WHOLE.zip"),
        ([.. "xar!"u8], 0, "a xar archive", "xar -xf FILE"),
        ([.. "MSWIM\0\0\0"u8], 0, "a WIM archive", "7z x FILE"),
    ];

    /// <summary>The name of a format.</summary>
    public static string Name(ArchiveFormat format) => format switch
    {
        ArchiveFormat.Zip => "zip",
        ArchiveFormat.SevenZip => "7z",
        ArchiveFormat.Tar => "tar",
        ArchiveFormat.Gzip => "gzip",
        ArchiveFormat.Xz => "xz",
        ArchiveFormat.Bzip2 => "bzip2",
        ArchiveFormat.Zstandard => "zstd",
        ArchiveFormat.Hdf5 => "hdf5",
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "Not packed."),
    };

    /// <summary>What packs the file that begins so.</summary>
    /// <param name="head">Its first <see cref="HeadBytes"/> bytes, or all that it has.</param>
    public static ArchiveFormat Of(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8))
            return ArchiveFormat.Zip;
        if (head.StartsWith((ReadOnlySpan<byte>)[(byte)'7', (byte)'z', 0xbc, 0xaf, 0x27, 0x1c]))
            return ArchiveFormat.SevenZip;
        if (head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
            return ArchiveFormat.Gzip;
        if (head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]))
            return ArchiveFormat.Xz;
        if (head.Length >= 10 && head.StartsWith("BZh"u8) && head[3] is >= (byte)'1' and <= (byte)'9'
            && (head[4..].StartsWith((ReadOnlySpan<byte>)[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
                || head[4..].StartsWith((ReadOnlySpan<byte>)[0x17, 0x72, 0x45, 0x38, 0x50, 0x90])))
            return ArchiveFormat.Bzip2;
        if (head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd])
            || (head.Length > 4 && head[0] is >= 0x50 and <= 0x5f && head[1..].StartsWith((ReadOnlySpan<byte>)[0x2a, 0x4d, 0x18])))
            return ArchiveFormat.Zstandard;
        if (Hdf5Datasets.IsOne(head))
            return ArchiveFormat.Hdf5;
        return IsTar(head) ? ArchiveFormat.Tar : ArchiveFormat.None;
    }

    /// <summary>Throws where the file is packed by what cannot be read, naming the command that unpacks it.</summary>
    public static void CheckReadable(ReadOnlySpan<byte> head, string name)
    {
        // Two or three bytes are a magic only where no text follows.
        foreach (var (magic, offset, format, command) in Others)
            if (head.Length >= offset && head[offset..].StartsWith(magic) && (magic.Length > 3 || head.Contains((byte)0) || head[0] == 0x1f))
                throw new DataException($"{name} is {format}, which cannot be read here; unpack it and give the files, for instance: {command}");
    }

    // Old archives have no magic, but every header has the sum of its bytes, that of the sum's own field counted as blanks.
    static bool IsTar(ReadOnlySpan<byte> head)
    {
        if (head.Length < HeadBytes || head[0] == 0)
            return false;
        var field = Encoding.ASCII.GetString(head.Slice(148, 8)).Trim(' ', '\0');
        if (field.Length is 0 or > 7 || field.Any(digit => digit is < '0' or > '7'))
            return false;
        var sum = 8 * ' ';
        for (var i = 0; i < HeadBytes; i++)
            sum += i is >= 148 and < 156 ? 0 : head[i];
        return sum == Convert.ToInt32(field, 8);
    }
}
