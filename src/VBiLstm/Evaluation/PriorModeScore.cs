using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Model;

namespace VBiLstm.Evaluation;

/// <summary>Scores a split by the generative process alone (model.md section 2.6): nothing that depends on future tokens enters.</summary>
static class PriorModeScore
{
    const long NoiseSeed = 20171117;

    /// <summary>
    /// Mean −log p of the split with z from the prior: sampled, a lower bound that K trajectories and a particle filter of them tighten (see
    /// <see cref="PriorTrajectories"/>), or at its mean or the empirical one (not a bound).
    /// </summary>
    /// <param name="prior">
    /// Made for the mode that is wanted, its latents fixed where they are at their empirical mean, with as many rows for each sequence of a batch as there are
    /// trajectories.
    /// </param>
    /// <param name="data">The split.</param>
    /// <param name="mode">As <paramref name="prior"/> was made.</param>
    /// <param name="batchSize">Sequences of a batch, which the ranks share out; null for as many as <paramref name="prior"/> has room for.</param>
    /// <param name="ranks">Those that all call the same; null for this process alone. Any number of them comes to the same figures.</param>
    /// <param name="trajectories">K.</param>
    /// <param name="resamples">Whether the trajectories are the particles of a filter.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ConfigurationException">Several trajectories at the means, or where state is carried.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static EvaluationResult Evaluate(PriorMode prior, SequenceDataset data, LatentMode mode, int? batchSize = null, Communicator? ranks = null,
        int trajectories = 1, bool resamples = false, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prior);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(trajectories);
        if (trajectories > 1 && mode != LatentMode.Sampled)
            throw new ConfigurationException("Latents at their means make every trajectory the same one; use one, or sampled latents.");
        if (trajectories > 1 && data.CarriesState)
            throw new ConfigurationException("Several trajectories need sequences of their own; these windows carry their state. "
                + "Set data.carry_state=false, or use one trajectory.");
        ranks ??= Communicator.Alone;
        var rows = prior.BatchSize / trajectories;
        var batches = new EvaluationBatches(data, batchSize ?? rows);
        var batch = new SequenceBatch(data.MaximumLength, rows, data.FrameSize);
        var scores = new PriorTrajectories(prior, batch, trajectories, data.Count, resamples);
        var nll = new double[batches.Count * rows];
        var sequences = new int[batches.Count];
        for (var number = 0; number < batches.Count; number++)
        {
            // A rank that is cancelled ends all, at the same place.
            if (ranks.Any(cancellation.IsCancellationRequested))
                throw new OperationCanceledException(cancellation);
            batches.Read(number, batch, ranks.Rank);
            scores.Score(batch, NoiseSeed).CopyTo(nll, number * rows);
            sequences[number] = batch.StepSequences;
            progress?.Invoke((number + 1.0) / batches.Count);
        }

        return new EvaluationResult
        {
            Nll = InOrder(ranks.AllGather<double>(nll), sequences, rows).Sum() / data.Count,
            Kl = 0,
            Sequences = data.Count,
            Tokens = Enumerable.Range(0, data.Count).Sum(index => (long)data.Length(index)),
            Unit = data.Unit,
            Trajectories = trajectories,
            IsFiltered = resamples,
            IsBound = mode == LatentMode.Sampled || !prior.HasLatent,
        };
    }

    /// <summary>As <see cref="Evaluate"/>, with a prior mode of its own, made for the rows that pay.</summary>
    /// <param name="device">Where it runs; must own the parameters.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="data">The split.</param>
    /// <param name="rows">Sequences of a batch; figures do not depend on it.</param>
    /// <param name="mode">Of the latents.</param>
    /// <param name="latents">z where it is at its empirical mean, [Z]: <see cref="EvaluationResult.LatentMeans"/>; otherwise null.</param>
    /// <param name="trajectories">K.</param>
    /// <param name="resamples">Whether the trajectories are the particles of a filter.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    internal static EvaluationResult OfModel(Device device, ModelParameters parameters, SequenceDataset data, int rows, LatentMode mode,
        IReadOnlyList<double>? latents = null, int trajectories = 1, bool resamples = false, Action<double>? progress = null,
        CancellationToken cancellation = default)
    {
        // Rows share nothing but the work; those of carried state go on from batch to batch.
        if (!data.CarriesState)
            rows = Math.Max(rows, EvaluationSizes.PriorModeRows);
        rows = Math.Min(Math.Max(1, rows / trajectories), data.Count);
        var ranks = device.Ranks;
        using var prior = new PriorMode(device, parameters, checked((rows + ranks.Size - 1) / ranks.Size * trajectories), mode == LatentMode.Sampled,
            mode == LatentMode.EmpiricalMean);
        if (mode == LatentMode.EmpiricalMean)
            prior.FixLatents(latents ?? throw new ArgumentNullException(nameof(latents)));
        return Evaluate(prior, data, mode, rows, ranks, trajectories, resamples, progress, cancellation);
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
        return new PriorTrajectories(prior, batch, count: 1, idStride: 0, resamples: false).Score(batch, NoiseSeed);
    }
}
