using VBiLstm.Cli.Execution;

namespace VBiLstm.Cli.Tests;

/// <summary>What may be printed of names from files.</summary>
public class EscapingWriterTests
{
    [Theory]
    [InlineData("plain\ttext\n", "plain\ttext\n")]
    [InlineData("a line of Windows\r\nand another\r\n", "a line of Windows\r\nand another\r\n")]
    [InlineData("back\rto the front", @"back\u000dto the front")]
    [InlineData("twice\r\r\n", "twice\\u000d\r\n")]
    [InlineData("clear\u001b[2J", @"clear\u001b[2J")]
    [InlineData("turned\u202eround", @"turned\u202eround")]
    public void What_moves_a_cursor_is_shown_and_ends_of_lines_are_not(string text, string shown)
    {
        using var printed = new StringWriter();
        using var writer = new EscapingWriter(printed);
        writer.Write(text);
        Assert.Equal(shown, printed.ToString());
    }

    [Fact]
    public void A_line_that_nothing_stands_on_ends_as_the_system_ends_lines()
    {
        using var printed = new StringWriter();
        using var writer = new EscapingWriter(printed);
        writer.NewLine = printed.NewLine = "\r\n";
        writer.WriteLine();
        writer.WriteLine('x');
        writer.WriteLine("y");
        Assert.Equal("\r\nx\r\ny\r\n", printed.ToString());
    }
}
