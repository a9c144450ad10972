using VBiLstm.Data.Preparation;

namespace VBiLstm.Data.Speech;

/// <summary>Recordings as RIFF/WAVE or NIST SPHERE files; which, is decided by content (TIMIT's SPHERE files are named .WAV).</summary>
public static class SpeechFile
{
    const int MagicBytes = 8, PieceBytes = 1 << 16;

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

    /// <summary>Reads <paramref name="count"/> bytes in pieces: a header that promises much more than the file holds must not make us allocate it.</summary>
    internal static byte[] ReadBytes(Stream stream, long count, long offset, string name, string what)
    {
        if (count > Array.MaxLength)
            throw new DataException($"{name}, offset {offset}: {what} of {count:N0} bytes, more than can be read at once ({Array.MaxLength:N0}); cut the recording.");
        var bytes = new byte[Math.Min(count, PieceBytes)];
        var used = 0;
        while (used < count)
        {
            if (used == bytes.Length)
                Array.Resize(ref bytes, (int)Math.Min(count, 2L * bytes.Length));
            var read = stream.Read(bytes, used, bytes.Length - used);
            if (read == 0)
                throw new DataException($"{name}, offset {offset + used}: the file ends where {count - used:N0} more bytes of {what} should stand; it is truncated.");
            used += read;
        }

        return bytes;
    }
}
