using System.CommandLine;
using VBiLstm.Cli.Display;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Distributed;
using VBiLstm.Evaluation;
using VBiLstm.Preparation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm evaluate</c>.</summary>
static class EvaluateCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var split = CommonOptions.Split();
        var latents = new Option<string>("--latents")
        {
            HelpName = "mode",
            Description = "The posterior's or prior's: sampled (bound), mean, empirical-mean. The prior's with --prior-mode. With the mean "
                + "the score is a deterministic predictor's, and no bound; so it is with empirical-mean, for --prior-mode: z at the posterior's mean "
                + "over training (1,000 sequences of it at most), which is what is left without the channel.",
            DefaultValueFactory = _ => "sampled",
        };
        latents.AcceptOnlyFromAmong([.. Modes.Keys]);
        var samples = new Option<int>("--importance-samples")
        {
            HelpName = "K",
            Description = "K trajectories, for the importance-weighted bound; 0 leaves it out.",
            DefaultValueFactory = _ => 0,
        };
        var priorMode = new Option<bool>("--prior-mode")
        {
            Description = "Scores with z from the prior instead of the posterior: nothing of the future enters.",
        };
        var trajectories = Samples("--trajectories", "K trajectories of prior mode, whose densities are averaged.");
        var particles = Samples("--particles", "K particles of prior mode: of its trajectories the good ones are copied.");
        var data = new Option<string?>("--data")
        {
            Description = "The data's new place, with the same contents.",
        };
        var batch = new Option<int?>("--batch-size")
        {
            Description = "Sequences of a batch; figures do not depend on it. Several batches may be scored side by side. Default: the run's.",
        };
        var (devices, rankTimeout, json) = (new DeviceOptions(), new RankTimeoutOption(), CommonOptions.Json());
        var command = new Command("evaluate", """
            Scores a split: the bound with its NLL and KL, in nats and the task's own unit. The KL's weight is 1, auxiliary terms do not
            count; active latent units stand beside, and on request the importance-weighted bound. The noise is fixed: the same checkpoint gives the
            same figures, also on several ranks, which share out the sequences.

            Examples:
              vbilstm evaluate runs/digits-1
              vbilstm evaluate runs/digits-1 --split validation --importance-samples 50
              vbilstm evaluate runs/digits-1 --split train
              vbilstm evaluate runs/digits-1 --prior-mode --particles 100
              vbilstm evaluate runs/digits-1/checkpoints/last --latents mean --json
              mpirun -n 4 vbilstm evaluate runs/digits-1 --importance-samples 5000
            """)
        {
            checkpoint, split, latents, samples, priorMode, trajectories, particles, data, batch, json,
        };
        devices.AddTo(command);
        rankTimeout.AddTo(command);
        command.SetAction(parsed =>
        {
            CommonOptions.CheckBatchSize(parsed.GetValue(batch));
            CommonOptions.CheckSamples("--importance-samples", parsed.GetValue(samples));
            if (parsed.GetValue(priorMode) && parsed.GetValue(samples) != 0)
                throw new ConfigurationException("--importance-samples weighs posterior samples; leave it out with --prior-mode; "
                    + "--trajectories and --particles are its samples.");
            var filtered = parsed.GetValue(particles) > 0;
            var count = Math.Max(1, Math.Max(parsed.GetValue(trajectories), parsed.GetValue(particles)));
            var mode = Modes[parsed.GetRequiredValue(latents)];
            CheckPriorSamples(parsed.GetValue(trajectories), parsed.GetValue(particles), parsed.GetValue(priorMode), mode != LatentMode.Sampled);
            if (mode == LatentMode.EmpiricalMean && !parsed.GetValue(priorMode))
                throw new ConfigurationException("--latents empirical-mean replaces the prior's; give it with --prior-mode.");
            return RankSession.Run(rankTimeout.Read(parsed), limit: null, session =>
            {
                using var device = devices.Create(parsed, session);
                var read = session.CheckpointFromFirst(() => TrainedModel.Read(parsed.GetRequiredValue(checkpoint), withMoments: false))!;
                using var trained = session.Together(() => new TrainedModel(read, device, session.Ranks));
                var configuration = trained.Configuration;
                var source = configuration.Data with { Source = parsed.GetValue(data) ?? configuration.Data.Source };
                using var splits = session.Together(() => DataSource.Open(source, configuration.Seed));
                var knowsItsData = session.Together(() => Fits(trained, splits));
                if (session.IsFirst && !knowsItsData)
                    Warning.PrintUnknownData(trained.Checkpoint.Folder, splits.Source);
                session.Agree(configuration, splits);
                var dataset = splits.Of(parsed.GetRequiredValue(split));
                var training = configuration.Training;
                if (session.IsFirst && dataset.CarriesState && !parsed.GetValue(priorMode) && session.Ranks.Size > training.Shards)
                    Warning.Print($"The text's state is carried in training.shards = {training.Shards}, which no more ranks can share out; the others wait.");
                var rows = parsed.GetValue(batch) ?? splits.EvaluationBatchSize(dataset, training.BatchSize);
                EvaluationResult Score(Action<string, double> report)
                {
                    void Scoring(double share) => report($"scoring {parsed.GetValue(split)}", share);
                    if (!parsed.GetValue(priorMode))
                        return trained.Posterior(dataset, rows, mode, parsed.GetValue(samples), Scoring, cancellation: session.Cancellation);
                    var means = mode == LatentMode.EmpiricalMean
                        ? trained.LatentMeans(splits.Train, rows, share => report("latents' means over train", share), session.Cancellation)
                        : null;
                    return trained.Prior(dataset, rows, mode, count, filtered, Scoring, means, session.Cancellation);
                }

                var result = parsed.GetValue(json) ? Score((_, _) => { }) : WorkDisplay.Run(Score);
                device.Join(Communicator.Alone);
                if (!session.IsFirst)
                    return CommandExecution.Success;
                if (parsed.GetValue(json))
                {
                    PrintJson(result, trained, splits.Description, parsed.GetRequiredValue(split), parsed.GetValue(priorMode));
                    return CommandExecution.Success;
                }

                Console.WriteLine($"data    {splits.Description}");
                EvaluationTables.Print($"{trained.Checkpoint.Folder}, step {trained.Checkpoint.State.Step:N0}, "
                    + $"{parsed.GetValue(split)}{(parsed.GetValue(priorMode) ? ", prior mode" : "")}, latents {parsed.GetValue(latents)}",
                    result, configuration.Model, dataset);
                return CommandExecution.Success;
            });
        });
        return command;
    }

    static readonly IReadOnlyDictionary<string, LatentMode> Modes = new Dictionary<string, LatentMode>
    {
        ["sampled"] = LatentMode.Sampled,
        ["mean"] = LatentMode.Mean,
        ["empirical-mean"] = LatentMode.EmpiricalMean,
    };

    static Option<int> Samples(string name, string description) => new(name) { HelpName = "K", Description = description };

    static void CheckPriorSamples(int trajectories, int particles, bool isPriorMode, bool isMean)
    {
        foreach (var (name, count) in new[] { ("--trajectories", trajectories), ("--particles", particles) })
        {
            CommonOptions.CheckSamples(name, count);
            if (count > 0 && (!isPriorMode || isMean))
                throw new ConfigurationException($"{name} are samples of the prior; give it with --prior-mode and --latents sampled.");
        }

        if (trajectories > 0 && particles > 0)
            throw new ConfigurationException("--trajectories and --particles are two ways to score; give one of them.");
    }

    // False where the checkpoint is too old to know its data.
    static bool Fits(TrainedModel trained, DataSplits splits)
    {
        splits.CheckFits(trained.Configuration.Model);
        return trained.CheckData(splits);
    }

    static void PrintJson(EvaluationResult result, TrainedModel trained, string data, string split, bool priorMode)
    {
        var (value, unit) = result.InTaskUnit(trained.Configuration.Model);
        JsonOutput.Write(json =>
        {
            json.WriteString("checkpoint", trained.Checkpoint.Folder);
            json.WriteNumber("step", trained.Checkpoint.State.Step);
            json.WriteString("data", data);
            json.WriteString("split", split);
            json.WriteBoolean("prior_mode", priorMode);
            json.WriteNumber("value", value);
            json.WriteString("unit", unit);
            json.WriteBoolean("is_bound", result.IsBound);
            json.WriteNumber("bound", result.Bound);
            json.WriteNumber("nll", result.Nll);
            json.WriteNumber("kl", result.Kl);
            if (result.ImportanceWeightedBound is { } weighted)
            {
                json.WriteNumber("importance_weighted_bound", weighted);
                json.WriteNumber("importance_samples", result.ImportanceSamples);
            }

            if (priorMode)
            {
                json.WriteNumber("trajectories", result.Trajectories);
                json.WriteBoolean("is_filtered", result.IsFiltered);
            }

            json.WriteNumber("sequences", result.Sequences);
            json.WriteNumber("predicted_steps", result.Tokens);
            json.WriteNumber("active_units", result.ActiveUnits);
            json.WriteStartArray("kl_per_latent");
            foreach (var kl in result.KlPerLatent)
                json.WriteNumberValue(kl);
            json.WriteEndArray();
        });
    }
}
