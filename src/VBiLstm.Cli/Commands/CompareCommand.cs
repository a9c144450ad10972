using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;
using VBiLstm.Checkpoints;
using VBiLstm.Comparisons;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Evaluation;
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
        var devices = new DeviceOptions();
        var command = new Command("compare", """
            Trains each model on each data set with each seed, scores the best checkpoint of each run, and writes report.html (self-contained),
            results.csv, groups.csv and the figures as SVG and PNG. Ctrl-C saves; the same command goes on where it stopped.

            Examples:
              vbilstm compare docs/results/stand-ins.json --dry-run
              vbilstm compare docs/results/stand-ins.json --out runs/stand-ins
              vbilstm compare docs/paper/timit.json --device cuda
            """)
        {
            file, output, dryRun, reportOnly,
        };
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            var comparison = ComparisonFile.Read(parsed.GetRequiredValue(file));
            var runs = comparison.Runs();
            var folder = parsed.GetValue(output) ?? Path.Combine("runs", comparison.Name);
            if (parsed.GetValue(dryRun))
            {
                PrintRuns(runs, folder);
                return CommandExecution.Success;
            }

            var failed = false;
            if (!parsed.GetValue(reportOnly))
            {
                var open = runs.Index().Where(run => !IsFinished(run.Item, folder)).ToList();
                CheckData(open.Select(run => run.Item));
                using var device = devices.Create(parsed);
                using var interruption = new Interruption();
                var clock = Stopwatch.StartNew();
                foreach (var (done, (number, run)) in open.Index())
                {
                    var left = done > 0 ? $", about {clock.Elapsed / done * (open.Count - done):hh\\:mm\\:ss} left" : "";
                    Console.WriteLine($"[{number + 1}/{runs.Count}] {run.Data.Name}, {run.Model.Name}, seed {run.Seed}: {Names.Describe(run.Configuration.Model)}, {run.Parameters:N0} parameters{left}");
                    try
                    {
                        if (!Train(run, folder, device, interruption.Token))
                        {
                            Console.WriteLine("Interrupted and saved; the same command goes on.");
                            return CommandExecution.Interrupted;
                        }
                    }
                    catch (NonFiniteException e)
                    {
                        failed = true;
                        Console.Error.WriteLine($"vbilstm: {run.Folder}: {e.Message} The other runs go on; the report says that this one is missing.");
                    }
                }
            }

            var results = runs.Where(run => IsFinished(run, folder)).Select(run => new ComparedRun(run, ComparisonResult.Read(Path.Combine(folder, run.Folder, ComparisonResult.FileName)), Path.Combine(folder, run.Folder))).ToList();
            if (results.Count == 0)
                throw new ConfigurationException($"{folder} holds no finished run of this comparison; leave --report-only out.");
            ComparisonReport.Write(comparison, runs.Count, results, folder);
            Console.WriteLine($"report  {Path.Combine(folder, ComparisonReport.FileName)} ({results.Count} of {runs.Count} runs)");
            return failed ? CommandExecution.Failure : CommandExecution.Success;
        });
        return command;
    }

    // What is missing must not show up hours later.
    static void CheckData(IEnumerable<ComparisonRun> runs)
    {
        foreach (var group in runs.GroupBy(run => run.Configuration.Data))
        {
            var data = DataSplits.Open(group.Key, group.First().Seed);
            foreach (var run in group)
                data.CheckFits(run.Configuration.Model);
        }
    }

    static void PrintRuns(IReadOnlyList<ComparisonRun> runs, string folder)
    {
        var table = new Table().AddColumns("data", "model", "seed", "sizes").AddColumn(new TableColumn("parameters").RightAligned()).AddColumn(new TableColumn("steps").RightAligned()).AddColumn("state");
        foreach (var run in runs)
        {
            var training = run.Configuration.Training;
            table.AddRow(run.Data.Name, run.Model.Name, $"{run.Seed}", Names.Describe(run.Configuration.Model), $"{run.Parameters:N0}",
                training.Steps > 0 ? $"{training.Steps:N0}" : $"{training.Epochs} epochs", IsFinished(run, folder) ? "finished" : CheckpointFolder.Exists(new RunFolder(Path.Combine(folder, run.Folder)).Last) ? "begun" : "");
        }

        Tables.Write(table);
    }

    static bool IsFinished(ComparisonRun run, string folder)
    {
        var place = new RunFolder(Path.Combine(folder, run.Folder));
        if (!File.Exists(Path.Combine(place.Path, ComparisonResult.FileName)))
            return false;
        return ConfigurationFile.Read(place.Configuration) == run.Configuration
            ? true
            : throw new ConfigurationException($"{place.Path} was made with another configuration than the comparison now has; remove it, or choose another --out.");
    }

    // False where it was interrupted.
    static bool Train(ComparisonRun run, string folder, Device device, CancellationToken cancellation)
    {
        var place = new RunFolder(Path.Combine(folder, run.Folder));
        var data = DataSplits.Open(run.Configuration.Data, run.Seed);
        data.CheckFits(run.Configuration.Model);
        var begun = CheckpointFolder.Exists(place.Last) ? CheckpointFolder.Read(place.Last, withMoments: true) : null;
        if (begun is not null && begun.State.Configuration != run.Configuration)
            throw new ConfigurationException($"{place.Path} was begun with another configuration than the comparison now has; remove it, or choose another --out.");
        using (var trainer = begun is null ? new Trainer(run.Configuration, data, device, place) : new Trainer(run.Configuration, data, device, place, begun))
        {
            if (!trainer.IsComplete && TrainingDisplay.Run(trainer, cancellation) == TrainingOutcome.Interrupted)
                return false;
        }

        try
        {
            using var trained = new TrainedModel(place.Path, device);
            var result = WorkDisplay.Run(report => ComparisonResult.Evaluate(trained, data, report, cancellation));
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
