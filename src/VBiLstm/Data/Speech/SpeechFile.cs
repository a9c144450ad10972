using VBiLstm.Data.Preparation;

namespace VBiLstm.Data.Speech;

/// <summary>Recordings as RIFF/WAVE or NIST SPHERE files; which, is decided by content (TIMIT's SPHERE files are named .WAV).</summary>
public static class SpeechFile
{
    const int MagicBytes = 8;

    /// <summary>Reads a file. Throws <see cref="DataException"/> naming the file, the offset and what was expected there.</summary>
    public static SpeechRecording Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Read(new SourceStream(file, path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>As above, of a stream that is read forward only.</summary>
    public static SpeechRecording Read(Stream stream, string name)
        => TryRead(stream, name) ?? throw new DataException($"{name}, offset 0: neither RIFF (a WAV file) nor NIST_1A (a SPHERE file); this is no recording that can be read.");

    /// <summary>As above; null where the file is neither of the two formats.</summary>
    public static SpeechRecording? TryRead(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var magic = new byte[MagicBytes];
        if (stream.ReadAtLeast(magic, MagicBytes, throwOnEndOfStream: false) < MagicBytes)
            return null;
        if (magic.AsSpan().StartsWith("RIFF"u8))
            return RiffFile.Read(stream, name);
        return magic.AsSpan().SequenceEqual("NIST_1A\n"u8) ? SphereFile.Read(stream, name) : null;
    }
}
