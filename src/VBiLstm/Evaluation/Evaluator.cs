using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Noise;

namespace VBiLstm.Evaluation;

/// <summary>How z and b̃ are taken when data are scored.</summary>
public enum LatentMode
{
    /// <summary>Sampled: the bound.</summary>
    Sampled,

    /// <summary>At their means: a deterministic predictor's score, not a bound of this model.</summary>
    Mean,
}

/// <summary>
/// Scores a split with the posterior (model.md sections 2.5 and 12). The noise of a sequence is keyed by its number in the data set and
/// never by the run's seed or the batch, so figures do not move with batch size or seed.
/// </summary>
public sealed class Evaluator
{
    const long NoiseSeed = 20171116;
    const double ActiveVariance = 0.01;

    readonly TrainingStep _step;
    readonly SequenceModel _model;
    readonly int _batchSize;

    /// <param name="step">A step large enough for the longest sequence; its initial state is reset.</param>
    /// <param name="batchSize">
    /// Sequences of a batch, which are scored in shards where the step has fewer rows; null for the step's rows. Where state is carried, figures depend on it.
    /// </param>
    public Evaluator(TrainingStep step, int? batchSize = null)
    {
        ArgumentNullException.ThrowIfNull(step);
        _batchSize = batchSize ?? step.BatchSize;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_batchSize, nameof(batchSize));
        _step = step;
        _model = step.Model;
    }

    /// <summary>Evaluates the whole split.</summary>
    /// <param name="data">The split.</param>
    /// <param name="mode">Sampled or mean latents.</param>
    /// <param name="importanceSamples">K trajectories per sequence for the importance-weighted bound; 0 for none. Sampled mode only.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ConfigurationException">K with mean latents, or above 1 where state is carried.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public EvaluationResult Evaluate(SequenceDataset data, LatentMode mode = LatentMode.Sampled, int importanceSamples = 0,
        Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (importanceSamples < 0 || (importanceSamples > 0 && mode == LatentMode.Mean))
            throw new ConfigurationException("The importance-weighted bound needs sampled latents and a positive number of samples.");

        if (importanceSamples > 1 && data.CarriesState)
            throw new ConfigurationException("The importance-weighted bound needs sequences of their own; these windows carry their state. "
                + "Set data.carry_state=false, or leave the samples out.");
        var batches = new EvaluationBatches(data, _batchSize);
        var shards = (_batchSize + _step.BatchSize - 1) / _step.BatchSize;
        var batch = new SequenceBatch(_step.MaximumSteps, _step.BatchSize, data.FrameSize);
        var sums = new Sums[batches.Count * shards];
        var (nll, kl, logWeight) = (new double[_step.BatchSize], new double[_step.BatchSize], new double[_step.BatchSize]);
        var logWeights = new double[importanceSamples, _step.BatchSize];
        var trajectories = Math.Max(1, importanceSamples);
        var done = 0;

        // Shard by shard, so that the state of its rows stays on the device from batch to batch.
        for (var shard = 0; shard < shards; shard++)
        {
            _step.ResetState();
            for (var number = 0; number < batches.Count; number++)
            {
                var sum = sums[number * shards + shard] = new Sums(LatentUnits);
                batches.Read(number, batch, shard);
                if (batch.Continues)
                    _step.CarryState();
                _step.Load(batch);
                for (var k = 0; k < trajectories; k++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    _step.Apply(StepSettings.OfEvaluation(NoiseSeed, k));
                    if (mode == LatentMode.Sampled)
                        _step.DrawNoise(NoisePurpose.Evaluation);
                    else
                        _step.ZeroNoise();
                    _step.Forward();
                    _step.SequenceScores(nll, kl, importanceSamples > 0 ? logWeight : []);
                    if (k == 0)
                    {
                        sum.Nll = nll.Take(batch.Sequences).Sum();
                        sum.Kl = kl.Take(batch.Sequences).Sum();
                        _step.LatentStatistics(sum.KlPerLatent, sum.Mean, sum.MeanSquare);
                    }

                    if (importanceSamples > 0)
                        for (var n = 0; n < batch.Sequences; n++)
                            logWeights[k, n] = logWeight[n] - nll[n];
                    progress?.Invoke((done + (k + 1.0) / trajectories) / sums.Length);
                }

                if (importanceSamples > 0)
                    for (var n = 0; n < batch.Sequences; n++)
                        sum.ImportanceWeighted += LogMeanExp(logWeights, n);
                done++;
            }
        }

        return Result(data, mode, importanceSamples, sums);
    }

    int LatentUnits => _model.HasLatent ? _model.Configuration.LatentUnits : 0;

    // Sums over the sequences of one shard of a batch.
    sealed class Sums(int latentUnits)
    {
        public double Nll { get; set; }

        public double Kl { get; set; }

        public double ImportanceWeighted { get; set; }

        public double[] KlPerLatent { get; } = new double[latentUnits];

        public double[] Mean { get; } = new double[latentUnits];

        public double[] MeanSquare { get; } = new double[latentUnits];
    }

    EvaluationResult Result(SequenceDataset data, LatentMode mode, int importanceSamples, Sums[] sums)
    {
        var tokens = Enumerable.Range(0, data.Count).Sum(index => (long)data.Length(index));
        var latents = Enumerable.Range(0, LatentUnits);
        var active = 0;
        foreach (var j in latents)
        {
            var mean = sums.Sum(sum => sum.Mean[j]) / tokens;
            if (sums.Sum(sum => sum.MeanSquare[j]) / tokens - mean * mean > ActiveVariance)
                active++;
        }

        return new EvaluationResult
        {
            Nll = sums.Sum(sum => sum.Nll) / data.Count,
            Kl = sums.Sum(sum => sum.Kl) / data.Count,
            ImportanceWeightedBound = importanceSamples > 0 ? sums.Sum(sum => sum.ImportanceWeighted) / data.Count : null,
            ImportanceSamples = importanceSamples,
            Sequences = data.Count,
            Tokens = tokens,
            Unit = data.Unit,
            IsBound = (mode == LatentMode.Sampled || !_model.HasLatent) && !_model.ReadsFuture,
            KlPerLatent = [.. latents.Select(j => sums.Sum(sum => sum.KlPerLatent[j]) / tokens)],
            ActiveUnits = active,
        };
    }

    static double LogMeanExp(double[,] values, int column)
    {
        var count = values.GetLength(0);
        var largest = double.NegativeInfinity;
        for (var k = 0; k < count; k++)
            largest = Math.Max(largest, values[k, column]);
        var sum = 0.0;
        for (var k = 0; k < count; k++)
            sum += Math.Exp(values[k, column] - largest);
        return largest + Math.Log(sum / count);
    }
}
