using System.Diagnostics;
using Spectre.Console;

namespace VBiLstm.Cli.Display;

/// <summary>Progress of work that tells what it does and its share: a live line on a terminal, a plain line each few seconds elsewhere.</summary>
static class WorkDisplay
{
    static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5), LiveInterval = TimeSpan.FromSeconds(0.1);

    public static T Run<T>(Func<Action<string, double>, T> work)
    {
        var since = Stopwatch.StartNew();
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            return work((name, share) =>
            {
                if (since.Elapsed < PlainInterval)
                    return;
                Console.WriteLine($"{name} {share:P0}");
                since.Restart();
            });
        }

        return LiveLine.Create().Start(context =>
        {
            ProgressTask? task = null;
            var phase = "";
            return work((name, share) =>
            {
                if (name != phase)
                {
                    if (task is not null)
                        task.Value = task.MaxValue;
                    task = context.AddTask(name, maxValue: 1);
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
