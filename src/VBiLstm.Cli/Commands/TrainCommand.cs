using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VBiLstm.Checkpoints;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Images;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Distributed;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Preparation;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm train</c>.</summary>
static class TrainCommand
{
    const int SampleRows = 8, SampleColumns = 16;

    public static Command Create()
    {
        var data = new Option<string?>("--data")
        {
            Description = "Short for --set data.source=…: embedded-digits, a prepared folder (vbilstm data prepare), or a folder of idx image files.",
        };
        var steps = new Option<int?>("--steps") { Description = "Short for --set training.steps=…: training steps of the whole run." };
        var epochs = new Option<double?>("--epochs") { Description = "Short for --set training.epochs=… with training.steps=0: passes over the training set." };
        var seed = new Option<long?>("--seed") { Description = "Short for --set seed=…: the same seed gives the same bits at any number of threads." };
        var onNonFinite = new Option<string?>("--on-non-finite")
        {
            Description = "Short for --set training.on_non_finite=…: stop before the update, or skip it and count.",
        };
        var run = new Option<string?>("--run") { Description = "Name of the run, a folder under runs/; default: the preset's name and the next free number." };
        var resume = new Option<string?>("--resume")
        {
            Description = "Continues a run from its newest checkpoint, or from the checkpoint named; --steps, --epochs and --set training.… may change, "
                + "and --data names the data's new place.",
        };
        var resumeOrStart = new Option<bool>("--resume-or-start")
        {
            Description = "With --run: starts the run, continues it, or says that it is finished (exit code 0); "
                + "what a job that is queued again calls each time.",
        };
        var stopAfter = new Option<string?>("--stop-after")
        {
            Description = "Ends as Ctrl-C does after so much time, for instance 3h50m: saved, exit code 130.",
        };
        var (configurations, devices, rankTimeout) = (new ConfigurationOptions(), new DeviceOptions(), new RankTimeoutOption());
        var command = new Command("train", $"""
            Trains a model and leaves everything in runs/NAME: configuration.json, metrics.jsonl, TensorBoard events,
            curves.png, samples.png and the checkpoints "best" and "last". Ctrl-C finishes the step, saves, and says how to resume; so do
            SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU, with which batch systems announce their end (docs/cluster.md).

            Examples:
              vbilstm train
              vbilstm train --preset digits --seed 7 --run my-digits
              vbilstm train --set model.kind=lstm --set training.learning_rate=0.0005 --steps 4000
              vbilstm train --data path/to/mnist --set data.binarisation=stochastic --epochs 20
              vbilstm train --resume runs/my-digits --steps 6000
              vbilstm train --run my-job --resume-or-start --stop-after 3h50m
              mpirun -n 4 vbilstm train --set training.batch_size=128

            Keys for --set and --config, with their defaults:
            {ConfigurationOptions.Keys}
            """)
        {
            data, steps, epochs, seed, onNonFinite, run, resume, resumeOrStart, stopAfter,
        };
        configurations.AddTo(command);
        devices.AddTo(command);
        rankTimeout.AddTo(command);
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
            TimeSpan? limit = parsed.GetValue(stopAfter) is { } text ? DurationText.Parse("--stop-after", text) : null;
            return RankSession.Run(rankTimeout.Read(parsed), limit, session =>
            {
                if (parsed.GetValue(resume) is { } path)
                {
                    if (configurations.NamesAStart(parsed) || parsed.GetValue(run) is not null || parsed.GetValue(resumeOrStart))
                        session.Refuse("--resume takes everything from the run it continues; leave out --preset, --config, --run and --resume-or-start.");
                    using var resumed = devices.Create(parsed, session);
                    return Resume(path, overrides, resumed, session);
                }

                var configuration = session.Together(() => configurations.Read(parsed, overrides));
                using var device = devices.Create(parsed, session);
                if (!parsed.GetValue(resumeOrStart))
                    return Start(session.InShards(configuration), parsed.GetValue(run), device, session);
                var name = parsed.GetValue(run);
                if (name is null)
                    session.Refuse("--resume-or-start needs the run's name; give it with --run.");
                var folder = session.Together(() => Named(name!));
                var shards = session.Ranks.FromFirst<int>([session.OnFirst(() => ShardsOf(folder, configuration))])[0];
                configuration = configuration with { Training = configuration.Training with { Shards = shards } };
                return ResumeOrStart(folder, session.InShards(configuration), device, session);
            });
        });
        return command;
    }

    static RunFolder Named(string name)
    {
        FolderName.Check("--run", name);
        return new RunFolder(Path.Combine("runs", name));
    }

    // A run that is continued keeps the shards that it was begun with, whatever the ranks, unless the command line says otherwise.
    static int ShardsOf(RunFolder folder, RunConfiguration configuration)
    {
        if (configuration.Training.Shards > 1 || !File.Exists(folder.Configuration))
            return configuration.Training.Shards;
        try
        {
            return ConfigurationFile.Read(folder.Configuration).Training.Shards;
        }
        catch (ConfigurationException)
        {
            // A damaged file; where the checkpoint's shards are others, the run says so.
            return configuration.Training.Shards;
        }
    }

    static int Start(RunConfiguration configuration, string? name, Device device, RankSession session)
    {
        session.OnFirst(() => name is not null && Directory.Exists(Named(name).Path) ? throw Taken(Named(name)) : true);
        using var data = session.Together(() => Open(configuration, device, session));
        session.Agree(configuration, data);
        var (folder, owner) = session.OnFirst(() => New(configuration, name));
        using (owner)
            return Run(configuration, data, device, folder, checkpoint: null, owner, session, Refuse);
    }

    static (RunFolder Folder, RunOwner Owner) New(RunConfiguration configuration, string? name)
    {
        var candidates = name is not null ? [Named(name)]
            : Enumerable.Range(1, int.MaxValue - 1)
                .Select(number => new RunFolder(Path.Combine("runs",
                    $"{(configuration.Preset == RunConfiguration.NoPreset ? "run" : configuration.Preset)}-{number}")));
        return RunOwner.AcquireNew(candidates) ?? throw Taken(Named(name!));
    }

    static ConfigurationException Taken(RunFolder folder)
        => new(File.Exists(folder.Configuration) || CheckpointFolder.Exists(folder.Last)
            ? $"{folder.Path} exists; continue it with: vbilstm train --resume {ShellText.Quote(folder.Path)}, or choose another --run."
            : $"{folder.Path} exists and is no run; choose another --run, or begin there with --resume-or-start.");

    static int ResumeOrStart(RunFolder folder, RunConfiguration configuration, Device device, RankSession session)
    {
        using var data = session.Together(() => Open(configuration, device, session));
        using var owner = session.OnFirst(() => RunOwner.Acquire(folder, Warning.Print));
        var checkpoint = Newest(folder, chosen: null, session);
        if (checkpoint is not null)
            session.Together(() => CheckSameRun(configuration, checkpoint));
        session.Agree(configuration, data);
        return Run(configuration, data, device, folder, checkpoint, owner, session, Say);
    }

    static Checkpoint? Newest(RunFolder folder, string? chosen, RankSession session)
        => SharedCheckpoint.FromFirst(session.Ranks,
            session.OnFirst(() => chosen is null ? folder.ReadNewest(Warning.Print) : CheckpointFolder.Read(chosen, withMoments: true)));

    // Only the first rank looks at the run's files; their folder is known by the path that it was given.
    static int Resume(string path, List<string> overrides, Device device, RankSession session)
    {
        var (located, chosen) = session.OnFirst(() => Existing(path));
        var folder = located ?? new RunFolder(path);
        using var owner = session.OnFirst(() => RunOwner.Acquire(folder, Warning.Print));
        var checkpoint = Newest(folder, chosen, session);
        var begun = checkpoint?.State.Configuration ?? ConfigurationFile.Parse(session.TextFromFirst(() => ConfigurationFile.ToText(BegunWith(folder, path)))!);
        var configuration = session.InShards(session.Together(() => Changed(begun, checkpoint, overrides)));
        if (checkpoint is null)
            Console.WriteLine($"{folder.Path} was ended before its first checkpoint; it begins again.");
        using var data = session.Together(() => Open(configuration, device, session));
        session.Agree(configuration, data);
        return Run(configuration, data, device, folder, checkpoint, owner, session, Refuse);
    }

    static (RunFolder Folder, string? Checkpoint) Existing(string path)
    {
        var (folder, checkpoint) = Locate(path);
        return Directory.Exists(folder.Path)
            ? (folder, checkpoint)
            : throw new ConfigurationException($"There is no checkpoint in {path}: there is no such folder. Name a run's folder (runs/NAME) or one of its "
                + "checkpoints.");
    }

    static RunConfiguration BegunWith(RunFolder folder, string path)
        => File.Exists(folder.Configuration)
            ? ConfigurationFile.Read(folder.Configuration)
            : throw new ConfigurationException($"There is no checkpoint in {path}, and no configuration.json from which the run could begin again. "
                + "Name a run's folder (runs/NAME) or one of its checkpoints.");

    // What the run was begun with, and what the command line may change of it.
    static RunConfiguration Changed(RunConfiguration begun, Checkpoint? checkpoint, List<string> overrides)
    {
        var configuration = ConfigurationFile.Override(begun, overrides);
        configuration.Validate();
        if (checkpoint is not null)
            CheckSameRun(configuration, checkpoint);
        return configuration;
    }

    // What becomes of a run with nothing left to do.
    static int Say(Trainer trainer, RunFolder folder)
    {
        Console.WriteLine($"{folder.Path} is finished: {Finished(trainer.State, trainer.TotalSteps)}. Score it with: "
            + $"vbilstm evaluate {ShellText.Quote(folder.Path)}");
        return CommandExecution.Success;
    }

    static int Refuse(Trainer trainer, RunFolder folder)
        => throw new ConfigurationException($"{folder.Path} {Finished(trainer.State, trainer.TotalSteps)}; "
            + $"give more with {(trainer.State.StoppedEarly ? "--set training.early_stop=0" : "--steps")}.");

    static string Finished(TrainingState state, long totalSteps)
        => state.StoppedEarly
            ? $"stopped early after step {state.Step:N0}, having found nothing better since step {state.BestStep:N0}"
            : $"has done all of its {totalSteps:N0} steps";

    // A run, or one of its checkpoints, which then is where it goes on.
    static (RunFolder Folder, string? Checkpoint) Locate(string path)
    {
        var full = Path.GetFullPath(path.Length == 0
            ? throw new ConfigurationException("--resume is ''; name a run's folder (runs/NAME) or one of its checkpoints.")
            : path);
        var plain = Path.TrimEndingDirectorySeparator(path);
        if (!CheckpointFolder.IsOne(plain))
            return (new RunFolder(plain), null);
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(full));
        return Path.GetFileName(parent) == "checkpoints" && Path.GetDirectoryName(parent) is { } run
            ? (new RunFolder(Path.GetRelativePath(Environment.CurrentDirectory, run) is var near && !near.StartsWith("..", StringComparison.Ordinal)
                ? near
                : run), plain)
            : throw new ConfigurationException($"{path} is a checkpoint outside of a run's folder, where nothing could go on; put it into RUN/checkpoints/, "
                + "and name that.");
    }

    static bool CheckSameRun(RunConfiguration configuration, Checkpoint checkpoint)
    {
        var (before, now) = (ConfigurationKey.Values(checkpoint.State.Configuration).ToDictionary(), ConfigurationKey.Values(configuration).ToDictionary());
        var changed = ConfigurationKey.All.Select(key => key.Path)
            .Where(key => key is not ("preset" or "data.source") && !key.StartsWith("training.", StringComparison.Ordinal)
                && !Equals(before.GetValueOrDefault(key), now.GetValueOrDefault(key))).ToList();
        if (changed.Count > 0)
        {
            var changes = changed.Select(key => $"{key} was {before.GetValueOrDefault(key, "null")}, not {now.GetValueOrDefault(key, "null")}");
            throw new ConfigurationException($"A resumed run can change training.… and the data's place only; {string.Join(", ", changes)}: "
                + "that would be another run.");
        }

        var batch = checkpoint.State.Configuration.Training.BatchSize;
        if (configuration.Training.BatchSize != batch)
            throw new ConfigurationException($"training.batch_size was {batch}: a resumed run cannot change it, "
                + "because its position in the data counts batches.");
        return true;
    }

    // Everything that can be wrong is found before the run's folder is made.
    static DataSplits Open(RunConfiguration configuration, Device device, RankSession session)
    {
        var data = DataSource.Open(configuration.Data, configuration.Seed);
        try
        {
            data.CheckFits(configuration.Model);
            Trainer.TotalStepsOf(configuration.Training, TrainingBatches.BatchesPerEpochOf(data.Train, configuration.Training.BatchSize));
            CheckMemory(configuration, data, device, session.RanksHere);
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    // The first rank has the folder and what it owns; the others know where it is.
    static int Run(RunConfiguration configuration, DataSplits data, Device device, RunFolder? own, Checkpoint? checkpoint, RunOwner? owner, RankSession session,
        Func<Trainer, RunFolder, int> whenComplete)
    {
        var path = session.Ranks.First(own?.Path);
        var folder = own ?? new RunFolder(path!);
        using (var trainer = session.Together(() => new Trainer(configuration, data, device, session.IsFirst ? folder : null, checkpoint, owner)))
        {
            if (session.FirstSays(() => trainer.IsComplete))
                return session.Together(() => whenComplete(trainer, folder));
            if (session.IsFirst && trainer.State.Step > 0 && CheckpointFolder.StepOf(folder.Last) is { } last && last > trainer.State.Step)
                Warning.Print($"{folder.Last} is of step {last}; it will be replaced as the run goes on from step {trainer.State.Step}.");
            if (session.IsFirst && checkpoint?.State.Configuration.Training.Shards is { } before && before != configuration.Training.Shards)
                Warning.Print($"training.shards was {before} and is {configuration.Training.Shards} from here on: the last digits are others.");
            var isComplete = Train(trainer, data, device, folder, session);
            device.Join(Communicator.Alone);
            if (!isComplete)
                return CommandExecution.Interrupted;
        }

        return Finish(data, device, folder, session);
    }

    static void CheckMemory(RunConfiguration configuration, DataSplits data, Device device, int ranksHere)
    {
        var memory = TrainingMemory.Measure(device, configuration.Model, data.TrainingLength, configuration.Training.ShardSize,
            OwnShards.Of(configuration.Training.Shards, device.Ranks).Count, device.Ranks.Size);
        memory.CheckFits(device, ranksHere);
        if (device.HasOwnMemory)
            Console.WriteLine($"memory  {memory}; {device.FreeBytes / 1e6:N0} MB free");
    }

    // False where it was interrupted.
    static bool Train(Trainer trainer, DataSplits data, Device device, RunFolder folder, RankSession session)
    {
        if (!session.IsFirst)
            return trainer.Run(cancellation: session.Cancellation) != TrainingOutcome.Interrupted;
        PrintHeader(trainer, data, device, folder);
        if (session.Describe() is { } ranks)
            Console.WriteLine($"ranks   {ranks}");
        TrainingOutcome outcome;
        try
        {
            outcome = TrainingDisplay.Run(trainer, session.Cancellation);
        }
        catch (Exception e) when (e is DeviceException or InsufficientMemoryException or IOException or UnauthorizedAccessException or DataException)
        {
            var advice = HowToGoOn(folder);
            throw e switch
            {
                RanksDisagreeException => new RanksDisagreeException($"{e.Message} {advice}.", e),
                DeviceException or InsufficientMemoryException => new DeviceException($"{e.Message} {advice} --device cpu, or on any other device.", e),
                DataException => new DataException($"{e.Message} {advice}.", e),
                _ => new IOException($"{e.Message} {advice}.", e),
            };
        }
        finally
        {
            Pictures.Write(folder.Curves, path => CurvesImage.Write(path, MetricsLog.Read(folder.Metrics)));
        }

        if (outcome == TrainingOutcome.Interrupted)
        {
            Console.WriteLine($"Interrupted after step {trainer.State.Step:N0}; saved. Continue with: vbilstm train --resume {ShellText.Quote(folder.Path)}");
            return false;
        }

        if (outcome == TrainingOutcome.StoppedEarly)
            Console.WriteLine($"Stopped early: no better validation bound in {trainer.State.Configuration.Training.EarlyStop} evaluations.");
        return true;
    }

    static string HowToGoOn(RunFolder folder)
    {
        try
        {
            return folder.ReadNewest(_ => { }) is { } checkpoint
                ? $"{checkpoint.Folder} (step {checkpoint.State.Step:N0}) is whole; go on with: vbilstm train --resume {ShellText.Quote(folder.Path)}"
                : $"The run has no checkpoint yet; begin it again with: vbilstm train --resume {ShellText.Quote(folder.Path)}";
        }
        catch (CheckpointException damaged)
        {
            return $"No checkpoint of the run is whole: {damaged.Message}";
        }
    }

    static void PrintHeader(Trainer trainer, DataSplits data, Device device, RunFolder folder)
    {
        var configuration = trainer.State.Configuration;
        var model = configuration.Model;
        var memory = trainer.Parameters.Bytes + trainer.Step.WeightBytes + trainer.Step.Bytes;
        Console.WriteLine($"model   {Names.Describe(model)}, {trainer.Parameters.Layout.Count:N0} parameters");
        Console.WriteLine($"data    {data.Description}");
        Console.WriteLine($"device  {device.Name}, {memory / 1e6:N0} MB for parameters and activations");
        var continued = trainer.State.Step > 0 ? $" (continuing after step {trainer.State.Step:N0})" : "";
        Console.WriteLine($"run     {folder.Path}, {trainer.TotalSteps:N0} steps of {configuration.Training.BatchSize} sequences"
            + $"{Names.InShards(configuration.Training)}, seed {configuration.Seed}{continued}");
    }

    // The figures, which the ranks share out, and the pictures of the best checkpoint.
    static int Finish(DataSplits data, Device device, RunFolder folder, RankSession session)
    {
        var checkpoint = SharedCheckpoint.FromFirst(session.Ranks, session.OnFirst(() => TrainedModel.Read(folder.Path, withMoments: false)))!;
        using var best = session.Together(() => new TrainedModel(checkpoint, device, session.Ranks));
        var (configuration, model) = (best.Configuration, best.Configuration.Model);
        var again = $"vbilstm evaluate {ShellText.Quote(folder.Path)}";
        try
        {
            var result = WorkDisplay.Run(report => best.Posterior(data.Test, data.EvaluationBatchSize(data.Test, configuration.Training.BatchSize),
                progress: share => report("scoring test", share), cancellation: session.Cancellation));
            EvaluationTables.Print($"Test, {best.Checkpoint.Folder} (step {best.Checkpoint.State.Step:N0})", result, model, data.Test);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine($"Interrupted; the training is complete and saved. Score it with: {again}");
            return CommandExecution.Interrupted;
        }

        if (session.IsFirst && data.Test is ImageDataset images && !SequenceModel.Of(model).ReadsFuture)
            DrawSamples(best, images, device, folder);
        Console.WriteLine($"curves  {folder.Curves}");
        Console.WriteLine($"again   {again}{(data.Test.CarriesState ? "" : " --importance-samples 50")}");
        return CommandExecution.Success;
    }

    static void DrawSamples(TrainedModel best, ImageDataset images, Device device, RunFolder folder)
    {
        using var prior = new PriorMode(device, best.Parameters, SampleRows * SampleColumns, sampled: true);
        var sheet = SampleSheet.Of(SampleSheet.Draw(prior, best.Configuration.Model, images.Height * images.Width, best.Configuration.Seed), images.Height,
            images.Width, SampleColumns);
        using (var board = new TensorBoardLog(folder.Path, null, Warning.Print))
            board.Picture("samples", best.Checkpoint.State.Step, sheet.Png(), sheet.Height, sheet.Width);
        if (Pictures.Write(folder.Samples, sheet.WritePng))
            Console.WriteLine($"samples {folder.Samples}");
    }
}
