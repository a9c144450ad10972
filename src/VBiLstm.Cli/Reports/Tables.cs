using Spectre.Console;

namespace VBiLstm.Cli.Reports;

/// <summary>Tables as wide as they are: a terminal's width is no reason to break figures, and a file has none.</summary>
static class Tables
{
    const int Width = 200;

    public static void Write(Table table)
    {
        var console = AnsiConsole.Console;
        console.Profile.Width = Math.Max(console.Profile.Width, Width);
        console.Write(table);
    }
}
