using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Training;

namespace VBiLstm.Benchmarks.Peer;

/// <summary><c>peer</c>: our training step against TorchSharp's, in alternating pairs.</summary>
static class PeerCommand
{
    const double SecondsPerRun = 1;
    const double LargestObjectiveError = 1e-5;

    // Rounding gives some 1e-6. But among a million hidden units one may stand so near zero that the sides take different slopes of the leaky ReLU,
    // which moves one column of one gradient by 1e-3 of the whole.
    const double LargestGradientError = 5e-3;

    enum Variants
    {
        Plain,
        Tuned,
        Both,
    }

    public static Command Create()
    {
        var sizes = new SizeOptions();
        var variants = new Option<Variants>("--peer")
        {
            Description = "TorchSharp as installed (plain), with glibc's and MKL's brakes off (tuned), or both.",
            DefaultValueFactory = _ => Variants.Both,
        };
        var what = new Option<What>("--what")
        {
            Description = "Training steps, evaluations (the bound, one trajectory a sequence) or sequences drawn.",
            DefaultValueFactory = _ => What.Train,
        };
        var pairs = new Option<int>("--pairs") { Description = "Alternating pairs of runs.", DefaultValueFactory = _ => 7 };
        var json = new Option<string?>("--json") { Description = "Also writes the figures to this file." };
        var command = new Command("peer", """
            Times our training step, evaluation or sampling and a good TorchSharp implementation of the same, each in its own process, in alternating
            pairs, after it has checked that all sides compute the same objective and gradients, the same bound, or the same outputs at the latents' means.
            Nothing else should run meanwhile.
            """)
        {
            what, variants, pairs, json,
        };
        sizes.AddTo(command);
        command.SetAction(parsed =>
        {
            var (step, threads) = (sizes.Sizes(parsed), sizes.Threads(parsed));
            if (parsed.GetValue(variants) != Variants.Plain && !OperatingSystem.IsLinux())
                throw new PeerException("The tuned variant preloads libraries, which works on Linux only; use --peer plain.");
            bool[] tunings = parsed.GetValue(variants) switch { Variants.Plain => [false], Variants.Tuned => [true], _ => [false, true] };
            Console.WriteLine($"{parsed.GetValue(what).ToString().ToLowerInvariant()}, {sizes.Preset(parsed)}: H {step.Hidden}, M {step.Mlp}, "
                + $"Z {step.Latent}, B {step.Batch}, T {step.Steps}, "
                + $"{step.Head} {step.Width}, {threads} threads");
            Check(parsed.GetValue(what), step, threads, tunings[^1]);
            var report = Measure(parsed.GetValue(what), step, threads, tunings, Math.Max(1, parsed.GetValue(pairs)));
            Print(report);
            if (parsed.GetValue(json) is { } path)
                File.WriteAllText(path, JsonSerializer.Serialize(report, s_json) + "\n");
        });
        return command;
    }

    static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Seconds a batch, medians over the pairs; the ratio is the median of the pairs' ratios.</summary>
    sealed record Opponent(string Name, bool Tuned, double Seconds, double OurSeconds, double Ratio, double SmallestRatio, double LargestRatio,
        double GigaflopsPerSecond, double ShareOfPeak, double PeakMemoryBytes);

    sealed record Report(What What, StepSizes Sizes, int Threads, int Pairs, string Runtime, double PeakGigaflopsPerSecond, double OurSeconds,
        double OurGigaflopsPerSecond, double OurShareOfPeak, double OurPeakMemoryBytes, IReadOnlyList<Opponent> Peers);

    static void Check(What what, StepSizes sizes, int threads, bool tuned)
    {
        using var process = Worker.Start(["peer-check", what.ToString(), .. SizeOptions.Arguments(sizes, threads)], usesTorch: true, tuned);
        var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        if (process.ExitCode != 0 || lines.Length == 0)
            throw new PeerException("The sides could not be compared; the reason stands above.");
        foreach (var words in lines.Select(line => line.Split(' ')))
        {
            var (objective, gradient) = (double.Parse(words[1], CultureInfo.InvariantCulture), double.Parse(words[2], CultureInfo.InvariantCulture));
            Console.WriteLine(what == What.Train
                ? $"same step as {words[0],-8}: objective within {objective:E1}, every gradient within {gradient:E1} ({words[3]})"
                : $"same as TorchSharp: within {objective:E1}");
            if (!(gradient < LargestGradientError && objective < LargestObjectiveError))
                throw new PeerException("The two sides do not compute the same step.");
        }
    }

    static Report Measure(What what, StepSizes sizes, int threads, bool[] tunings, int pairs)
    {
        using var ours = new Worker(Side.Ours, what, tuned: false, sizes, threads);
        var model = SequenceModel.Of(sizes.Model);
        var operations = what switch
        {
            What.Train => model.TrainingStepOperations(sizes.Steps, sizes.Batch),
            What.Evaluate => model.ScoreOperations(sizes.Steps, sizes.Batch, 1),
            _ => 2.0 * sizes.Steps * sizes.Batch * model.GenerativeMultiplyAdds,
        } / 1e9;
        var (peaks, allOurs, opponents) = (new List<double>(), new List<double>(), new List<Opponent>());
        Side[] sides = what == What.Train ? [Side.Autograd, Side.Deferred] : [Side.Forward];
        var plans = tunings.SelectMany(tuned => sides.Select(side => (side, tuned))).ToList();
        AnsiConsole.Progress().Start(progress =>
        {
            var task = progress.AddTask("pairs", maxValue: plans.Count * pairs);
            foreach (var (side, tuned) in plans)
            {
                // One peer at a time: two models of this size beside ours would not fit every machine.
                using var peer = new Worker(side, what, tuned, sizes, threads);
                task.Description = peer.Name;
                var (ourSteps, peerSteps) = (StepsPerRun(ours), StepsPerRun(peer));
                var (ourTimes, peerTimes) = (new double[pairs], new double[pairs]);
                for (var pair = 0; pair < pairs; pair++)
                {
                    peaks.Add(ours.Peak());
                    if (pair % 2 == 0)
                        ourTimes[pair] = ours.SecondsOfBatch(sizes.Batch, ourSteps);
                    peerTimes[pair] = peer.SecondsOfBatch(sizes.Batch, peerSteps);
                    if (pair % 2 == 1)
                        ourTimes[pair] = ours.SecondsOfBatch(sizes.Batch, ourSteps);
                    task.Increment(1);
                }

                allOurs.AddRange(ourTimes);
                var ratios = ourTimes.Zip(peerTimes, (our, their) => their / our).ToArray();
                var seconds = StepBenchmark.Median(peerTimes);
                opponents.Add(new Opponent(peer.Name, tuned, seconds, StepBenchmark.Median(ourTimes), StepBenchmark.Median(ratios), ratios.Min(), ratios.Max(),
                    operations / seconds, 0, peer.Memory()));
            }
        });
        var peak = StepBenchmark.Median(peaks);
        var our = StepBenchmark.Median(allOurs);
        return new Report(what, sizes, threads, pairs, RuntimeInformation.FrameworkDescription, peak, our, operations / our, operations / our / peak,
            ours.Memory(), [.. opponents.Select(opponent => opponent with { ShareOfPeak = opponent.GigaflopsPerSecond / peak })]);
    }

    static int StepsPerRun(Worker worker) => (int)Math.Clamp(Math.Ceiling(SecondsPerRun / worker.Run(1)), 1, 1000);

    static void Print(Report report)
    {
        var table = new Table().AddColumns("side", "ms a batch", "samples/s", "GFLOP/s", "of peak", "times ours", "(range)", "peak MB");
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        table.AddRow("VBiLstm", $"{1e3 * report.OurSeconds:F1}", $"{report.Sizes.Batch / report.OurSeconds:F0}", $"{report.OurGigaflopsPerSecond:F1}",
            $"{100 * report.OurShareOfPeak:F0} %", "", "",
            $"{report.OurPeakMemoryBytes / 1e6:F0}");
        foreach (var peer in report.Peers)
            table.AddRow(peer.Name, $"{1e3 * peer.Seconds:F1}", $"{report.Sizes.Batch / peer.Seconds:F0}", $"{peer.GigaflopsPerSecond:F1}",
                $"{100 * peer.ShareOfPeak:F0} %", $"{peer.Ratio:F2}",
                $"{peer.SmallestRatio:F2}-{peer.LargestRatio:F2}", $"{peer.PeakMemoryBytes / 1e6:F0}");
        AnsiConsole.Write(table);
        Console.WriteLine($"FMA peak {report.PeakGigaflopsPerSecond:F1} GFLOP/s; medians of {report.Pairs} alternating pairs; {report.Runtime}");
        foreach (var group in report.Peers.GroupBy(peer => peer.Tuned))
            Console.WriteLine($"against the faster {(group.Key ? "tuned" : "plain")} variant: {group.MinBy(peer => peer.Seconds)!.Ratio:F2} times as fast");
    }
}
