using System.Globalization;
using System.Text;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Speech;

/// <summary>NIST SPHERE: a text header of a named size, then samples of 1 to 4 bytes, µ-law or A-law.</summary>
static class SphereFile
{
    const int LeastHeader = 24, LargestHeader = 1 << 20, MagicBytes = 8, SizeBytes = 8;

    /// <summary>Reads a file from its begin.</summary>
    public static SpeechRecording Read(ForwardReader reader, int channel)
    {
        var name = reader.Name;
        var magic = reader.Read(MagicBytes, "NIST_1A");
        if (magic[^1] == '\r')
            throw new DataException($"{name}, offset 7: a carriage return in the header; the file went through a transfer in text mode, "
                + "which damages its samples too. Get it again in binary mode.");
        if (magic[^1] != '\n')
            throw new DataException($"{name}, offset 7: no newline behind NIST_1A; the file is damaged.");
        var sizeText = Encoding.Latin1.GetString(reader.Read(SizeBytes, "the header's size"));
        if (!int.TryParse(sizeText.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var size) || sizeText[^1] != '\n'
            || size is < LeastHeader or > LargestHeader)
            throw new DataException($"{name}, offset 8: '{Printable.Text(sizeText.Trim())}' where the header's size should stand, "
                + $"{LeastHeader} to {LargestHeader} right-aligned in seven characters.");
        var fields = ReadFields(Encoding.Latin1.GetString(reader.Read(size - MagicBytes - SizeBytes, "the header")), name);
        DataException Wrong(string field, string expected) => new($"{name}: header field {field} is '{Printable.Text(fields[field])}'; {expected}.");

        // Whole numbers, which some programs write as 16000.0.
        int Number(string field, int least, int most)
        {
            if (!fields.TryGetValue(field, out var text))
                throw new DataException($"{name}: the header has no field {field}; the file is damaged.");
            return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out var value) && value >= least && value <= most && value == Math.Floor(value)
                ? (int)value
                : throw Wrong(field, $"{least} to {most} is expected");
        }

        var coding = fields.GetValueOrDefault("sample_coding", "pcm").ToLowerInvariant();
        if (reader.Peek(4).SequenceEqual("ajkg"u8) || coding.Contains("shorten", StringComparison.Ordinal))
            throw new DataException($"{name}, offset {size}: the samples are packed by shorten (sample_coding is '{Printable.Text(coding)}'), "
                + "which cannot be read. Unpack them, for instance: sph2pipe -p FILE OUT, or: w_decode -o pcm FILE OUT.");
        var sampleCoding = coding switch
        {
            "pcm" => SampleCoding.Signed,
            "ulaw" or "mu-law" or "mulaw" or "u-law" => SampleCoding.MuLaw,
            "alaw" or "a-law" => SampleCoding.ALaw,
            _ => throw Wrong("sample_coding", "pcm, ulaw and alaw can be read. Convert it, for instance: sph2pipe -p FILE OUT"),
        };
        var channels = Number("channel_count", 1, ushort.MaxValue);
        if (channels > 1 && fields.GetValueOrDefault("channels_interleaved", "TRUE").Equals("FALSE", StringComparison.OrdinalIgnoreCase))
            throw Wrong("channels_interleaved", "channels one behind the other cannot be read. Convert it, for instance: sph2pipe -p -c 1 FILE OUT");
        var bytes = Number("sample_n_bytes", 1, sampleCoding == SampleCoding.Signed ? 4 : 1);
        if (bytes == 1 && !fields.ContainsKey("sample_coding"))
            throw new DataException($"{name}: samples of 1 byte and no header field sample_coding, so nobody knows what they are; the file is damaged.");
        var format = new SampleFormat(sampleCoding, bytes, 8 * bytes, bytes > 1 && IsBigEndian(fields, bytes, name), channels,
            Number("sample_rate", 1, SampleFormat.LargestRate));
        if (!fields.ContainsKey("sample_count"))
            return SampleReader.Read(reader, format, null, channel);
        var count = Number("sample_count", 0, int.MaxValue);
        var recording = SampleReader.Read(reader, format, (long)count * format.FrameBytes, channel);
        return reader.SkipRest() is > 0 and var rest
            ? throw new DataException($"{name}, offset {reader.Offset - rest}: header field sample_count is {count}, of {channels} channels and {bytes} bytes, "
                + $"but {rest:N0} more bytes follow; one of them is wrong. Get the file again.")
            : recording;
    }

    static bool IsBigEndian(Dictionary<string, string> fields, int bytes, string name) => fields.GetValueOrDefault("sample_byte_format", "") switch
    {
        "01" or "012" or "0123" => false,
        "10" or "210" or "3210" => true,
        var other => throw new DataException($"{name}: header field sample_byte_format is '{Printable.Text(other)}'; 01 (little endian) or 10 (big endian) "
            + $"is expected for samples of {bytes} bytes."),
    };

    // Name, type and value, separated by blanks or tabs; a string's value may be empty. What stands behind a semicolon is a comment.
    static Dictionary<string, string> ReadFields(string header, string name)
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var raw in header.Split('\n'))
        {
            var line = raw.Trim('\0', ' ', '\t', '\r');
            if (line.Equals("end_head", StringComparison.OrdinalIgnoreCase))
                return fields;
            var parts = line.Split([' ', '\t'], 3, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 0 || parts[0].StartsWith(';'))
                continue;
            if (parts.Length == 1 || parts[1].Length < 2 || parts[1][0] != '-' || parts.Length == 2
                && !parts[1].StartsWith("-s", StringComparison.OrdinalIgnoreCase))
                throw new DataException($"{name}: header line '{Printable.Text(line[..Math.Min(80, line.Length)])}'; name, type and value are expected.");
            fields[parts[0]] = parts.Length == 2 ? "" : parts[2].Split(" ;", 2)[0].Trim(' ', '\t');
        }

        throw new DataException($"{name}: the header does not end with end_head; the file is damaged.");
    }
}
