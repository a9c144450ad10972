using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace VBiLstm.Data;

/// <summary>An idx file of bytes (MNIST's format), plain or in gzip; which, is decided by content.</summary>
/// <param name="Sizes">Size of each dimension, one to three of them.</param>
/// <param name="Values">The values, row-major.</param>
public sealed record IdxFile(IReadOnlyList<int> Sizes, byte[] Values)
{
    const int MaximumValues = int.MaxValue / 2;
    const byte UnsignedByte = 0x08;

    /// <summary>Reads a file. Throws <see cref="DataException"/> naming the offset and what was expected there.</summary>
    public static IdxFile Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Read(file, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a stream that can seek.</summary>
    /// <param name="stream">Plain or gzip content.</param>
    /// <param name="name">Named in errors.</param>
    public static IdxFile Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> magic = stackalloc byte[2];
        var length = stream.ReadAtLeast(magic, 2, throwOnEndOfStream: false);
        stream.Position = 0;
        try
        {
            if (length < 2 || magic[0] != 0x1f || magic[1] != 0x8b)
                return ReadPlain(stream, name);
            using var unzipped = new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
            var file = ReadPlain(unzipped, name);
            file.CheckTrailer(stream, name);
            return file;
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{name} is damaged gzip ({e.Message}); get the file again.", e);
        }
    }

    internal static IdxFile ReadPlain(Stream stream, string name)
    {
        Span<byte> header = stackalloc byte[4];
        Fill(stream, header, name, 0, "the four magic bytes");
        if (header[0] != 0 || header[1] != 0)
            throw new DataException($"{name}, offset 0: {header[0]:x2} {header[1]:x2} where an idx file has 00 00; this is not an idx file.");
        if (header[2] != UnsignedByte)
            throw new DataException($"{name}, offset 2: type {header[2]:x2}; only 08 (unsigned bytes) can be read.");
        if (header[3] is < 1 or > 3)
            throw new DataException($"{name}, offset 3: {header[3]} dimensions; 1 to 3 can be read.");
        var sizes = new int[header[3]];
        long count = 1;
        var word = new byte[4];
        for (var i = 0; i < sizes.Length; i++)
        {
            Fill(stream, word, name, 4 + 4 * i, $"the size of dimension {i + 1}");
            sizes[i] = BinaryPrimitives.ReadInt32BigEndian(word);
            if (sizes[i] <= 0 || (count *= sizes[i]) > MaximumValues)
                throw new DataException($"{name}, offset {4 + 4 * i}: dimension {i + 1} of size {sizes[i]} is empty or makes the file larger than {MaximumValues:N0} values.");
        }

        var values = PiecewiseReading.ReadBytes(stream, count, 4 + 4 * sizes.Length, name, $"{string.Join('×', sizes)} values");
        if (stream.ReadByte() >= 0)
            throw new DataException($"{name}, offset {4 + 4 * sizes.Length + count}: data behind the last of {string.Join('×', sizes)} values; the header does not fit the file.");
        return new IdxFile(sizes, values);
    }

    // GZipStream takes a file without its trailer, or with other bytes behind it, for whole.
    void CheckTrailer(Stream zipped, string name)
    {
        var header = new byte[4 + 4 * Sizes.Count];
        (header[2], header[3]) = (UnsignedByte, (byte)Sizes.Count);
        for (var i = 0; i < Sizes.Count; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), Sizes[i]);
        var checksum = new Crc32();
        checksum.Append(header);
        checksum.Append(Values);

        Span<byte> trailer = stackalloc byte[8];
        var offset = zipped.Length - trailer.Length;
        zipped.Position = offset;
        zipped.ReadExactly(trailer);
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer) != checksum.GetCurrentHashAsUInt32()
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]) != (uint)(header.Length + Values.Length))
        {
            throw new DataException($"{name}, offset {offset}: the file does not end with the checksum and size of its values; it is cut off, or is not gzip of one piece. Get the file again.");
        }
    }

    static void Fill(Stream stream, Span<byte> target, string name, int offset, string what)
    {
        if (stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false) < target.Length)
            throw new DataException($"{name}, offset {offset}: the file ends where {what} should stand; it is truncated or empty.");
    }
}
