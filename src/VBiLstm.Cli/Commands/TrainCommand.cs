using System.CommandLine;
using System.Globalization;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm train</c>.</summary>
static class TrainCommand
{
    public static Command Create()
    {
        var data = new Option<string?>("--data")
        {
            Description = "What to train on: a folder of vbilstm data prepare, or of idx files. Short for --set data.source=…; embedded-digits is part of the "
                + "program.",
        };
        var steps = new Option<int?>("--steps") { Description = "Training steps of the whole run. Short for --set training.steps=…." };
        var epochs = new Option<double?>("--epochs")
        {
            Description = "Passes over the training set, instead of --steps. Short for --set training.epochs=… with training.steps=0.",
        };
        var seed = new Option<long?>("--seed")
        {
            Description = "The same seed gives the same bits at any number of threads. Short for --set seed=….",
        };
        var onNonFinite = new Option<string?>("--on-non-finite")
        {
            HelpName = "stop|skip",
            Description = "A loss or gradient that is not finite: stop, or skip the update. Stopping, the parameters are those before the step; skipped steps "
                + "are counted. Short for --set training.on_non_finite=….",
        };
        var run = new Option<string?>("--run")
        {
            Description = "Name of the run, a folder under runs/. Default: the preset's name and the next free number.",
            HelpName = "name",
        };
        var resume = new Option<string?>("--resume")
        {
            HelpName = "run",
            Description = "Continues a run from its newest checkpoint, or the one named. --steps, --epochs and --set training.… may change, and --data names "
                + "the data's new place.",
        };
        var resumeOrStart = new Option<bool>("--resume-or-start")
        {
            Description = "With --run: starts it, continues it, or says that it is finished. The exit code is 0 then: what a job that is queued again calls "
                + "each time.",
        };
        var stopAfter = new Option<string?>("--stop-after")
        {
            HelpName = "time",
            Description = "Ends as Ctrl-C does after so much time, for instance 3h50m. Saved, exit code 130.",
        };
        var profileSteps = new Option<string?>("--profile-steps")
        {
            HelpName = "a:b",
            Description = "cuda: steps FIRST:LAST between profiler start and stop. For nsys and ncu that are told to wait for it (docs/profiling.md).",
        };
        var (configurations, devices, rankTimeout) = (new ConfigurationOptions(), new DeviceOptions(), new RankTimeoutOption());
        var command = new Command("train", """
            Trains a model, saved on Ctrl-C, and leaves everything in runs/NAME. That is configuration.json, metrics.jsonl, TensorBoard
            events, curves.png, samples.png and the checkpoints "best" and "last". Ctrl-C finishes the step, saves, and says how to resume; so do
            SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU, with which batch systems announce their end (docs/cluster.md).

            Examples:
              vbilstm train
              vbilstm train --preset digits --seed 7 --run my-digits
              vbilstm train --set model.kind=lstm --set training.learning_rate=0.0005 --steps 4000
              vbilstm train --data path/to/mnist --set data.binarisation=stochastic --epochs 20
              vbilstm train --resume runs/my-digits --steps 6000
              vbilstm train --run my-job --resume-or-start --stop-after 3h50m
              nsys profile --capture-range=cudaProfilerApi vbilstm train --device cuda --profile-steps 100:109
              mpirun -n 4 vbilstm train --set training.batch_size=128
            """)
        {
            data, steps, epochs, seed, onNonFinite, run, resume, resumeOrStart, stopAfter, profileSteps,
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
            var profiled = ProfiledSteps.Parse(parsed.GetValue(profileSteps));
            TimeSpan? limit = parsed.GetValue(stopAfter) is { } text ? DurationText.Parse("--stop-after", text) : null;
            return RankSession.Run(rankTimeout.Read(parsed), limit, session =>
            {
                if (parsed.GetValue(resume) is { } path)
                {
                    if (configurations.NamesAStart(parsed) || parsed.GetValue(run) is not null || parsed.GetValue(resumeOrStart))
                        session.Refuse("--resume takes everything from the run it continues; leave out --preset, --config, --run and --resume-or-start.");
                    using var resumed = Create();
                    return RunStart.Resume(path, overrides, resumed, session, profiled);
                }

                var configuration = session.Together(() => configurations.Read(parsed, overrides));
                using var device = Create();
                if (!parsed.GetValue(resumeOrStart))
                    return RunStart.Start(session.InShards(configuration), parsed.GetValue(run), device, session, profiled);
                var name = parsed.GetValue(run);
                if (name is null)
                    session.Refuse("--resume-or-start needs the run's name; give it with --run.");
                var folder = session.Together(() => RunStart.Named(name!));
                var shards = session.Ranks.FromFirst<int>([session.OnFirst(() => RunStart.ShardsOf(folder, configuration))])[0];
                configuration = configuration with { Training = configuration.Training with { Shards = shards } };
                return RunStart.ResumeOrStart(folder, session.InShards(configuration), device, session, profiled);

                Device Create()
                {
                    var created = devices.Create(parsed, session);
                    session.Together(() => profiled is null || ProfiledSteps.CheckServes(created));
                    return created;
                }
            });
        });
        return command;
    }
}
