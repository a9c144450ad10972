using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Model;

namespace VBiLstm.Evaluation;

/// <summary>Scores a split by the generative process alone (model.md section 2.6): nothing that depends on future tokens enters.</summary>
public static class PriorModeScore
{
    const long NoiseSeed = 20171117;

    /// <summary>
    /// Mean −log p of the split with z from the prior, sampled (a looser lower bound) or at its mean (not a bound).
    /// </summary>
    /// <param name="prior">Made for the mode that is wanted.</param>
    /// <param name="data">The split.</param>
    /// <param name="mode">Sampled or mean, as <paramref name="prior"/> was made.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static EvaluationResult Evaluate(PriorMode prior, SequenceDataset data, LatentMode mode, Action<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(data);
        var batches = new EvaluationBatches(data, prior.BatchSize);
        var batch = new SequenceBatch(data.MaximumLength, prior.BatchSize, data.FrameSize);
        double sum = 0;
        long tokens = 0;
        for (var number = 0; number < batches.Count; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            batches.Read(number, batch);
            var nll = Score(prior, batch);
            for (var n = 0; n < batch.Sequences; n++)
            {
                sum += nll[n];
                tokens += batch.Lengths[n];
            }

            progress?.Invoke((number + 1.0) / batches.Count);
        }

        return new EvaluationResult
        {
            Nll = sum / data.Count,
            Kl = 0,
            Sequences = data.Count,
            Tokens = tokens,
            Unit = data.Unit,
            IsBound = mode == LatentMode.Sampled,
        };
    }

    /// <summary>−log p of each row of a batch, nats, over its own steps; goes on from the state of the batch before where the batch continues it.</summary>
    public static double[] Score(PriorMode prior, SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(batch);
        var (b, d) = (batch.BatchSize, batch.FrameSize);
        var sums = new double[b];
        var nll = new float[b];
        if (batch.Continues)
            prior.Renumber(batch.RowIds);
        else
            prior.Reset(batch.RowIds);
        for (var t = 0; t < batch.Steps; t++)
        {
            if (d > 0)
            {
                prior.Step(batch.Frames.AsSpan(t * b * d, b * d), NoiseSeed, t);
                prior.Score(batch.Frames.AsSpan((t + 1) * b * d, b * d), nll);
            }
            else
            {
                prior.Step(batch.Tokens.AsSpan(t * b, b), NoiseSeed, t);
                prior.Score(batch.Tokens.AsSpan((t + 1) * b, b), nll);
            }

            for (var n = 0; n < b; n++)
                if (t < batch.Lengths[n])
                    sums[n] += nll[n];
        }

        return sums;
    }
}
