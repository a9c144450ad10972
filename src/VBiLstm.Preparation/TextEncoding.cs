using System.Text;
using VBiLstm.Data;

namespace VBiLstm.Preparation;

/// <summary>How the bytes of a text are characters.</summary>
public enum TextEncoding
{
    /// <summary>UTF-8, with or without a byte order mark; UTF-16 and UTF-32 where such a mark says so.</summary>
    Utf8,

    /// <summary>ISO 8859-1: every byte is a character.</summary>
    Latin1,

    /// <summary>Latin-1 with quotes, dashes and the Euro sign: Windows' western code page.</summary>
    Windows1252,

    /// <summary>UTF-16 whose byte order a mark says.</summary>
    Utf16,
    Utf16LittleEndian,
    Utf16BigEndian,

    /// <summary>UTF-32 whose byte order a mark says.</summary>
    Utf32,
    Utf32LittleEndian,
    Utf32BigEndian,
}

/// <summary>The encodings by name, by mark, and as decoders that accept no byte that is none of theirs.</summary>
static class TextEncodings
{
    static readonly (byte[] Mark, TextEncoding Encoding)[] Marks =
    [
        ([0xff, 0xfe, 0, 0], TextEncoding.Utf32LittleEndian),
        ([0, 0, 0xfe, 0xff], TextEncoding.Utf32BigEndian),
        ([0xef, 0xbb, 0xbf], TextEncoding.Utf8),
        ([0xff, 0xfe], TextEncoding.Utf16LittleEndian),
        ([0xfe, 0xff], TextEncoding.Utf16BigEndian),
    ];

    /// <summary>Bytes of the longest mark.</summary>
    public const int LongestMark = 4;

    /// <summary>Every encoding as the command line spells it.</summary>
    public static IReadOnlyDictionary<string, TextEncoding> ByName { get; } = new Dictionary<string, TextEncoding>
    {
        ["utf-8"] = TextEncoding.Utf8,
        ["latin-1"] = TextEncoding.Latin1,
        ["windows-1252"] = TextEncoding.Windows1252,
        ["utf-16"] = TextEncoding.Utf16,
        ["utf-16le"] = TextEncoding.Utf16LittleEndian,
        ["utf-16be"] = TextEncoding.Utf16BigEndian,
        ["utf-32"] = TextEncoding.Utf32,
        ["utf-32le"] = TextEncoding.Utf32LittleEndian,
        ["utf-32be"] = TextEncoding.Utf32BigEndian,
    };

    /// <summary>The name of an encoding.</summary>
    public static string Name(TextEncoding encoding) => ByName.Single(known => known.Value == encoding).Key;

    /// <summary>What a text is in, by what was asked for and by the mark that it begins with.</summary>
    /// <param name="head">Its first bytes.</param>
    /// <param name="asked">What the user said.</param>
    /// <param name="name">Of the file, for errors.</param>
    /// <exception cref="DataException">The mark is that of another encoding; or there is none and two byte orders are possible.</exception>
    public static (TextEncoding Encoding, int MarkBytes) Of(ReadOnlySpan<byte> head, TextEncoding asked, string name)
    {
        foreach (var (mark, encoding) in Marks)
        {
            if (!head.StartsWith(mark))
                continue;
            var agrees = asked == encoding || asked switch
            {
                TextEncoding.Utf8 => true,
                TextEncoding.Utf16 => encoding is TextEncoding.Utf16LittleEndian or TextEncoding.Utf16BigEndian,
                TextEncoding.Utf32 => encoding is TextEncoding.Utf32LittleEndian or TextEncoding.Utf32BigEndian,
                _ => false,
            };
            return agrees
                ? (encoding, mark.Length)
                : throw new DataException($"{name}, offset 0: the byte order mark of {Name(encoding)}, but --encoding says {Name(asked)}; "
                + "leave --encoding out, marks are recognised, or convert the file.");
        }

        return asked is TextEncoding.Utf16 or TextEncoding.Utf32
            ? throw new DataException($"{name}, offset 0: no byte order mark, so {Name(asked)} has two meanings; "
                + $"say --encoding {Name(asked)}le (as Windows writes) or {Name(asked)}be.")
            : (asked, 0);
    }

    /// <summary>A decoder that throws at bytes which the encoding does not have.</summary>
    public static Decoder Decoder(TextEncoding encoding) => (encoding switch
    {
        TextEncoding.Latin1 => Encoding.Latin1,
        TextEncoding.Windows1252 => CodePagesEncodingProvider.Instance.GetEncoding(1252, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)!,
        TextEncoding.Utf16LittleEndian => new UnicodeEncoding(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true),
        TextEncoding.Utf16BigEndian => new UnicodeEncoding(bigEndian: true, byteOrderMark: false, throwOnInvalidBytes: true),
        TextEncoding.Utf32LittleEndian => new UTF32Encoding(bigEndian: false, byteOrderMark: false, throwOnInvalidCharacters: true),
        TextEncoding.Utf32BigEndian => new UTF32Encoding(bigEndian: true, byteOrderMark: false, throwOnInvalidCharacters: true),
        _ => new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true),
    }).GetDecoder();
}
