using System.Diagnostics;
using Spectre.Console;

namespace VBiLstm.Cli;

/// <summary>Progress of work that tells what it does and its share: a live line on a terminal, a plain line now and then elsewhere.</summary>
static class PreparationDisplay
{
    static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5), LiveInterval = TimeSpan.FromSeconds(0.1);

    public static T Run<T>(Func<Action<string, double>, T> work)
    {
        var since = Stopwatch.StartNew();
        var phase = "";
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            return work((name, share) =>
            {
                if (name == phase && since.Elapsed < PlainInterval)
                    return;
                Console.WriteLine(name == phase ? $"{name} {share:P0}" : name);
                phase = name;
                since.Restart();
            });
        }

        return AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context =>
            {
                ProgressTask? task = null;
                return work((name, share) =>
                {
                    if (name != phase)
                    {
                        if (task is not null)
                            task.Value = task.MaxValue;
                        task = context.AddTask(Markup.Escape(name), maxValue: 1);
                        phase = name;
                    }
                    else if (since.Elapsed < LiveInterval)
                    {
                        return;
                    }

                    task!.Value = share;
                    since.Restart();
                });
            });
    }
}
