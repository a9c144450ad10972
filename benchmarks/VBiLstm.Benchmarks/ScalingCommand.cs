using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;
using VBiLstm.Benchmarks.Peer;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model.Models;
using VBiLstm.Training;

namespace VBiLstm.Benchmarks;

/// <summary><c>scaling</c>: time and memory of a step as T, B, V and the number of threads grow.</summary>
static class ScalingCommand
{
    const int Rounds = 5;
    const int LargestT = 2000, LargestB = 512, LargestV = 50_000;

    public static Command Create()
    {
        var sizes = new SizeOptions();
        var command = new Command("scaling", $"""
            Time and memory of a training step as T grows to {LargestT:N0}, B to {LargestB} and, of a categorical head, V to {LargestV:N0}, and with 1, 2
            and so on to all threads. Each case is measured in turns with the first of its table; medians. What does not fit into the free memory is left
            out, and said.
            """);
        sizes.AddTo(command);
        command.SetAction(parsed =>
        {
            var (step, threads) = (sizes.Sizes(parsed), sizes.Threads(parsed));
            Print("T", UpTo(step.Steps, LargestT, factor: 4).Select(t => ($"T {t}", step with { Steps = t }, threads, (double)t / step.Steps)));
            Print("B", UpTo(Math.Max(1, step.Batch / 2), LargestB)
                .Select(b => ($"B {b}", step with { Batch = b }, threads, (double)b / Math.Max(1, step.Batch / 2))));
            if (step.Head == Head.Categorical)
            {
                Print("V", UpTo(step.Width, LargestV, factor: 10)
                    .Select(v => ($"V {v}", step with { Width = v }, threads, Work(step with { Width = v }) / Work(step))));
            }

            Print("threads", Enumerable.Range(1, threads).Select(count => ($"{count} thread{(count == 1 ? "" : "s")}", step, count, 1.0 / count)));
        });
        return command;
    }

    static double Work(StepSizes sizes) => SequenceModel.Of(sizes.Model).TrainingStepOperations(sizes.Steps, sizes.Batch);

    // From the first by a factor to the last.
    static IEnumerable<int> UpTo(int first, int last, int factor = 2)
    {
        for (var value = first; value * Math.Sqrt(factor) < last; value *= factor)
            yield return value;
        yield return Math.Max(first, last);
    }

    static void Print(string title, IEnumerable<(string Name, StepSizes Sizes, int Threads, double Work)> cases)
    {
        var list = cases.ToList();
        var table = new Table().AddColumns(title, "ms a step", "times the first", "work, times the first", "activations, MB");
        using var first = new OurSide(list[0].Sizes, list[0].Threads);
        foreach (var (name, sizes, threads, work) in list)
        {
            if (!Fits(sizes, threads, out var needed))
            {
                Console.WriteLine($"{name} needs {needed}, more than is free: left out.");
                continue;
            }

            using var side = new OurSide(sizes, threads);
            var (times, ratios) = (new double[Rounds], new double[Rounds]);
            for (var round = -1; round < Rounds; round++)
            {
                var (beside, time) = (Seconds(first), Seconds(side));
                if (round >= 0)
                    (times[round], ratios[round]) = (time, time / beside);
            }

            table.AddRow(name, $"{1e3 * StepBenchmark.Median(times):F1}", $"{StepBenchmark.Median(ratios):F3}", $"{work:F2}",
                $"{side.ActivationBytes / 1e6:F1}");
        }

        AnsiConsole.Write(table);
    }

    static bool Fits(StepSizes sizes, int threads, out TrainingMemory needed)
    {
        using var device = new CpuDevice(threads);
        needed = TrainingMemory.Measure(device, sizes.Model, sizes.Steps, sizes.Batch);
        return device.FreeBytes is not { } free || needed.Bytes <= free;
    }

    static double Seconds(OurSide side)
    {
        var (steps, start) = (0, Stopwatch.GetTimestamp());
        for (; steps < 1 || Stopwatch.GetElapsedTime(start).TotalSeconds < 0.2; steps++)
            side.Step();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / steps;
    }
}
