using Spectre.Console;
using Spectre.Console.Rendering;

namespace VBiLstm.Cli.Display;

/// <summary>Time left of a live line, days included.</summary>
sealed class TimeLeftColumn : ProgressColumn
{
    protected override bool NoWrap => true;

    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        => new Text(task.RemainingTime is { } left ? DurationText.Of(left.TotalSeconds) : "--:--:--");
}
