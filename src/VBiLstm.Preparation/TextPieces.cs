using System.Text;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>Reads texts strictly and in pieces, so that a text of any size and any length of line takes the same memory.</summary>
static class TextPieces
{
    const int PieceBytes = 1 << 16;

    // Bytes that Windows' western code page gives no character; the platform makes control characters of them.
    static readonly byte[] UndefinedInWindows1252 = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

    /// <summary>The text in pieces, the next one in the place of the last. None ends between the two halves of a character or of an end of line.</summary>
    /// <exception cref="DataException">A byte that the encoding does not have, or a NUL character; names the file and the offset.</exception>
    public static IEnumerable<ReadOnlyMemory<char>> Read(SourceFile file, TextEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(file);
        var bytes = new byte[PieceBytes];
        var characters = new char[PieceBytes + 4];
        var used = file.Content.ReadAtLeast(bytes.AsSpan(0, TextEncodings.LongestMark), TextEncodings.LongestMark, throwOnEndOfStream: false);
        var (own, mark) = TextEncodings.Of(bytes.AsSpan(0, used), encoding, file.Name);
        var decoder = TextEncodings.Decoder(own);
        bytes.AsSpan(mark, used - mark).CopyTo(bytes);
        used -= mark;
        var (offset, held) = ((long)mark, 0);
        while (true)
        {
            var read = file.Content.Read(bytes.AsSpan(used));
            var isLast = read == 0;
            var count = held + Decode(decoder, bytes.AsSpan(0, used + read), characters.AsSpan(held), isLast, offset, file.Name, own);
            offset += used + read;
            used = 0;
            held = isLast || count == 0 ? 0 : char.IsHighSurrogate(characters[count - 1]) || characters[count - 1] == '\r' ? 1 : 0;
            if (count > held)
                yield return characters.AsMemory(0, count - held);
            if (isLast)
                yield break;
            if (held > 0)
                characters[0] = characters[count - 1];
        }
    }

    static int Decode(Decoder decoder, ReadOnlySpan<byte> bytes, Span<char> characters, bool isLast, long offset, string name, TextEncoding encoding)
    {
        var isOfBytes = encoding is TextEncoding.Utf8 or TextEncoding.Latin1 or TextEncoding.Windows1252;
        if (isOfBytes && bytes.IndexOf((byte)0) is >= 0 and var nul)
            throw new DataException($"{name}, offset {offset + nul}: a NUL byte; this is no text, or UTF-16 without a byte order mark. If it is, "
                + "say --encoding utf-16le (or utf-16be); otherwise take it out.");
        if (encoding == TextEncoding.Windows1252 && bytes.IndexOfAny(UndefinedInWindows1252) is >= 0 and var undefined)
            throw new DataException($"{name}, offset {offset + undefined}: byte {bytes[undefined]:x2} is no character of windows-1252; "
                + "say what the text is in with --encoding, or convert it to UTF-8.");
        try
        {
            var count = decoder.GetChars(bytes, characters, isLast);
            if (!isOfBytes && characters[..count].Contains('\0'))
                throw new DataException($"{name}, behind offset {offset}: a NUL character; this is no text.");
            return count;
        }
        catch (DecoderFallbackException e)
        {
            var place = Math.Max(0, offset + e.Index);
            var unknown = e.BytesUnknown is { Length: > 0 } those
                ? $"byte{(those.Length > 1 ? "s" : "")} {Convert.ToHexStringLower(those)}"
                : "what stands there";
            var advice = encoding == TextEncoding.Utf8
                ? "If the text is Latin-1, say --encoding latin-1 (or windows-1252); otherwise convert it to UTF-8."
                : "The file is damaged, or in another encoding; say which one with --encoding.";
            throw new DataException($"{name}, offset {place}: {unknown} is not {TextEncodings.Name(encoding)} here. {advice}", e);
        }
    }
}
