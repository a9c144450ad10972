using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Distributed;
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
    /// <param name="batchSize">Sequences of a batch, which the ranks share out by rows; null for the rows of <paramref name="prior"/>.</param>
    /// <param name="ranks">Those that all call the same; null for this process alone. Any number of them comes to the same figures.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static EvaluationResult Evaluate(PriorMode prior, SequenceDataset data, LatentMode mode, int? batchSize = null, Communicator? ranks = null,
        Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(data);
        ranks ??= Communicator.Alone;
        var batches = new EvaluationBatches(data, batchSize ?? prior.BatchSize);
        var batch = new SequenceBatch(data.MaximumLength, prior.BatchSize, data.FrameSize);
        var nll = new double[batches.Count * prior.BatchSize];
        var sequences = new int[batches.Count];
        for (var number = 0; number < batches.Count; number++)
        {
            // A rank that is cancelled ends all, at the same place.
            if (ranks.Any(cancellation.IsCancellationRequested))
                throw new OperationCanceledException(cancellation);
            batches.Read(number, batch, ranks.Rank);
            Score(prior, batch).CopyTo(nll, number * prior.BatchSize);
            sequences[number] = batch.StepSequences;
            progress?.Invoke((number + 1.0) / batches.Count);
        }

        return new EvaluationResult
        {
            Nll = InOrder(ranks.AllGather<double>(nll), sequences, prior.BatchSize).Sum() / data.Count,
            Kl = 0,
            Sequences = data.Count,
            Tokens = Enumerable.Range(0, data.Count).Sum(index => (long)data.Length(index)),
            Unit = data.Unit,
            IsBound = mode == LatentMode.Sampled || !prior.HasLatent,
        };
    }

    // Of all ranks' rows those with a sequence, batch by batch.
    static IEnumerable<double> InOrder(double[] all, int[] sequences, int rows)
    {
        for (var number = 0; number < sequences.Length; number++)
            for (var n = 0; n < sequences[number]; n++)
                yield return all[(n / rows * sequences.Length + number) * rows + n % rows];
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
