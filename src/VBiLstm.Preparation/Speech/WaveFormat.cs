using System.Buffers.Binary;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Speech;

/// <summary>The fmt chunk of RIFF/WAVE: WAVEFORMAT, WAVEFORMATEX or WAVE_FORMAT_EXTENSIBLE.</summary>
static class WaveFormat
{
    const int Pcm = 1, Float = 3, ALaw = 6, MuLaw = 7, Extensible = 0xfffe;

    // Of the formats that recordings come in and that cannot be read here.
    static readonly Dictionary<int, string> Names = new()
    {
        [0x0002] = "Microsoft ADPCM",
        [0x0010] = "OKI ADPCM",
        [0x0011] = "IMA ADPCM",
        [0x0014] = "G.723 ADPCM",
        [0x0020] = "Yamaha ADPCM",
        [0x0022] = "TrueSpeech",
        [0x0031] = "GSM 6.10",
        [0x0040] = "G.721 ADPCM",
        [0x0042] = "G.723.1",
        [0x0045] = "G.726 ADPCM",
        [0x0050] = "MPEG",
        [0x0055] = "MP3",
        [0x0064] = "G.726 ADPCM",
        [0x0065] = "G.722 ADPCM",
        [0x0092] = "AC-3",
        [0x00ff] = "AAC",
        [0x0160] = "Windows Media Audio",
        [0x0161] = "Windows Media Audio",
        [0x0162] = "Windows Media Audio Professional",
        [0x0163] = "Windows Media Audio Lossless",
        [0x1610] = "AAC",
        [0x674f] = "Ogg Vorbis",
        [0x6750] = "Ogg Vorbis",
        [0x6751] = "Ogg Vorbis",
        [0x706d] = "AAC",
        [0xf1ac] = "FLAC",
    };

    static ReadOnlySpan<byte> SubFormatEnd => [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

    /// <summary>Reads the chunk's content.</summary>
    /// <param name="content">14 bytes or more.</param>
    /// <param name="offset">Of the content, named in errors.</param>
    /// <param name="isBigEndian">As in RIFX.</param>
    /// <param name="name">Of the file, named in errors.</param>
    public static SampleFormat Read(byte[] content, long offset, bool isBigEndian, string name)
    {
        int Field(int at) => isBigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(content.AsSpan(at))
            : BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(at));
        DataException Wrong(int at, string what) => new($"{name}, offset {offset + at}: {what}");
        var (tag, channels, block) = (Field(0), Field(2), Field(12));
        var rate = isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(content.AsSpan(4)) : BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(4));
        if (channels == 0)
            throw Wrong(2, "0 channels; 1 or more are expected.");
        if (rate is 0 or > SampleFormat.LargestRate)
            throw Wrong(4, $"{rate} samples a second; 1 to {SampleFormat.LargestRate} are expected.");
        var bits = content.Length >= 16 ? Field(14) : 8 * block / channels;
        var valid = bits;
        if (tag == Extensible)
        {
            if (content.Length < 40)
                throw Wrong(0, $"WAVE_FORMAT_EXTENSIBLE in a fmt chunk of {content.Length} bytes; 40 are expected.");
            if (!content.AsSpan(26, 14).SequenceEqual(SubFormatEnd) && !isBigEndian)
                throw Wrong(24, $"the sub-format {new Guid(content.AsSpan(24, 16))}, which cannot be read. {Advice}");
            (tag, valid) = (Field(24), Field(18) is > 0 and var given ? given : bits);
        }

        var coding = tag switch
        {
            Pcm => SampleCoding.Signed,
            Float => SampleCoding.Float,
            ALaw => SampleCoding.ALaw,
            MuLaw => SampleCoding.MuLaw,
            _ => throw Wrong(0, $"sample format {tag}{(Names.TryGetValue(tag, out var known) ? $", {known}" : "")}; PCM (1), float (3), A-law (6) "
                + $"and µ-law (7) can be read. {Advice}"),
        };
        var bytes = block == 0 ? (bits + 7) / 8 : block / channels;
        if (block % channels != 0 || 8 * bytes < bits)
            throw Wrong(12, $"{block} bytes for {channels} samples of {bits} bits; the file is damaged.");
        var isKnown = coding switch
        {
            SampleCoding.Signed => bytes is >= 1 and <= 4 && bits > 0,
            SampleCoding.Float => bytes is 4 or 8 && bits == 8 * bytes,
            _ => bytes == 1,
        };
        if (!isKnown)
            throw Wrong(14, $"samples of {bits} bits in {bytes} bytes; whole numbers of 1 to 4 bytes, floats of 4 and 8, "
                + $"A-law and µ-law of 1 can be read. {Advice}");
        if (valid > bits)
            throw Wrong(18, $"{valid} bits of {bits}; the file is damaged.");
        return new SampleFormat(coding == SampleCoding.Signed && bytes == 1 ? SampleCoding.Unsigned : coding, bytes, valid, isBigEndian, channels, (int)rate);
    }

    static string Advice => "Convert it, for instance: sox FILE -b 16 -e signed-integer OUT.wav, or: ffmpeg -i FILE -c:a pcm_s16le OUT.wav.";
}
