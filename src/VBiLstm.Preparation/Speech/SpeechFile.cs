using System.Text;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation.Speech;

/// <summary>Recordings as RIFF/WAVE or NIST SPHERE files; which, is decided by content (TIMIT's SPHERE files are named .WAV).</summary>
public static class SpeechFile
{
    /// <summary>Reads a file. Throws <see cref="DataException"/> naming the file, the offset and what was expected there.</summary>
    /// <param name="path">The file.</param>
    /// <param name="channel">The one that is taken, from 1; 0 for the mean of all.</param>
    public static SpeechRecording Read(string path, int channel = 0)
    {
        try
        {
            using var file = SharedFile.OpenRead(path);
            using var stream = new SourceStream(file, path);
            return Read(stream, path, channel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>As above, of a stream that is read forward only.</summary>
    public static SpeechRecording Read(Stream stream, string name, int channel = 0)
        => TryRead(stream, name, channel)
            ?? throw Unknown(name, "neither RIFF (a WAV file) nor NIST_1A (a SPHERE file); this is no recording that can be read.");

    /// <summary>As above; null where the file is no recording, neither by its content nor by its name.</summary>
    public static SpeechRecording? TryRead(Stream stream, string name, int channel = 0)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        var reader = new ForwardReader(stream, name);
        var begin = Encoding.Latin1.GetString(reader.Peek(ForwardReader.MaximumAhead));
        bool Begins(string magic) => begin.StartsWith(magic, StringComparison.Ordinal);
        if ((Begins("RIFF") || Begins("RIFX") || Begins("RF64") || Begins("BW64"))
            && (SourceNames.IsRecording(name) || begin.Length < 12 || begin[8..12] == "WAVE"))
            return RiffFile.Read(reader, channel);
        if (Begins("NIST_1A"))
            return SphereFile.Read(reader, channel);
        if (OtherSound(begin, SourceNames.IsRecording(name)) is { } sound)
            throw Unknown(name, $"{sound}; only WAV and SPHERE can be read. Convert it, for instance: "
                + $"{(sound == "FLAC" ? "flac -d FILE" : "ffmpeg -i FILE -c:a pcm_s16le OUT.wav")}.");
        if (!SourceNames.IsRecording(name))
            return null;
        var text = begin.TrimStart(' ', '\t', '\r', '\n', 'ï', '»', '¿');
        bool IsText(string start) => text.StartsWith(start, StringComparison.OrdinalIgnoreCase);
        if (begin.Length == 0)
            throw Unknown(name, "the file is empty. Get it again.");
        if (IsText("<!doctype") || IsText("<html") || IsText("<?xml") || IsText("<head"))
            throw Unknown(name, "a web page under the name of a recording, as a failed download leaves it. Get it again.");
        if (IsText("version https://git-lfs"))
            throw Unknown(name, "a pointer of Git LFS, not the recording itself. Get it with: git lfs pull.");
        throw Unknown(name, "neither RIFF (a WAV file) nor NIST_1A (a SPHERE file) in spite of its name; this is no recording that can be read. Leave it out, "
            + "or say what it is, for instance: sox -t raw -r 16000 -b 16 -e signed-integer -c 1 FILE OUT.wav.");
    }

    static DataException Unknown(string name, string what) => new($"{name}, offset 0: {what}");

    // By the first bytes; those of MP3 without tags are no more than a hint.
    static string? OtherSound(string begin, bool isNamedSo)
    {
        bool Has(int at, string magic) => begin.Length >= at + magic.Length && string.CompareOrdinal(begin, at, magic, 0, magic.Length) == 0;
        return Has(0, "fLaC") ? "FLAC"
            : Has(0, "OggS") ? "Ogg"
            : Has(0, "ID3") || isNamedSo && (Has(0, "ÿû") || Has(0, "ÿó") || Has(0, "ÿò")) ? "MP3"
            : Has(0, "FORM") && (Has(8, "AIFF") || Has(8, "AIFC")) ? "AIFF"
            : Has(0, "caff\0\u0001") ? "CAF"
            : Has(0, ".snd") || Has(0, "dns.") ? "AU"
            : Has(0, "riff.\u0091Ï\u0011") ? "Wave64"
            : Has(0, "wvpk") ? "WavPack"
            : Has(0, "ajkg") ? "shorten"
            : Has(0, "MAC ") ? "Monkey's Audio"
            : Has(0, "#!AMR") ? "AMR"
            : Has(4, "ftypM4A") ? "MPEG-4"
            : Has(0, "0&²u\u008EfÏ\u0011") ? "Windows Media"
            : null;
    }
}
