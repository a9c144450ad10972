using System.Text;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Tests.Data.Preparation;

public class TextEncodingTests
{
    const string Some = "añ€😀\n";

    // The text of all splits of a preparation.
    static string Prepared(byte[] content, TextEncoding encoding = TextEncoding.Utf8, string task = "text-char")
    {
        using var folder = new TemporaryFolder();
        Raw.Prepare(task, folder.Write("a.txt", content), folder.At("out"), new PreparationOptions { Encoding = encoding });
        var splits = Raw.Open(folder.At("out"), new DataConfiguration { Window = 1 << 20 });
        return string.Concat(new[] { splits.Train, splits.Validation, splits.Test }.SelectMany(split => Raw.Tokens(split, 0))
            .Select(id => splits.Vocabulary[id]));
    }

    static string Refused(byte[] content, TextEncoding encoding = TextEncoding.Utf8) => Assert.Throws<DataException>(() => Prepared(content, encoding)).Message;

    // U+0061 U+00F1 U+20AC U+1F600 U+000A, written out by the Unicode standard's tables.
    [Theory]
    [InlineData("61c3b1e282acf09f98800a", TextEncoding.Utf8)]
    [InlineData("efbbbf61c3b1e282acf09f98800a", TextEncoding.Utf8)]
    [InlineData("fffe6100f100ac203dd800de0a00", TextEncoding.Utf8)]
    [InlineData("feff006100f120acd83dde00000a", TextEncoding.Utf8)]
    [InlineData("fffe000061000000f1000000ac20000000f601000a000000", TextEncoding.Utf8)]
    [InlineData("0000feff00000061000000f1000020ac0001f6000000000a", TextEncoding.Utf8)]
    [InlineData("fffe6100f100ac203dd800de0a00", TextEncoding.Utf16)]
    [InlineData("6100f100ac203dd800de0a00", TextEncoding.Utf16LittleEndian)]
    [InlineData("006100f120acd83dde00000a", TextEncoding.Utf16BigEndian)]
    [InlineData("61000000f1000000ac20000000f601000a000000", TextEncoding.Utf32LittleEndian)]
    public void Marks_are_recognised_and_encodings_can_be_said(string hex, TextEncoding encoding)
    {
        var once = Convert.FromHexString(hex);
        byte[][] marks = [[0xef, 0xbb, 0xbf], [0xff, 0xfe, 0, 0], [0, 0, 0xfe, 0xff], [0xff, 0xfe], [0xfe, 0xff]];
        var mark = marks.FirstOrDefault(known => once.AsSpan().StartsWith(known))?.Length ?? 0;
        Assert.Equal(string.Concat(Enumerable.Repeat(Some, 20)),
            Prepared([.. once, .. Enumerable.Repeat(once[mark..], 19).SelectMany(part => part)], encoding));
    }

    [Fact]
    public void Windows_1252_has_quotes_and_no_undefined_bytes()
    {
        byte[] text = [0x93, 0x61, 0x94, 0x80, 0xe9, 0x0a];
        Assert.Equal(string.Concat(Enumerable.Repeat("“a”€é\n", 20)),
            Prepared([.. Enumerable.Repeat(text, 20).SelectMany(part => part)], TextEncoding.Windows1252));
        Assert.Contains("offset 1: byte 81", Refused([0x61, 0x81], TextEncoding.Windows1252), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_of_the_encoding_is_refused_with_its_place()
    {
        Assert.Contains("a.txt, offset 70000: byte", Refused([.. Enumerable.Repeat((byte)'x', 70_000), 0xe9, (byte)'y']), StringComparison.Ordinal);
        Assert.Contains("offset 3: byte", Refused([(byte)'a', (byte)'b', (byte)'c', 0xe2, 0x82]), StringComparison.Ordinal); // ends within a character
        Assert.Contains("a NUL byte", Refused(Encoding.Unicode.GetBytes("plain")), StringComparison.Ordinal);
        Assert.Contains("utf-16le", Refused(Encoding.Unicode.GetBytes("plain"), TextEncoding.Utf16), StringComparison.Ordinal);
        Assert.Contains("byte order mark of utf-8", Refused([0xef, 0xbb, 0xbf, 0x61], TextEncoding.Latin1), StringComparison.Ordinal);
        Assert.Contains("bytes 00d8", Refused([0xff, 0xfe, 0x00, 0xd8, 0x61, 0x00]), StringComparison.Ordinal); // half a surrogate pair
    }

    // Characters of one to four bytes at every place of the borders of what is read at once, in one line.
    [Fact]
    public void A_long_line_is_read_in_pieces_without_a_seam()
    {
        var text = string.Concat(Enumerable.Range(0, 60_000).Select(i => (i % 5) switch { 0 => "😀", 1 => "€", 2 => "ñ", _ => "x" })) + "y";
        foreach (var encoding in new Encoding[] { new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32 })
            Assert.Equal(text, Prepared([.. encoding.Preamble, .. encoding.GetBytes(text)]));
    }

    [Theory]
    [InlineData("a b\nc d\n", "a b|c d")]
    [InlineData("a b\r\nc d", "a b|c d")]
    [InlineData("a b\rc d\r", "a b|c d")]
    [InlineData("a b\rc d\r\ne f\ng h", "a b|c d|e f|g h")]
    [InlineData("a b\nc\rd\n", "a b|c\rd")] // a stray return in a text of newlines
    [InlineData("a b\r\nc\rd\r\n", "a b|c\rd")]
    [InlineData("", "")]
    public void Lines_end_as_the_text_ends_its_first(string text, string expected)
    {
        var file = new SourceFile(new SourceEntry("x", "x", 0, true, null), new SourceStream(new MemoryStream(Encoding.UTF8.GetBytes(text)), "x"),
            (_, _) => { }, skipsUnreadable: false);
        Assert.Equal(expected, string.Join('|', TextLines.Read(file, TextEncoding.Utf8).Select(line => line.TrimEnd('\r'))));
    }

    [Fact]
    public void An_end_of_line_across_the_border_of_what_is_read_at_once_is_one()
    {
        for (var before = 65_530; before < 65_540; before++)
        {
            var file = new SourceFile(new SourceEntry("x", "x", 0, true, null),
                new SourceStream(new MemoryStream([.. Enumerable.Repeat((byte)'x', before), .. "\r\ny\r\n"u8]), "x"),
                (_, _) => { }, skipsUnreadable: false);
            Assert.Equal(2, TextLines.Read(file, TextEncoding.Utf8).Count());
        }
    }
}
