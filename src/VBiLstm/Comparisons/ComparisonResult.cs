using System.Text.Json;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Comparisons;

/// <summary>The test figures of a run's best checkpoint (its file result.json); nats are means over sequences.</summary>
sealed record ComparisonResult
{
    /// <summary>Name of the file in the run's folder.</summary>
    public const string FileName = "result.json";

    /// <summary>Values that training changes; in results of older versions those of nets of weight 0, too.</summary>
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

    /// <summary>
    /// log p with one z and b̃ sampled from the prior; a bound, most often a far looser one than <see cref="Bound"/>. Null where the model reads the future.
    /// </summary>
    public required double? PriorModeSampled { get; init; }

    /// <summary>log p with z and b̃ at the prior's means; not a bound. Null where the model reads the future.</summary>
    public required double? PriorModeMean { get; init; }

    /// <summary>K of the three figures below, lower bounds of log p that grow tighter with K; 0 where they were not asked for or cannot be.</summary>
    public int Samples { get; init; }

    /// <summary>From K samples of the posterior, importance weighted.</summary>
    public double? ImportanceWeighted { get; init; }

    /// <summary>log of the mean density of K trajectories from the prior.</summary>
    public double? PriorTrajectories { get; init; }

    /// <summary>By a particle filter of K trajectories from the prior.</summary>
    public double? ParticleFilter { get; init; }

    /// <summary>In the task's unit, on the validation split.</summary>
    public required double ValidationValue { get; init; }

    /// <summary>Version of the program.</summary>
    public required string Program { get; init; }

    public required string Device { get; init; }

    /// <summary>Checksum of the data; null in results of older versions.</summary>
    public string? DataSha256 { get; init; }

    /// <summary>Scores the best checkpoint of a run.</summary>
    /// <param name="trained">The run's model.</param>
    /// <param name="data">The run's data set.</param>
    /// <param name="samples">K of the scores from several samples; 0 for none.</param>
    /// <param name="progress">Told what is scored and its share, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="DataException">The data are not the run's.</exception>
    /// <exception cref="NonFiniteException">The run has diverged.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ComparisonResult Evaluate(TrainedModel trained, DataSplits data, int samples, Action<string, double> progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(trained);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(progress);
        trained.CheckData(data);
        var model = trained.Configuration.Model;
        var facts = trained.Parameters.Layout.Model;
        int Rows(SequenceDataset split) => data.EvaluationBatchSize(split, trained.Configuration.Training.BatchSize);
        EvaluationResult Posterior(SequenceDataset split, string name, int importanceSamples = 0)
            => trained.Posterior(split, Rows(split), LatentMode.Sampled, importanceSamples, share => progress(name, share), cancellation: cancellation);
        double? Prior(LatentMode mode, string name, int trajectories = 1, bool resamples = false) => facts.ReadsFuture ? null
            : trained.Prior(data.Test, Rows(data.Test), mode, trajectories, resamples, share => progress(name, share), cancellation: cancellation).Bound;

        // Windows that carry their state are one sequence, of which several samples would have to be carried.
        var k = facts.HasLatent && !data.Test.CarriesState ? samples : 0;
        var test = Posterior(data.Test, "scoring test", k);
        var (value, unit) = test.InTaskUnit(model);
        return new ComparisonResult
        {
            Parameters = facts.TrainedParameters,
            Step = trained.Checkpoint.State.Step,
            Value = value,
            Unit = unit,
            Bound = test.Bound,
            Nll = test.Nll,
            Kl = test.Kl,
            HasChannel = facts.HasLatent,
            ReadsFuture = facts.ReadsFuture,
            Sequences = test.Sequences,
            PredictedSteps = test.Tokens,
            ActiveUnits = test.ActiveUnits,
            KlPerLatent = test.KlPerLatent,
            PriorModeSampled = Prior(LatentMode.Sampled, "scoring test in prior mode, sampled"),
            PriorModeMean = Prior(LatentMode.Mean, "scoring test in prior mode, at the means"),
            Samples = k,
            ImportanceWeighted = test.ImportanceWeightedBound,
            PriorTrajectories = k > 0 ? Prior(LatentMode.Sampled, $"scoring test in prior mode, {k} trajectories", k) : null,
            ParticleFilter = k > 0 ? Prior(LatentMode.Sampled, $"scoring test in prior mode, {k} particles", k, resamples: true) : null,
            ValidationValue = Posterior(data.Validation, "scoring validation").InTaskUnit(model).Value,
            Program = trained.Checkpoint.State.Program,
            Device = trained.Device.Name,
            DataSha256 = data.Identify().Sha256,
        };
    }

    /// <summary>Reads a run's result.</summary>
    /// <exception cref="ConfigurationException">Damaged; the message names the file and the fix.</exception>
    public static ComparisonResult Read(string path)
    {
        try
        {
            return JsonFile.Parse(JsonFile.Read(path), ComparisonJson.Default.ComparisonResult);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ConfigurationException($"{path} cannot be read: {e.Message} Remove it; vbilstm compare evaluates the run again.", e);
        }
    }

    /// <summary>Writes the result; the file is complete or not there.</summary>
    public void Write(string path) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, ComparisonJson.Default.ComparisonResult));
}
