using System.CommandLine;
using System.Text.Json;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm evaluate</c>.</summary>
static class EvaluateCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var split = new Option<string>("--split") { Description = "validation or test.", DefaultValueFactory = _ => "test" };
        split.AcceptOnlyFromAmong("validation", "test");
        var latents = new Option<string>("--latents") { Description = "sampled (the bound) or mean (a deterministic predictor's score, not a bound).", DefaultValueFactory = _ => "sampled" };
        latents.AcceptOnlyFromAmong("sampled", "mean");
        var samples = new Option<int>("--importance-samples") { Description = "K, trajectories per sequence for the importance-weighted bound; 0 leaves it out.", DefaultValueFactory = _ => 0 };
        var priorMode = new Option<bool>("--prior-mode") { Description = "Scores with z from the prior instead of the posterior: nothing of the future enters." };
        var data = new Option<string?>("--data") { Description = "Another data source than the run's: embedded-digits, a prepared folder (vbilstm data prepare), or a folder of idx image files." };
        var batch = new Option<int?>("--batch-size") { Description = "Sequences side by side; figures do not depend on it. Default: the run's." };
        var (devices, json) = (new DeviceOptions(), CommonOptions.Json());
        var command = new Command("evaluate", """
            Scores a split: the bound (KL weight 1, no auxiliary terms) with its NLL and KL in nats per sequence, the task's own
            unit, active latent units, and on request the importance-weighted bound. The noise is fixed: the same checkpoint gives the same figures.

            Examples:
              vbilstm evaluate runs/digits-1
              vbilstm evaluate runs/digits-1 --split validation --importance-samples 50
              vbilstm evaluate runs/digits-1/checkpoints/last --latents mean --json
            """)
        {
            checkpoint, split, latents, samples, priorMode, data, batch, json,
        };
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(batch) is < 1 or > 65536)
                throw new ConfigurationException($"--batch-size is {parsed.GetValue(batch)}; use 1 to 65536.");
            using var device = devices.Create(parsed);
            using var loaded = new LoadedModel(parsed.GetRequiredValue(checkpoint), device);
            var configuration = loaded.Checkpoint.State.Configuration;
            var source = configuration.Data with { Source = parsed.GetValue(data) ?? configuration.Data.Source };
            var splits = DataSplits.Open(source, configuration.Seed);
            splits.CheckFits(configuration.Model);
            var dataset = parsed.GetValue(split) == "test" ? splits.Test : splits.Validation;
            var mode = parsed.GetValue(latents) == "mean" ? LatentMode.Mean : LatentMode.Sampled;
            var batchSize = Math.Min(parsed.GetValue(batch) ?? splits.EvaluationBatchSize(dataset, configuration.Training.BatchSize), dataset.Count);
            using var interruption = new Interruption();
            var result = parsed.GetValue(priorMode)
                ? Prior(loaded, dataset, mode, batchSize, parsed.GetValue(samples))
                : Posterior(loaded, dataset, mode, batchSize, parsed.GetValue(samples), interruption.Token);
            if (parsed.GetValue(json))
                PrintJson(result, loaded, parsed.GetRequiredValue(split), parsed.GetValue(priorMode));
            else
                EvaluationTables.Print($"{loaded.Checkpoint.Folder}, step {loaded.Checkpoint.State.Step:N0}, {parsed.GetValue(split)}{(parsed.GetValue(priorMode) ? ", prior mode" : "")}, latents {parsed.GetValue(latents)}",
                    result, configuration.Model, dataset);
            return CommandExecution.Success;
        });
        return command;
    }

    static EvaluationResult Posterior(LoadedModel loaded, SequenceDataset dataset, LatentMode mode, int batchSize, int samples, CancellationToken cancellation)
    {
        using var step = new TrainingStep(loaded.Device, loaded.Parameters, dataset.MaximumLength, batchSize, training: false);
        return new Evaluator(step, loaded.Checkpoint.State.Configuration.Model).Evaluate(dataset, mode, samples, cancellation: cancellation);
    }

    static EvaluationResult Prior(LoadedModel loaded, SequenceDataset dataset, LatentMode mode, int batchSize, int samples)
    {
        if (samples != 0)
            throw new ConfigurationException("--importance-samples weighs posterior samples; leave it out with --prior-mode.");
        using var prior = new PriorMode(loaded.Device, loaded.Parameters, batchSize, sampled: mode == LatentMode.Sampled);
        return PriorModeScore.Evaluate(prior, dataset, mode);
    }

    static void PrintJson(EvaluationResult result, LoadedModel loaded, string split, bool priorMode)
    {
        var (value, unit) = result.TaskUnit(loaded.Checkpoint.State.Configuration.Model);
        using var output = Console.OpenStandardOutput();
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("checkpoint", loaded.Checkpoint.Folder);
        json.WriteNumber("step", loaded.Checkpoint.State.Step);
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

        json.WriteNumber("sequences", result.Sequences);
        json.WriteNumber("predicted_steps", result.Tokens);
        json.WriteNumber("active_units", result.ActiveUnits);
        json.WriteStartArray("kl_per_latent");
        foreach (var kl in result.KlPerLatent)
            json.WriteNumberValue(kl);
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }
}
