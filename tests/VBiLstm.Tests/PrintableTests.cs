namespace VBiLstm.Tests;

public class PrintableTests
{
    [Theory]
    [InlineData("plain ünïcödé 名前 😀.txt", "plain ünïcödé 名前 😀.txt")]
    [InlineData("a\u001b[2Jb", "a\\u001b[2Jb")]
    [InlineData("a\nb\rc\td\0", "a\\u000ab\\u000dc\\u0009d\\u0000")]
    [InlineData("a\u202eb\u2028c\u009bd", "a\\u202eb\\u2028c\\u009bd")]
    public void Nothing_that_moves_a_cursor_is_printed(string text, string expected) => Assert.Equal(expected, Printable.Text(text));
}
