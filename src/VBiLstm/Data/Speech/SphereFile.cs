using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace VBiLstm.Data.Speech;

/// <summary>NIST SPHERE: a text header of a named size, then PCM of 16 bits, one channel, in either byte order.</summary>
static class SphereFile
{
    const int SmallestHeader = 24, LargestHeader = 1 << 20, LargestRate = 1_000_000;

    /// <summary>Reads on behind the first eight bytes.</summary>
    public static SpeechRecording Read(Stream stream, string name)
    {
        var sizeText = Encoding.Latin1.GetString(PiecewiseReading.ReadBytes(stream, 8, 8, name, "the header's size"));
        if (!int.TryParse(sizeText.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var size) || sizeText[7] != '\n' || size is < SmallestHeader or > LargestHeader)
            throw new DataException($"{name}, offset 8: '{sizeText.Trim()}' where the header's size should stand, {SmallestHeader} to {LargestHeader} right-aligned in seven characters.");
        var header = Encoding.Latin1.GetString(PiecewiseReading.ReadBytes(stream, size - 16, 16, name, "the header"));
        var fields = ReadFields(header, name);
        int Number(string field, int least, int most)
        {
            if (!fields.TryGetValue(field, out var text))
                throw new DataException($"{name}: the header has no field {field}; the file is damaged.");
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
                ? value
                : throw new DataException($"{name}: header field {field} is '{text}'; {least} to {most} is expected.");
        }

        var coding = fields.GetValueOrDefault("sample_coding", "pcm");
        if (coding != "pcm")
            throw new DataException($"{name}: header field sample_coding is '{coding}'; only pcm can be read. Convert it, for instance: sph2pipe -p FILE OUT.");
        Number("channel_count", 1, 1);
        Number("sample_n_bytes", 2, 2);
        var rate = Number("sample_rate", 1, LargestRate);
        var count = Number("sample_count", 0, int.MaxValue / 2);
        var order = fields.GetValueOrDefault("sample_byte_format", "");
        if (order is not ("01" or "10"))
            throw new DataException($"{name}: header field sample_byte_format is '{order}'; 01 (little endian) or 10 (big endian) is expected.");
        var bytes = PiecewiseReading.ReadBytes(stream, 2L * count, size, name, "samples");
        var samples = new float[count];
        for (var i = 0; i < count; i++)
            samples[i] = order == "01" ? BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(2 * i)) : BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(2 * i));
        return new SpeechRecording(samples, rate);
    }

    static Dictionary<string, string> ReadFields(string header, string name)
    {
        var fields = new Dictionary<string, string>();
        foreach (var line in header.Split('\n'))
        {
            if (line.Trim() == "end_head")
                return fields;
            var parts = line.Trim().Split(' ', 3, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 3)
                fields[parts[0]] = parts[2];
            else if (parts.Length > 0 && !parts[0].StartsWith(';'))
                throw new DataException($"{name}: header line '{line.Trim()}'; name, type and value are expected.");
        }

        throw new DataException($"{name}: the header does not end with end_head; the file is damaged.");
    }
}
