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

    /// <param name="step">A step large enough for the longest sequence; its initial state is reset.</param>
    public Evaluator(TrainingStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
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
        var batches = new EvaluationBatches(data, _step.BatchSize);
        var batch = new SequenceBatch(_step.MaximumSteps, _step.BatchSize, data.FrameSize);
        var (nll, kl, logWeight) = (new double[_step.BatchSize], new double[_step.BatchSize], new double[_step.BatchSize]);
        var logWeights = new double[importanceSamples, _step.BatchSize];
        var z = _model.HasLatent ? _model.Configuration.LatentUnits : 0;
        var (klPerLatent, mean, meanSquare) = (new double[z], new double[z], new double[z]);
        double nllSum = 0, klSum = 0, weightedSum = 0;
        long tokens = 0;
        var trajectories = Math.Max(1, importanceSamples);
        _step.ResetState();
        for (var number = 0; number < batches.Count; number++)
        {
            batches.Read(number, batch);
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
                    nllSum += nll.Take(batch.Sequences).Sum();
                    klSum += kl.Take(batch.Sequences).Sum();
                    _step.LatentStatistics(klPerLatent, mean, meanSquare);
                }

                if (importanceSamples > 0)
                    for (var n = 0; n < batch.Sequences; n++)
                        logWeights[k, n] = logWeight[n] - nll[n];
                progress?.Invoke((number + (k + 1.0) / trajectories) / batches.Count);
            }

            for (var n = 0; n < batch.Sequences; n++)
            {
                tokens += batch.Lengths[n];
                if (importanceSamples > 0)
                    weightedSum += LogMeanExp(logWeights, n);
            }
        }

        var active = 0;
        for (var j = 0; j < z; j++)
        {
            klPerLatent[j] /= tokens;
            var m = mean[j] / tokens;
            if (meanSquare[j] / tokens - m * m > ActiveVariance)
                active++;
        }

        return new EvaluationResult
        {
            Nll = nllSum / data.Count,
            Kl = klSum / data.Count,
            ImportanceWeightedBound = importanceSamples > 0 ? weightedSum / data.Count : null,
            ImportanceSamples = importanceSamples,
            Sequences = data.Count,
            Tokens = tokens,
            Unit = data.Unit,
            IsBound = (mode == LatentMode.Sampled || !_model.HasLatent) && !_model.ReadsFuture,
            KlPerLatent = klPerLatent,
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
