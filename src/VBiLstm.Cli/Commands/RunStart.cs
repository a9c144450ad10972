using VBiLstm.Checkpoints;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Preparation;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary>
/// What a training begins with: a new run's folder, or the checkpoint of one that is there and what the command line may change of it. Everything that can be
/// wrong is found before anything is written. Only the first rank looks at the run's files.
/// </summary>
static class RunStart
{
    public static RunFolder Named(string name)
    {
        FolderName.Check("--run", name);
        return new RunFolder(Path.Combine("runs", name));
    }

    // A run that is continued keeps the shards that it was begun with, whatever the ranks, unless the command line says otherwise.
    public static int ShardsOf(RunFolder folder, RunConfiguration configuration)
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

    public static int Start(RunConfiguration configuration, string? name, Device device, RankSession session, ProfiledSteps? profiled)
    {
        session.OnFirst(() => name is not null && Directory.Exists(Named(name).Path) ? throw Taken(Named(name)) : true);
        using var data = session.Together(() => Open(configuration, device, session));
        session.Agree(configuration, data);
        var (folder, owner) = session.OnFirst(() => New(configuration, name));
        using (owner)
            return TrainingRun.Run(configuration, data, device, folder, checkpoint: null, owner, session, profiled, TrainingRun.Refuse);
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

    public static int ResumeOrStart(RunFolder folder, RunConfiguration configuration, Device device, RankSession session, ProfiledSteps? profiled)
    {
        using var data = session.Together(() => Open(configuration, device, session));
        using var owner = session.OnFirst(() => RunOwner.Acquire(folder, Warning.Print));
        var checkpoint = Newest(folder, chosen: null, session);
        if (checkpoint is not null)
            session.Together(() => CheckSameRun(configuration, checkpoint));
        session.Agree(configuration, data);
        return TrainingRun.Run(configuration, data, device, folder, checkpoint, owner, session, profiled, TrainingRun.Say);
    }

    static Checkpoint? Newest(RunFolder folder, string? chosen, RankSession session)
        => session.CheckpointFromFirst(() => chosen is null ? folder.ReadNewest(Warning.Print) : CheckpointFolder.Read(chosen, withMoments: true));

    // Only the first rank looks at the run's files; their folder is known by the path that it was given.
    public static int Resume(string path, List<string> overrides, Device device, RankSession session, ProfiledSteps? profiled)
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
        return TrainingRun.Run(configuration, data, device, folder, checkpoint, owner, session, profiled, TrainingRun.Refuse);
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

    static void CheckMemory(RunConfiguration configuration, DataSplits data, Device device, int ranksHere)
    {
        var memory = TrainingMemory.Measure(device, configuration.Model, data.TrainingLength, configuration.Training.ShardSize,
            OwnShards.Of(configuration.Training.Shards, device.Ranks).Count, device.Ranks.Size,
            data.TrainsOnEqualLengths);
        memory.CheckFits(device, ranksHere);
        if (device.HasOwnMemory)
            Console.WriteLine($"memory  {memory}; {device.FreeBytes / 1e6:N0} MB free");
    }
}
