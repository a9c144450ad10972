using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace VBiLstm.Checkpoints;

/// <summary>
/// The safetensors format, float32 only: 8 bytes of little-endian header length, a JSON header padded with spaces, then the tensors in order without gaps.
/// Any safetensors library reads what is written here.
/// </summary>
public static class SafetensorsFile
{
    const int LengthBytes = 8;
    const int HeaderAlignment = 8;
    const long MaximumHeader = 64L << 20;

    /// <summary>Writes the tensors in order.</summary>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            long offset = 0;
            json.WriteStartObject();
            foreach (var tensor in tensors)
            {
                var bytes = tensor.Shape.Aggregate((long)sizeof(float), (product, size) => product * size);
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", "F32");
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (header.Length % HeaderAlignment != 0)
            header.WriteByte((byte)' ');
        Span<byte> length = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
        foreach (var tensor in tensors)
            stream.Write(LittleEndian(tensor.Values));
    }

    /// <summary>Reads a whole file; nothing in it is trusted before it is checked. Throws <see cref="CheckpointException"/>.</summary>
    /// <param name="stream">A stream that can seek.</param>
    /// <param name="name">Named in errors.</param>
    public static IReadOnlyList<NamedTensor> Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> lengthBytes = stackalloc byte[LengthBytes];
        if (stream.ReadAtLeast(lengthBytes, LengthBytes, throwOnEndOfStream: false) < LengthBytes)
            throw new CheckpointException($"{name}, offset 0: shorter than the {LengthBytes} bytes of a header length; the file is truncated.");
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        var remaining = stream.Length - LengthBytes;
        if (headerLength > MaximumHeader || (long)headerLength > remaining)
            throw new CheckpointException($"{name}, offset 0: a header of {headerLength} bytes in a file with {remaining} left; "
                + "the file is damaged or truncated.");
        var header = new byte[headerLength];
        stream.ReadExactly(header);
        var entries = ReadHeader(header, name, remaining - (long)headerLength);
        var tensors = new List<NamedTensor>(entries.Count);
        foreach (var (tensor, shape, count) in entries)
        {
            var values = new float[count];
            var bytes = MemoryMarshal.AsBytes(values.AsSpan());
            stream.ReadExactly(bytes);
            if (!BitConverter.IsLittleEndian)
                ReverseWords(bytes);
            tensors.Add(new NamedTensor(tensor, shape, values));
        }

        return tensors;
    }

    static List<(string Name, int[] Shape, int Count)> ReadHeader(byte[] header, string file, long dataLength)
    {
        var entries = new List<(string, int[], int)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        long expected = 0;
        try
        {
            using var document = JsonDocument.Parse(header);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                    continue;
                if (!names.Add(property.Name))
                    throw new CheckpointException($"{file}: tensor {property.Name} stands twice in the header.");
                var dtype = property.Value.GetProperty("dtype").GetString();
                if (dtype != "F32")
                    throw new CheckpointException($"{file}: tensor {property.Name} is {dtype}; F32 is expected.");
                int[] shape = [.. property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];
                var offsets = property.Value.GetProperty("data_offsets");
                var (start, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
                long count = 1;
                foreach (var size in shape)
                    if (size < 0 || (count *= size) > Array.MaxLength)
                        throw new CheckpointException($"{file}: tensor {property.Name} has an impossible shape [{string.Join(", ", shape)}].");
                if (offsets.GetArrayLength() != 2 || start != expected || end - start != count * sizeof(float) || end > dataLength)
                    throw new CheckpointException($"{file}: tensor {property.Name} of shape [{string.Join(", ", shape)}] claims bytes {start} to {end}; "
                        + $"{expected} to {expected + count * sizeof(float)} of {dataLength} are expected.");
                expected = end;
                entries.Add((property.Name, shape, (int)count));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException
            or DecoderFallbackException)
        {
            throw new CheckpointException($"{file}, offset {LengthBytes}: the header is not that of a safetensors file ({e.Message}).", e);
        }

        return expected == dataLength
            ? entries
            : throw new CheckpointException($"{file}: {dataLength} bytes of data where the header describes {expected}; "
                + "the file is truncated or has something behind it.");
    }

    static ReadOnlySpan<byte> LittleEndian(float[] values)
    {
        if (BitConverter.IsLittleEndian)
            return MemoryMarshal.AsBytes(values.AsSpan());
        var copy = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        ReverseWords(copy);
        return copy;
    }

    static void ReverseWords(Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, uint>(bytes);
        BinaryPrimitives.ReverseEndianness(words, words);
    }
}
