using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Columns;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Preparation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm score</c>.</summary>
static class ScoreCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var data = new Option<string[]>("--data")
        {
            Description = "Files, folders or archives to score instead of --split. In the coding of the run's data: of a text each line, or row of a column, "
                + "is an input, of images "
                + "(idx, amat, npy, HDF5) each image, of numbers (npy, HDF5, Parquet, Arrow) each sequence, of speech (WAV, SPHERE) each recording.",
            AllowMultipleArgumentsPerToken = true,
        };
        var split = CommonOptions.Split();
        var samples = new Option<int>("--importance-samples")
        {
            HelpName = "K",
            Description = "K trajectories, for the importance-weighted bound; 0 leaves it out.",
            DefaultValueFactory = _ => 0,
        };
        var batch = new Option<int?>("--batch-size")
        {
            Description = "Inputs side by side; figures depend on it only where state is carried. Default: the run's.",
        };
        var output = new Option<string>("--out") { Description = "The file, .csv or .parquet.", DefaultValueFactory = _ => "scores.csv" };
        var columns = new ColumnOptions();
        var devices = new DeviceOptions();
        var command = new Command("score", """
            Writes the bound of each single input, a line each in a CSV file, or a row each in a Parquet file. What the model finds
            unlikely comes out low, which is how such models find anomalies. Columns: input (file or split), item (its line, image,
            sequence or recording there, from 1 on), steps, bound, nll and kl in nats, the sum over the steps. The noise is fixed:
            the same checkpoint and inputs give the same figures.

            Examples:
              vbilstm score runs/digits-1
              vbilstm score runs/digits-1 --data new-images.npy --out new.csv
              vbilstm score runs/logs --data today.log yesterday.log --importance-samples 20
              vbilstm score runs/machines --data today.parquet --sequence machine --out today-scores.parquet
            """)
        {
            checkpoint, data, split, columns.Sequence, columns.Values, samples, batch, output,
        };
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            var (path, files) = (parsed.GetRequiredValue(output), parsed.GetValue(data) ?? []);
            CommonOptions.CheckBatchSize(parsed.GetValue(batch));
            CommonOptions.CheckSamples("--importance-samples", parsed.GetValue(samples));
            CommonOptions.CheckEnding("--out", path, ".csv", ".parquet");
            if (files.Length > 0 && parsed.GetResult(split) is { Implicit: false })
                throw new ConfigurationException("--data, whose files are scored, does not go with --split, a part of the run's own data; leave out --split "
                    + "or --data.");
            var choice = new ColumnChoice(parsed.GetValue(columns.Sequence), parsed.GetValue(columns.Values) ?? [], null);
            if (files.Length == 0 && (choice.Sequence is not null || choice.Values.Count > 0))
                throw new ConfigurationException("--sequence and --values speak of the files of --data, which is missing.");
            using var interruption = new Interruption();
            using var device = devices.Create(parsed);
            using var trained = new TrainedModel(parsed.GetRequiredValue(checkpoint), device);
            using var inputs = files.Length > 0
                ? OfFiles(trained, files, choice, parsed.GetValue(batch), interruption.Token)
                : OfSplit(trained, parsed.GetRequiredValue(split), parsed.GetValue(batch));
            var scores = new List<SequenceScore>(inputs.Sequences.Count);
            var result = WorkDisplay.Run(report => trained.Posterior(inputs.Sequences, inputs.Rows, LatentMode.Sampled, parsed.GetValue(samples),
                share => report("scoring", share), scores.Add, interruption.Token));
            if (!result.IsBound)
                Warning.Print("this model reads the future: what it scores is not a sequence likelihood.");
            scores.Sort((one, other) => one.Index.CompareTo(other.Index));
            Write(path, Columns(scores, inputs));
            var lowest = scores.MinBy(score => score.Bound / inputs.Sequences.Length(score.Index));
            var (file, item) = inputs.NameOf(lowest.Index);
            Console.WriteLine($"{scores.Count:N0} inputs by {trained.Checkpoint.Folder} (step {trained.Checkpoint.State.Step:N0}), mean bound "
                + $"{result.Bound:F2} nats: {path}");
            Console.WriteLine($"lowest bound a step: {lowest.Bound / inputs.Sequences.Length(lowest.Index):F4} nats, {Printable.Text(file)}, item {item}");
            return CommandExecution.Success;
        });
        return command;
    }

    static Inputs OfFiles(TrainedModel trained, string[] files, ColumnChoice columns, int? batch, CancellationToken cancellation)
    {
        var configuration = trained.Configuration;
        var read = InputFiles.Read(files, "--data", configuration, DataSource.Identify(trained.Checkpoint), columns, cancellation);
        foreach (var remark in read.Remarks)
            Warning.Print(remark);
        var rows = batch ?? RowsFor(read.Sequences.MaximumLength, configuration);
        return new Inputs(read.Sequences, rows, index => read.Names[index], null);
    }

    // Long inputs are scored with fewer side by side, so that they take the memory of training.
    static int RowsFor(int longest, RunConfiguration configuration)
        => (int)Math.Clamp((long)configuration.Training.BatchSize * configuration.Data.Window / longest, 1, configuration.Training.BatchSize);

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The inputs own their splits; what fails ends the process.")]
    static Inputs OfSplit(TrainedModel trained, string split, int? batch)
    {
        var splits = DataSource.Open(trained.Configuration.Data, trained.Configuration.Seed);
        splits.CheckFits(trained.Configuration.Model);
        if (!trained.CheckData(splits))
            Warning.PrintUnknownData(trained.Checkpoint.Folder, splits.Source);
        var sequences = splits.Of(split);
        var batchSize = batch ?? splits.EvaluationBatchSize(sequences, trained.Configuration.Training.BatchSize);
        return new Inputs(sequences, batchSize, index => (split, index + 1), splits);
    }

    // Of each column a value for each score.
    static List<(string Name, Array Values)> Columns(List<SequenceScore> scores, Inputs inputs)
    {
        var names = scores.ConvertAll(score => inputs.NameOf(score.Index));
        var columns = new List<(string Name, Array Values)>
        {
            ("input", names.Select(name => name.File).ToArray()),
            ("item", names.Select(name => name.Item).ToArray()),
            ("steps", scores.Select(score => inputs.Sequences.Length(score.Index)).ToArray()),
            ("bound", scores.Select(score => score.Bound).ToArray()),
            ("nll", scores.Select(score => score.Nll).ToArray()),
            ("kl", scores.Select(score => score.Kl).ToArray()),
        };
        if (scores[0].ImportanceWeightedBound is not null)
            columns.Add(("importance_weighted_bound", scores.Select(score => score.ImportanceWeightedBound!.Value).ToArray()));
        return columns;
    }

    static void Write(string path, List<(string Name, Array Values)> columns)
    {
        if (!Path.GetExtension(path).Equals(".parquet", StringComparison.OrdinalIgnoreCase))
        {
            Csv.Write(path, [.. columns.Select(column => column.Name)], Enumerable.Range(0, columns[0].Values.Length)
                .Select(row => columns.Select(column => Convert.ToString(column.Values.GetValue(row), CultureInfo.InvariantCulture)!).ToArray()));
            return;
        }

        var table = new ParquetTable();
        foreach (var (name, values) in columns)
            table.Add(name, values);
        table.Write(path);
    }

    sealed record Inputs(SequenceDataset Sequences, int Rows, Func<int, (string File, int Item)> NameOf, DataSplits? Splits) : IDisposable
    {
        public void Dispose()
        {
            Sequences.Dispose();
            Splits?.Dispose();
        }
    }
}
