using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace VBiLstm.Checkpoints;

/// <summary>A file as read: its tensors as float32, the texts of its metadata, and the number types that it holds.</summary>
sealed record SafetensorsContent(IReadOnlyList<NamedTensor> Tensors, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<string> Types);

/// <summary>
/// The safetensors format: 8 bytes of little-endian header length, a JSON header padded with spaces, then the tensors in order without gaps.
/// Any safetensors library reads what is written here, which is float32; F64, F16 and BF16 are read too.
/// </summary>
static class SafetensorsFile
{
    const int LengthBytes = 8;
    const int HeaderAlignment = 8;
    const long MaximumHeader = 64L << 20;
    const int PieceBytes = 1 << 20;
    const string Metadata = "__metadata__";

    /// <summary>Writes the tensors in order.</summary>
    /// <param name="stream">Where they go.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="metadata">Texts by name; null for none.</param>
    public static void Write(Stream stream, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        stream.Write(Header(tensors, metadata).Span);
        foreach (var tensor in tensors)
            stream.Write(LittleEndian(tensor.Values));
    }

    /// <summary>As <see cref="Write"/>, of tensors in the host's memory.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the stream holds a part.</exception>
    public static async Task WriteAsync(Stream stream, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        await stream.WriteAsync(Header(tensors, metadata), cancellation).ConfigureAwait(false);
        var piece = new byte[PieceBytes];
        foreach (var tensor in tensors)
        {
            var values = tensor.Values;
            for (var first = 0; first < values.Length; first += PieceBytes / sizeof(float))
            {
                var part = LittleEndian(values.AsSpan(first, Math.Min(PieceBytes / sizeof(float), values.Length - first)));
                part.CopyTo(piece);
                await stream.WriteAsync(piece.AsMemory(0, part.Length), cancellation).ConfigureAwait(false);
            }
        }
    }

    // The length of the JSON and the JSON.
    static ReadOnlyMemory<byte> Header(IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = new MemoryStream();
        header.Write(stackalloc byte[LengthBytes]);
        using (var json = new Utf8JsonWriter(header))
        {
            long offset = 0;
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(Metadata);
                foreach (var (key, text) in metadata)
                    json.WriteString(key, text);
                json.WriteEndObject();
            }

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
        BinaryPrimitives.WriteInt64LittleEndian(header.GetBuffer(), header.Length - LengthBytes);
        return header.GetBuffer().AsMemory(0, (int)header.Length);
    }

    /// <summary>Reads a whole file; nothing in it is trusted before it is checked. Throws <see cref="CheckpointException"/>.</summary>
    /// <param name="stream">A stream that can seek.</param>
    /// <param name="name">Named in errors.</param>
    /// <returns>The tensors in the file's order.</returns>
    public static IReadOnlyList<NamedTensor> Read(Stream stream, string name) => ReadContent(stream, name).Tensors;

    /// <summary>As <see cref="Read"/>, with what else the file says.</summary>
    public static SafetensorsContent ReadContent(Stream stream, string name)
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
        var metadata = new Dictionary<string, string>();
        var entries = ReadHeader(header, name, remaining - (long)headerLength, metadata);
        var tensors = new List<NamedTensor>(entries.Count);
        foreach (var entry in entries)
            tensors.Add(new NamedTensor(entry.Name, entry.Shape, ReadValues(stream, entry.Type, entry.Count)));
        return new SafetensorsContent(tensors, metadata, [.. entries.Select(entry => entry.Type).Distinct()]);
    }

    static float[] ReadValues(Stream stream, string type, int count)
    {
        var values = new float[count];
        if (type == "F32")
        {
            var bytes = MemoryMarshal.AsBytes(values.AsSpan());
            stream.ReadExactly(bytes);
            if (!BitConverter.IsLittleEndian)
                ReverseWords(bytes);
            return values;
        }

        var width = BytesOf(type);
        var piece = new byte[width << 16];
        for (var first = 0; first < count; first += 1 << 16)
        {
            var part = values.AsSpan(first, Math.Min(1 << 16, count - first));
            stream.ReadExactly(piece, 0, part.Length * width);
            for (var i = 0; i < part.Length; i++)
            {
                var value = piece.AsSpan(i * width, width);
                part[i] = type switch
                {
                    "F64" => (float)BinaryPrimitives.ReadDoubleLittleEndian(value),
                    "F16" => (float)BinaryPrimitives.ReadHalfLittleEndian(value),
                    _ => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(value) << 16),
                };
            }
        }

        return values;
    }

    // 0 where the type is none that weights have.
    static int BytesOf(string? type) => type switch { "F32" => 4, "F64" => 8, "F16" or "BF16" => 2, _ => 0 };

    // Of a tensor in the header.
    readonly record struct Entry(string Name, string Type, int[] Shape, int Count, long Start, long End);

    // In the order of their bytes, which need not be that of their names.
    static List<Entry> ReadHeader(byte[] header, string file, long dataLength, Dictionary<string, string> metadata)
    {
        var entries = new List<Entry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        long expected = 0;
        try
        {
            using var document = JsonDocument.Parse(header);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == Metadata)
                {
                    foreach (var text in property.Value.EnumerateObject())
                        metadata[text.Name] = text.Value.GetString() ?? "";
                    continue;
                }

                if (!names.Add(property.Name))
                    throw new CheckpointException($"{file}: tensor {property.Name} stands twice in the header.");
                var dtype = property.Value.GetProperty("dtype").GetString();
                if (BytesOf(dtype) == 0)
                    throw new CheckpointException($"{file}: tensor {property.Name} is {dtype}; F32, F64, F16 or BF16 is expected.");
                int[] shape = [.. property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];
                var offsets = property.Value.GetProperty("data_offsets");
                var (start, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
                long count = 1;
                foreach (var size in shape)
                    if (size < 0 || (count *= size) > Array.MaxLength)
                        throw new CheckpointException($"{file}: tensor {property.Name} has an impossible shape [{string.Join(", ", shape)}].");
                if (offsets.GetArrayLength() != 2)
                    throw new CheckpointException($"{file}: tensor {property.Name} has {offsets.GetArrayLength()} offsets; its begin and end are expected.");
                entries.Add(new Entry(property.Name, dtype!, shape, (int)count, start, end));
            }

            entries = [.. entries.OrderBy(entry => entry.Start).ThenBy(entry => entry.End)];
            foreach (var entry in entries)
            {
                var bytes = (long)entry.Count * BytesOf(entry.Type);
                if (entry.Start != expected || entry.End - entry.Start != bytes || entry.End > dataLength)
                    throw new CheckpointException($"{file}: tensor {entry.Name} of shape [{string.Join(", ", entry.Shape)}] claims bytes {entry.Start} to "
                        + $"{entry.End}; {expected} to {expected + bytes} of {dataLength} are expected.");
                expected = entry.End;
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

    static ReadOnlySpan<byte> LittleEndian(ReadOnlySpan<float> values)
    {
        if (BitConverter.IsLittleEndian)
            return MemoryMarshal.AsBytes(values);
        var copy = MemoryMarshal.AsBytes(values).ToArray();
        ReverseWords(copy);
        return copy;
    }

    static void ReverseWords(Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, uint>(bytes);
        BinaryPrimitives.ReverseEndianness(words, words);
    }
}
