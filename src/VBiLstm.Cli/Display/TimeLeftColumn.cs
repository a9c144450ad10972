using Spectre.Console;
using Spectre.Console.Rendering;

namespace VBiLstm.Cli.Display;

/// <summary>Time left of a live line, days included.</summary>
sealed class TimeLeftColumn : ProgressColumn
{
    protected override bool NoWrap => true;

    public static string TextOf(ProgressTask task) => task.RemainingTime is { } left ? DurationText.Of(left.TotalSeconds) : "--:--:--";

    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(TextOf(task));
}
