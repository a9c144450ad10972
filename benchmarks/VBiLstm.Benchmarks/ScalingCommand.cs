using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;
using VBiLstm.Benchmarks.Peer;
using VBiLstm.Training;

namespace VBiLstm.Benchmarks;

/// <summary><c>scaling</c>: time per step as T, B and the number of threads grow.</summary>
static class ScalingCommand
{
    const int Rounds = 5;

    public static Command Create()
    {
        var sizes = new SizeOptions();
        var command = new Command("scaling", "Time per step as T doubles, as B doubles, and with one thread and all; in turns, medians.");
        sizes.AddTo(command);
        command.SetAction(parsed =>
        {
            var (step, threads) = (sizes.Sizes(parsed), sizes.Threads(parsed));
            Print("T", Enumerable.Range(0, 3).Select(power => 1 << power)
                .Select(factor => ($"T {step.Steps * factor}", step with { Steps = step.Steps * factor }, threads, (double)factor)));
            Print("B", Enumerable.Range(0, 4).Select(power => 1 << power)
                .Select(factor => ($"B {step.Batch * factor / 2}", step with { Batch = step.Batch * factor / 2 }, threads, (double)factor)));
            Print("threads", new[] { 1, threads }.Distinct().Select(count => ($"{count} threads", step, count, 1.0 / count)));
        });
        return command;
    }

    static void Print(string title, IEnumerable<(string Name, StepSizes Sizes, int Threads, double Work)> cases)
    {
        var list = cases.ToList();
        var sides = list.ConvertAll(one => new OurSide(one.Sizes, one.Threads));
        var times = list.ConvertAll(_ => new double[Rounds]);
        for (var round = -1; round < Rounds; round++)
            for (var i = 0; i < sides.Count; i++)
            {
                var (steps, start) = (0, 0L);
                for (sides[i].Step(), start = Stopwatch.GetTimestamp(); steps < 2 || Stopwatch.GetElapsedTime(start).TotalSeconds < 0.3; steps++)
                    sides[i].Step();
                if (round >= 0)
                    times[i][round] = Stopwatch.GetElapsedTime(start).TotalSeconds / steps;
            }

        var table = new Table().AddColumns(title, "ms a step", "times the first", "work, times the first");
        var first = StepBenchmark.Median(times[0]);
        for (var i = 0; i < list.Count; i++)
        {
            var median = StepBenchmark.Median(times[i]);
            table.AddRow(list[i].Name, $"{1e3 * median:F1}", $"{median / first:F3}", $"{list[i].Work / list[0].Work:F2}");
            sides[i].Dispose();
        }

        AnsiConsole.Write(table);
    }
}
