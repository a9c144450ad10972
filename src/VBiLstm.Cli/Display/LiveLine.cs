using Spectre.Console;
using Spectre.Console.Rendering;

namespace VBiLstm.Cli.Display;

/// <summary>
/// Live lines that stay one line at any width: a bar where there is room for it, the share, the time left, and as much of the description as fits.
/// </summary>
static class LiveLine
{
    const int BarWidth = 24, ShareWidth = 4, WidthWithBar = 80;

    public static Progress Create()
    {
        var hasBar = AnsiConsole.Profile.Width >= WidthWithBar;
        return AnsiConsole.Progress().AutoClear(true).Columns(
        [
            .. hasBar ? [new ProgressBarColumn { Width = BarWidth }] : Array.Empty<ProgressColumn>(),
            new PercentageColumn(), new TimeLeftColumn(), new DescriptionColumn(hasBar ? BarWidth + 1 : 0),
        ]);
    }

    /// <summary>
    /// Writes a line above the live ones, in parts that fit: behind the end of what the terminal wraps, the live line would show. Parts end where two spaces
    /// stand, or anywhere in what is longer than a line.
    /// </summary>
    public static void WriteAbove(string line)
    {
        var width = Math.Max(1, AnsiConsole.Profile.Width - 1);
        if (line.Length <= width)
        {
            AnsiConsole.WriteLine(line);
            return;
        }

        var part = "";
        foreach (var field in line.Split("  ").SelectMany(field => field.Chunk(width)).Select(characters => new string(characters)))
        {
            if (part.Length > 0 && part.Length + 2 + field.Length > width)
            {
                AnsiConsole.WriteLine(part);
                part = "";
            }

            part = part.Length == 0 ? field : $"{part}  {field}";
        }

        AnsiConsole.WriteLine(part);
    }

    sealed class DescriptionColumn(int barWidth) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            // A space behind each column.
            var room = Math.Max(1, options.ConsoleSize.Width - barWidth - (ShareWidth + 1) - (TimeLeftColumn.TextOf(task).Length + 1) - 1);
            var text = task.Description;
            return new Text(text.Length <= room ? text : $"{text[..(room - 1)]}…");
        }
    }
}
