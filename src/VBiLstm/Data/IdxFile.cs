using System.Buffers.Binary;

namespace VBiLstm.Data;

/// <summary>An idx file (MNIST's format) of whole numbers from 0 to 255, of whatever type.</summary>
/// <param name="Sizes">Size of each dimension, one to four of them.</param>
/// <param name="Values">The values, row-major.</param>
sealed record IdxFile(IReadOnlyList<int> Sizes, byte[] Values)
{
    const int MaximumValues = int.MaxValue / 2;

    static readonly Dictionary<byte, (NumberKind Kind, int Bytes)> Types = new()
    {
        [0x08] = (NumberKind.Unsigned, 1),
        [0x09] = (NumberKind.Signed, 1),
        [0x0b] = (NumberKind.Signed, 2),
        [0x0c] = (NumberKind.Signed, 4),
        [0x0d] = (NumberKind.Real, 4),
        [0x0e] = (NumberKind.Real, 8),
    };

    /// <summary>Whether a file begins as this format.</summary>
    internal static bool IsOne(ReadOnlySpan<byte> head) => head.Length >= 4 && head[0] == 0 && head[1] == 0 && Types.ContainsKey(head[2]);

    /// <summary>Reads a stream forward to its end.</summary>
    /// <param name="stream">Plain content.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">Names the offset and what was expected there.</exception>
    public static IdxFile Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> header = stackalloc byte[4];
        Fill(stream, header, name, 0, "the four magic bytes");
        if (header[0] != 0 || header[1] != 0)
            throw new DataException($"{name}, offset 0: {header[0]:x2} {header[1]:x2} where an idx file has 00 00; this is not an idx file.");
        if (!Types.TryGetValue(header[2], out var type))
            throw new DataException($"{name}, offset 2: type {header[2]:x2}; 08 (unsigned bytes), 09, 0b, 0c, 0d and 0e can be read.");
        if (header[3] is < 1 or > 4)
            throw new DataException($"{name}, offset 3: {header[3]} dimensions; 1 to 4 can be read.");
        var sizes = new int[header[3]];
        long count = 1;
        var word = new byte[4];
        for (var i = 0; i < sizes.Length; i++)
        {
            Fill(stream, word, name, 4 + 4 * i, $"the size of dimension {i + 1}");
            sizes[i] = BinaryPrimitives.ReadInt32BigEndian(word);
            if (sizes[i] <= 0 || (count *= sizes[i]) > MaximumValues)
                throw new DataException($"{name}, offset {4 + 4 * i}: dimension {i + 1} of size {sizes[i]} is empty or makes the file larger "
                    + $"than {MaximumValues:N0} values.");
        }

        var content = PiecewiseReading.ReadBytes(stream, count * type.Bytes, 4 + 4 * sizes.Length, name, $"{string.Join('×', sizes)} values");
        if (stream.ReadByte() >= 0)
            throw new DataException($"{name}, offset {4 + 4 * sizes.Length + content.Length}: data behind the last of {string.Join('×', sizes)} values; "
                + "the header does not fit the file.");
        return new IdxFile(sizes,
            new NumberArray(sizes, type.Kind, type.Bytes, IsBigEndian: true, IsFortranOrder: false, content).ToPixels(name, scalesReals: false));
    }

    static void Fill(Stream stream, Span<byte> target, string name, int offset, string what)
    {
        if (stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false) < target.Length)
            throw new DataException($"{name}, offset {offset}: the file ends where {what} should stand; it is truncated or empty.");
    }
}
