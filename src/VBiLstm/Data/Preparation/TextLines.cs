using System.Text;

namespace VBiLstm.Data.Preparation;

/// <summary>How the bytes of a text are characters.</summary>
public enum TextEncoding
{
    /// <summary>UTF-8, with or without a byte order mark.</summary>
    Utf8,

    /// <summary>ISO 8859-1: every byte is a character.</summary>
    Latin1,
}

/// <summary>A line of a text.</summary>
/// <param name="Text">Without its newline; a carriage return before it is kept.</param>
/// <param name="IsEnded">Whether a newline stood behind it; false for the last line of a text that ends without.</param>
public readonly record struct TextLine(string Text, bool IsEnded);

/// <summary>Reads text files line by line and strictly: what is not the encoding is an error that names the place.</summary>
public static class TextLines
{
    /// <summary>Longer lines mean that the file is no text of lines.</summary>
    public const int MaximumLineBytes = 1 << 24;

    static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The lines of a file.</summary>
    /// <exception cref="DataException">A byte that the encoding does not have, a NUL byte, or a line longer than <see cref="MaximumLineBytes"/>; names the file and the offset.</exception>
    public static IEnumerable<TextLine> Read(SourceFile file, TextEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(file);
        var buffer = new byte[1 << 16];
        var (start, end, offset) = (0, 0, 0L); // of what is not read yet, and the file's offset of buffer[0]
        var isFirst = true;
        while (true)
        {
            var newline = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            var searched = end;
            while (newline < 0)
            {
                if (start > 0)
                {
                    buffer.AsSpan(start, end - start).CopyTo(buffer);
                    (offset, searched, end, start) = (offset + start, searched - start, end - start, 0);
                }

                if (end == buffer.Length)
                {
                    if (end >= MaximumLineBytes)
                        throw new DataException($"{file.Name}, offset {offset}: a line of more than {MaximumLineBytes:N0} bytes; this is not a text of lines.");
                    Array.Resize(ref buffer, 2 * buffer.Length);
                }

                var read = file.Content.Read(buffer.AsSpan(end));
                if (read == 0)
                    break;
                end += read;
                newline = buffer.AsSpan(searched, end - searched).IndexOf((byte)'\n');
                newline = newline < 0 ? -1 : newline + searched - start;
                searched = end;
            }

            var isEnded = newline >= 0;
            var length = isEnded ? newline : end - start;
            if (!isEnded && length == 0)
                yield break;
            var bytes = buffer.AsMemory(start, length);
            var place = offset + start;
            if (isFirst && encoding == TextEncoding.Utf8 && bytes.Span.StartsWith(Encoding.UTF8.Preamble))
                (bytes, place) = (bytes[3..], place + 3);
            isFirst = false;
            yield return new TextLine(Decode(bytes.Span, place, file.Name, encoding), isEnded);
            if (!isEnded)
                yield break;
            start += length + 1;
        }
    }

    static string Decode(ReadOnlySpan<byte> bytes, long offset, string name, TextEncoding encoding)
    {
        var nul = bytes.IndexOf((byte)0);
        if (nul >= 0)
            throw new DataException($"{name}, offset {offset + nul}: a NUL byte; this is no text, or UTF-16. Convert it to UTF-8.");
        if (encoding == TextEncoding.Latin1)
            return Encoding.Latin1.GetString(bytes);
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            var place = Math.Clamp(e.Index, 0, bytes.Length - 1);
            throw new DataException($"{name}, offset {offset + place}: byte {bytes[place]:x2} is not UTF-8 here. If the text is Latin-1, say --encoding latin-1; otherwise convert it to UTF-8.", e);
        }
    }
}
