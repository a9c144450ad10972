using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm train</c>.</summary>
static class TrainCommand
{
    const int SampleRows = 8, SampleColumns = 16;

    public static Command Create()
    {
        var data = new Option<string?>("--data") { Description = "Short for --set data.source=…: embedded-digits, a prepared folder (vbilstm data prepare), or a folder of idx image files." };
        var steps = new Option<int?>("--steps") { Description = "Short for --set training.steps=…: training steps of the whole run." };
        var epochs = new Option<double?>("--epochs") { Description = "Short for --set training.epochs=… with training.steps=0: passes over the training set." };
        var seed = new Option<long?>("--seed") { Description = "Short for --set seed=…: the same seed gives the same bits at any number of threads." };
        var onNonFinite = new Option<string?>("--on-non-finite") { Description = "Short for --set training.on_non_finite=…: stop before the update, or skip it and count." };
        var run = new Option<string?>("--run") { Description = "Name of the run, a folder under runs/; default: the preset's name and the next free number." };
        var resume = new Option<string?>("--resume") { Description = "Continues the run in this folder from its last checkpoint; --steps, --epochs and --set training.… may change." };
        var (configurations, devices) = (new ConfigurationOptions(), new DeviceOptions());
        var command = new Command("train", $"""
            Trains a model and leaves everything in runs/NAME: configuration.json, metrics.jsonl, TensorBoard events,
            curves.png, samples.png and the checkpoints "best" and "last". Ctrl-C finishes the step, saves, and says how to resume.

            Examples:
              vbilstm train
              vbilstm train --preset digits --seed 7 --run my-digits
              vbilstm train --set model.kind=lstm --set training.learning_rate=0.0005 --steps 4000
              vbilstm train --data path/to/mnist --set data.binarisation=stochastic --epochs 20
              vbilstm train --resume runs/my-digits --steps 6000

            Keys for --set and --config, with their defaults:
            {ConfigurationOptions.Keys}
            """)
        {
            data, steps, epochs, seed, onNonFinite, run, resume,
        };
        configurations.AddTo(command);
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            var overrides = new List<string>(configurations.Overrides(parsed));
            if (parsed.GetValue(data) is { } source)
                overrides.Add($"data.source={source}");
            if (parsed.GetValue(epochs) is { } passes)
                overrides.AddRange(["training.steps=0", $"training.epochs={passes.ToString(CultureInfo.InvariantCulture)}"]);
            if (parsed.GetValue(steps) is { } count)
                overrides.Add($"training.steps={count}");
            if (parsed.GetValue(seed) is { } number)
                overrides.Add($"seed={number}");
            if (parsed.GetValue(onNonFinite) is { } action)
                overrides.Add($"training.on_non_finite={action}");
            if (parsed.GetValue(resume) is { } folder)
            {
                if (configurations.NamesAStart(parsed) || parsed.GetValue(run) is not null)
                    throw new ConfigurationException("--resume takes everything from the run it continues; leave out --preset, --config and --run.");
                using var resumed = devices.Create(parsed);
                return Resume(folder, overrides, resumed);
            }

            var configuration = configurations.Read(parsed, overrides);
            using var device = devices.Create(parsed);
            return Start(configuration, NewFolder(parsed.GetValue(run), configuration.Preset), device);
        });
        return command;
    }

    static RunFolder NewFolder(string? name, string preset)
    {
        if (name is null)
        {
            var number = 1;
            while (Directory.Exists(Path.Combine("runs", $"{preset}-{number}")))
                number++;
            return new RunFolder(Path.Combine("runs", $"{preset}-{number}"));
        }

        if (name.Length == 0 || name != Path.GetFileName(name) || name is "." or "..")
            throw new ConfigurationException($"--run is '{name}'; use a plain name, which becomes the folder runs/NAME.");
        var folder = new RunFolder(Path.Combine("runs", name));
        return Directory.Exists(folder.Path)
            ? throw new ConfigurationException($"{folder.Path} exists; continue it with --resume {folder.Path}, or choose another --run.")
            : folder;
    }

    static int Start(RunConfiguration configuration, RunFolder folder, Device device)
    {
        var data = DataSplits.Open(configuration.Data, configuration.Seed);
        CheckMemory(configuration, data, device);
        return Run(new Trainer(configuration, data, device, folder), configuration, data, device, folder);
    }

    static int Resume(string path, List<string> overrides, Device device)
    {
        var folder = new RunFolder(path.TrimEnd(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar));
        var checkpoint = CheckpointFolder.Read(folder.Last, withMoments: true);
        var before = checkpoint.State.Configuration;
        var configuration = ConfigurationFile.Override(before, overrides);
        if (configuration with { Training = before.Training } != before)
            throw new ConfigurationException("--resume can change training.… only: another seed, model or data set would be another run.");
        configuration.Validate();
        if (configuration.Training.BatchSize != before.Training.BatchSize)
            throw new ConfigurationException($"training.batch_size was {before.Training.BatchSize}: a resumed run cannot change it, because its position in the data counts batches.");
        var data = DataSplits.Open(configuration.Data, configuration.Seed);
        CheckMemory(configuration, data, device);
        return Run(new Trainer(configuration, data, device, folder, checkpoint), configuration, data, device, folder);
    }

    static int Run(Trainer trainer, RunConfiguration configuration, DataSplits data, Device device, RunFolder folder)
    {
        using var interruption = new Interruption();
        using (trainer)
        {
            if (trainer.IsComplete)
                throw new ConfigurationException($"{folder.Path} has done all of its {trainer.TotalSteps:N0} steps; give more with --steps.");
            if (!Train(trainer, configuration, data, device, folder, interruption.Token))
                return CommandExecution.Interrupted;
        }

        return Finish(data, device, folder, interruption.Token);
    }

    // Only a device with memory of its own knows how much of it is free.
    static void CheckMemory(RunConfiguration configuration, DataSplits data, Device device)
    {
        if (device.FreeBytes is not { } free)
            return;
        data.CheckFits(configuration.Model);
        var memory = TrainingMemory.Measure(device, configuration.Model, data.TrainingLength, configuration.Training.BatchSize);
        memory.CheckFits(device);
        Console.WriteLine($"memory  {memory}; {free / 1e6:N0} MB free");
    }

    // False where it was interrupted.
    static bool Train(Trainer trainer, RunConfiguration configuration, DataSplits data, Device device, RunFolder folder, CancellationToken cancellation)
    {
        PrintHeader(trainer, configuration, data, device, folder);
        TrainingOutcome outcome;
        try
        {
            outcome = TrainingDisplay.Run(trainer, cancellation);
        }
        catch (Exception e) when ((e is DeviceException or InsufficientMemoryException) && Directory.Exists(folder.Last))
        {
            throw new DeviceException($"{e.Message} The last checkpoint, {folder.Last}, is whole; continue from it on any device, for instance: vbilstm train --resume {folder.Path} --device cpu", e);
        }
        finally
        {
            if (MetricsLog.Read(folder.Metrics) is { Count: > 0 } rows)
                CurvesImage.Write(folder.Curves, rows);
        }

        if (outcome == TrainingOutcome.Interrupted)
        {
            Console.WriteLine($"Interrupted after step {trainer.State.Step:N0}; saved. Continue with: vbilstm train --resume {folder.Path}");
            return false;
        }

        if (outcome == TrainingOutcome.StoppedEarly)
            Console.WriteLine($"Stopped early: no better validation bound in {configuration.Training.EarlyStop} evaluations.");
        return true;
    }

    static void PrintHeader(Trainer trainer, RunConfiguration configuration, DataSplits data, Device device, RunFolder folder)
    {
        var model = configuration.Model;
        var memory = trainer.Parameters.Bytes + trainer.Step.WeightBytes + trainer.Step.Bytes;
        Console.WriteLine($"model   {Names.Describe(model)}, {trainer.Parameters.Layout.Count:N0} parameters");
        Console.WriteLine($"data    {data.Description}");
        Console.WriteLine($"device  {device.Name}, {memory / 1e6:N0} MB for parameters and activations");
        var continued = trainer.State.Step > 0 ? $" (continuing after step {trainer.State.Step:N0})" : "";
        Console.WriteLine($"run     {folder.Path}, {trainer.TotalSteps:N0} steps of {configuration.Training.BatchSize} sequences, seed {configuration.Seed}{continued}");
    }

    // The figures and pictures of the best checkpoint.
    static int Finish(DataSplits data, Device device, RunFolder folder, CancellationToken cancellation)
    {
        using var best = new TrainedModel(folder.Path, device);
        var (configuration, model) = (best.Configuration, best.Configuration.Model);
        var again = $"vbilstm evaluate {folder.Path}";
        try
        {
            var result = WorkDisplay.Run(report => best.Posterior(data.Test, data.EvaluationBatchSize(data.Test, configuration.Training.BatchSize), progress: share => report("scoring test", share), cancellation: cancellation));
            EvaluationTables.Print($"Test, {best.Checkpoint.Folder} (step {best.Checkpoint.State.Step:N0})", result, model, data.Test);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine($"Interrupted; the training is complete and saved. Score it with: {again}");
            return CommandExecution.Interrupted;
        }

        if (data.Test is ImageDataset images && !model.ReadsFuture)
        {
            using var prior = new PriorMode(device, best.Parameters, SampleRows * SampleColumns, sampled: true);
            SampleSheet.Of(SampleSheet.Draw(prior, model, images.Height * images.Width, configuration.Seed), images.Height, images.Width, SampleColumns).WritePng(folder.Samples);
            Console.WriteLine($"samples {folder.Samples}");
        }

        Console.WriteLine($"curves  {folder.Curves}");
        Console.WriteLine($"again   {again}{(data.Test.CarriesState ? "" : " --importance-samples 50")}");
        return CommandExecution.Success;
    }
}
