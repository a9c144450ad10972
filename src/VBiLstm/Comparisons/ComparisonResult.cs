using System.Text.Json;
using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Comparisons;

/// <summary>The test figures of a run's best checkpoint (its file result.json); nats are means over sequences.</summary>
public sealed record ComparisonResult
{
    /// <summary>Name of the file in the run's folder.</summary>
    public const string FileName = "result.json";

    public required long Parameters { get; init; }

    /// <summary>Step of the best checkpoint.</summary>
    public required long Step { get; init; }

    /// <summary>In the task's unit.</summary>
    public required double Value { get; init; }

    /// <summary>The task's unit and which way is better.</summary>
    public required string Unit { get; init; }

    /// <summary>log p - KL, weight 1, no auxiliary terms.</summary>
    public required double Bound { get; init; }

    public required double Nll { get; init; }

    public required double Kl { get; init; }

    /// <summary>False for a model without a channel, whose figure is the log-likelihood itself.</summary>
    public required bool HasChannel { get; init; }

    /// <summary>True for a model that reads the future, whose figure is no sequence likelihood and which has no prior mode.</summary>
    public bool ReadsFuture { get; init; }

    public required int Sequences { get; init; }

    public required long PredictedSteps { get; init; }

    public required int ActiveUnits { get; init; }

    /// <summary>Nats per step.</summary>
    public required IReadOnlyList<double> KlPerLatent { get; init; }

    /// <summary>log p with z and b̃ sampled from the prior; a bound, looser than <see cref="Bound"/>. Null where the model reads the future.</summary>
    public required double? PriorModeSampled { get; init; }

    /// <summary>log p with z and b̃ at the prior's means; not a bound. Null where the model reads the future.</summary>
    public required double? PriorModeMean { get; init; }

    /// <summary>In the task's unit, on the validation split.</summary>
    public required double ValidationValue { get; init; }

    /// <summary>Version of the program.</summary>
    public required string Program { get; init; }

    public required string Device { get; init; }

    /// <summary>Evaluates a checkpoint.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ComparisonResult Evaluate(Checkpoint checkpoint, DataSplits data, Device device, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(device);
        var configuration = checkpoint.State.Configuration;
        var model = configuration.Model;
        using var parameters = new ModelParameters(device, model, training: false);
        ParameterFiles.Upload(device, parameters.Layout, checkpoint.Weights, parameters.Values);
        int Rows(SequenceDataset split) => Math.Min(data.EvaluationBatchSize(split, configuration.Training.BatchSize), split.Count);
        EvaluationResult Posterior(SequenceDataset split)
        {
            using var step = new TrainingStep(device, parameters, split.MaximumLength, Rows(split), training: false);
            return new Evaluator(step, model).Evaluate(split, cancellation: cancellation);
        }

        double? Prior(LatentMode mode)
        {
            if (model.ReadsFuture)
                return null;
            cancellation.ThrowIfCancellationRequested();
            using var prior = new PriorMode(device, parameters, Rows(data.Test), sampled: mode == LatentMode.Sampled);
            return PriorModeScore.Evaluate(prior, data.Test, mode).Bound;
        }

        var test = Posterior(data.Test);
        var (value, unit) = test.TaskUnit(model);
        return new ComparisonResult
        {
            Parameters = parameters.Layout.Count,
            Step = checkpoint.State.Step,
            Value = value,
            Unit = unit,
            Bound = test.Bound,
            Nll = test.Nll,
            Kl = test.Kl,
            HasChannel = model.HasChannel,
            ReadsFuture = model.ReadsFuture,
            Sequences = test.Sequences,
            PredictedSteps = test.Tokens,
            ActiveUnits = test.ActiveUnits,
            KlPerLatent = test.KlPerLatent,
            PriorModeSampled = Prior(LatentMode.Sampled),
            PriorModeMean = Prior(LatentMode.Mean),
            ValidationValue = Posterior(data.Validation).TaskUnit(model).Value,
            Program = checkpoint.State.Program,
            Device = device.Name,
        };
    }

    /// <summary>Reads a run's result.</summary>
    /// <exception cref="ConfigurationException">Damaged; the message names the file and the fix.</exception>
    public static ComparisonResult Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ComparisonJson.Default.ComparisonResult) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ConfigurationException($"{path} cannot be read: {e.Message} Remove it; vbilstm compare evaluates the run again.", e);
        }
    }

    /// <summary>Writes the result; the file is complete or not there.</summary>
    public void Write(string path) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, ComparisonJson.Default.ComparisonResult));
}
