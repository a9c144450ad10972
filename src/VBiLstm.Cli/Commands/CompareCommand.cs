using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using VBiLstm.Checkpoints;
using VBiLstm.Cli.Comparisons;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Comparisons;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Preparation;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm compare</c>.</summary>
static class CompareCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "A comparison: JSON with data, models and seeds (docs/comparing.md)." };
        var output = new Option<string?>("--out") { Description = "Folder of the runs and the report; default: runs/NAME, the comparison's name." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Lists the runs with their sizes and stops." };
        var reportOnly = new Option<bool>("--report-only") { Description = "Writes the report of the runs that are finished." };
        var shard = new Option<string?>("--shard")
        {
            Description = "I/N: only every N-th run, from the I-th on. So N jobs share a table out; whichever ends last writes the report.",
        };
        var devices = new DeviceOptions();
        var command = new Command("compare", """
            Trains each model on each data set with each seed, and reports. The best checkpoint of each run is scored; report.html
            (self-contained), results.csv, groups.csv and the figures as SVG and PNG are written. Ctrl-C saves; the same command goes on where it stopped.
            Every run has an owner: jobs that share a table out (--shard) cannot train the same one.

            Examples:
              vbilstm compare docs/results/digits.json --dry-run
              vbilstm compare docs/results/digits.json --out runs/digits
              vbilstm compare docs/paper/timit.json --device cuda
              vbilstm compare docs/results/digits.json --shard $SLURM_ARRAY_TASK_ID/8
            """)
        {
            file, output, dryRun, reportOnly, shard,
        };
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            var comparison = ComparisonFile.Read(parsed.GetRequiredValue(file));
            var runs = comparison.Runs().ToList();
            var own = Own(runs, parsed.GetValue(shard));
            if (own.Count < runs.Count && parsed.GetValue(reportOnly))
                throw new ConfigurationException("--report-only writes the report of all finished runs; leave --shard out.");
            var folder = parsed.GetValue(output) ?? Path.Combine("runs", comparison.Name);
            if (parsed.GetValue(dryRun))
            {
                PrintRuns(own, folder);
                return CommandExecution.Success;
            }

            var failures = new List<string>();
            if (!parsed.GetValue(reportOnly))
            {
                using var interruption = new Interruption();
                var open = own.Where(run => !IsFinished(run, folder)).ToList();
                if (open.Count > 0)
                    CheckData(runs, open, folder);
                using var device = devices.Create(parsed);
                var clock = Stopwatch.StartNew();
                foreach (var (done, run) in open.Index())
                {
                    var left = done > 0 ? $", about {DurationText.Of(clock.Elapsed.TotalSeconds / done * (open.Count - done))} left" : "";
                    Console.WriteLine($"[{runs.IndexOf(run) + 1}/{runs.Count}] {run.Data.Name}, {run.Model.Name}, seed {run.Seed}: "
                        + $"{Names.Describe(run.Configuration.Model)}, {run.Parameters:N0} parameters{left}");
                    try
                    {
                        if (!Train(run, comparison.Samples, folder, device, interruption.Token))
                        {
                            Console.WriteLine("Interrupted and saved; the same command goes on.");
                            return CommandExecution.Interrupted;
                        }
                    }
                    catch (NonFiniteException e)
                    {
                        failures.Add($"{run.Folder}: {e.Message}");
                        Warning.Print($"{failures[^1]} The other runs go on; the report says that this one is missing.");
                    }
                }
            }

            var results = runs.Where(run => IsFinished(run, folder))
                .Select(run => new ComparedRun(run, ComparisonResult.Read(Path.Combine(folder, run.Folder, ComparisonResult.FileName)),
                    Path.Combine(folder, run.Folder))).ToList();
            if (own.Count < runs.Count && results.Count < runs.Count)
            {
                var quoted = ShellText.Quote(parsed.GetRequiredValue(file));
                Console.WriteLine($"This shard's runs are done; {runs.Count - results.Count} of {runs.Count} are missing for the report. "
                    + $"Write one of what there is with: vbilstm compare {quoted} --report-only");
                return failures.Count > 0 ? CommandExecution.Failure : CommandExecution.Success;
            }

            if (results.Count == 0 && failures.Count > 0)
            {
                Warning.Print("No run of this comparison is finite.");
                return CommandExecution.Failure;
            }

            if (results.Count == 0)
                throw new ConfigurationException($"{folder} holds no finished run of this comparison; leave --report-only out.");
            foreach (var other in results.Where(run => run.Result.HasChannel && run.Result.Samples != comparison.Samples).GroupBy(run => run.Result.Samples))
                Warning.Print($"{other.Count()} runs were scored with samples = {other.Key}, and the file says {comparison.Samples}; where a "
                    + $"model's runs differ, its columns of K samples stay empty. To score a run again, remove its {ComparisonResult.FileName} in {folder}.");
            ComparisonReport.Write(comparison, runs.Count, results, failures, folder);
            Console.WriteLine($"report  {Path.Combine(folder, ComparisonReport.FileName)} ({results.Count} of {runs.Count} runs)");
            return failures.Count > 0 ? CommandExecution.Failure : CommandExecution.Success;
        });
        return command;
    }

    // Neighbours in the table are of one data set and differ in length: every N-th is a fairer share than a block.
    static List<ComparisonRun> Own(IReadOnlyList<ComparisonRun> runs, string? shard)
    {
        if (shard is null)
            return [.. runs];
        var parts = shard.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && number >= 1 && number <= count
                ? [.. runs.Where((_, index) => index % count == number - 1)]
                : throw new ConfigurationException($"--shard is '{shard}'; use I/N with I from 1 to N, for instance 2/8.");
    }

    // What is missing must not show up hours later, and one table must not hold figures of two data sets.
    static void CheckData(IReadOnlyList<ComparisonRun> runs, IEnumerable<ComparisonRun> open, string folder)
    {
        foreach (var group in open.GroupBy(run => run.Configuration.Data))
        {
            var finished = runs.Where(run => run.Configuration.Data == group.Key && IsFinished(run, folder)).ToList();
            foreach (var seed in group.GroupBy(run => run.Seed))
            {
                using var data = DataSource.Open(group.Key, seed.Key);
                foreach (var run in seed)
                    data.CheckFits(run.Configuration.Model);
                foreach (var run in finished.Where(run => run.Seed == seed.Key))
                {
                    var place = Path.Combine(folder, run.Folder);
                    if (ComparisonResult.Read(Path.Combine(place, ComparisonResult.FileName)).DataSha256 is { } known && known != data.Identify().Sha256)
                        TrainedModel.Read(place, withMoments: false).Data?.Check(data.Identify(), data.Source, place);
                }
            }
        }
    }

    static void PrintRuns(IReadOnlyList<ComparisonRun> runs, string folder)
    {
        var table = new Table().AddColumns("data", "model", "seed", "sizes").AddColumn(new TableColumn("parameters").RightAligned())
            .AddColumn(new TableColumn("generative").RightAligned()).AddColumn(new TableColumn("steps").RightAligned()).AddColumn("state");
        foreach (var run in runs)
        {
            var training = run.Configuration.Training;
            table.AddRow(run.Data.Name, run.Model.Name, $"{run.Seed}", Names.Describe(run.Configuration.Model), $"{run.Parameters:N0}",
                $"{run.GenerativeParameters:N0}", training.Steps > 0 ? $"{training.Steps:N0}" : $"{training.Epochs} epochs",
                IsFinished(run, folder) ? "finished" : CheckpointFolder.Exists(new RunFolder(Path.Combine(folder, run.Folder)).Last) ? "begun" : "");
        }

        Tables.Write(table);
    }

    static bool IsFinished(ComparisonRun run, string folder)
    {
        var place = new RunFolder(Path.Combine(folder, run.Folder));
        if (!File.Exists(Path.Combine(place.Path, ComparisonResult.FileName)))
            return false;
        return IsSame(ConfigurationFile.Read(place.Configuration), run)
            ? true
            : throw new ConfigurationException($"{place.Path} was made with another configuration than the comparison now has; remove it, "
                + "or choose another --out.");
    }

    // The data may have moved: whether they are the same, their checksum says.
    static bool IsSame(RunConfiguration made, ComparisonRun run)
        => made with { Data = made.Data with { Source = run.Configuration.Data.Source } } == run.Configuration;

    // False where it was interrupted.
    static bool Train(ComparisonRun run, int samples, string folder, Device device, CancellationToken cancellation)
    {
        var place = new RunFolder(Path.Combine(folder, run.Folder));
        using var data = DataSource.Open(run.Configuration.Data, run.Seed);
        data.CheckFits(run.Configuration.Model);
        var owner = RunOwner.Acquire(place, Warning.Print);
        try
        {
            var begun = place.ReadNewest(Warning.Print);
            if (begun is not null && !IsSame(begun.State.Configuration, run))
                throw new ConfigurationException($"{place.Path} was begun with another configuration than the comparison now has; remove it, "
                    + "or choose another --out.");
            using var trainer = new Trainer(run.Configuration, data, device, place, begun, owner);
            if (!trainer.IsComplete && TrainingDisplay.Run(trainer, device, () => { }, cancellation) == TrainingOutcome.Interrupted)
                return false;
        }
        catch
        {
            owner.Dispose();
            throw;
        }

        try
        {
            using var trained = new TrainedModel(place.Path, device);
            var result = WorkDisplay.Run(report => ComparisonResult.Evaluate(trained, data, samples, report, cancellation));
            result.Write(Path.Combine(place.Path, ComparisonResult.FileName));
            Console.WriteLine($"test {result.Value:F3} {result.Unit}");
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
