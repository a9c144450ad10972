using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Verification;

/// <summary>What a rank's share of the comparison came to.</summary>
/// <param name="Values">Compared.</param>
/// <param name="Different">Of them, by their bits.</param>
/// <param name="First">The first tensor with such a value, in the order gradients, weights, moments; empty where there is none.</param>
sealed record RankDifference(long Values, long Different, string First);

/// <summary>
/// Whether the sum over the ranks has the bits of all shards added by one process: the same training steps on random sequences, by all ranks together and by
/// each of them alone; the check of a new cluster, its network and its libraries.
/// </summary>
static class RankComparison
{
    /// <summary>All ranks call it alike; each compares for itself and learns what all found.</summary>
    /// <param name="joined">A device that has joined the ranks.</param>
    /// <param name="alone">A device of the same kind, precision and width that has joined none.</param>
    /// <param name="configuration">Model, batch size, shards, optimiser and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of every sequence.</param>
    /// <param name="steps">N, training steps; at least 1.</param>
    /// <param name="cancellation">Ends the comparison between two steps.</param>
    /// <returns>In the order of ranks.</returns>
    /// <exception cref="ConfigurationException">A field is out of range, or the shards do not suit the ranks.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit twice.</exception>
    /// <exception cref="OperationCanceledException">Cancelled on any rank.</exception>
    public static IReadOnlyList<RankDifference> Run(Device joined, Device alone, RunConfiguration configuration, int timeSteps, int steps,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(joined);
        ArgumentNullException.ThrowIfNull(alone);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(timeSteps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        using var together = new StepBenchmark(joined, configuration, timeSteps);
        using var whole = new StepBenchmark(alone, configuration, timeSteps);
        var (values, different, first) = (0L, 0L, "");
        for (var step = 1; step <= steps; step++)
        {
            if (joined.Ranks.Any(cancellation.IsCancellationRequested))
                throw new OperationCanceledException(cancellation);
            together.Run();
            whole.Run();
            if (step == 1)
                Compare("gradient", parameters => parameters.Gradients);
        }

        Compare("weights", parameters => parameters.Values);
        Compare("first moment", parameters => parameters.FirstMoments);
        Compare("second moment", parameters => parameters.SecondMoments);
        var (counts, names) = (joined.Ranks.AllGather<long>([values, different]), joined.Ranks.Texts(first));
        return [.. names.Select((name, rank) => new RankDifference(counts[2 * rank], counts[2 * rank + 1], name))];

        void Compare(string what, Func<ModelParameters, Tensor> arena)
        {
            var own = ParameterFiles.OnDevice(joined, together.Parameters.Layout, arena(together.Parameters));
            var expected = ParameterFiles.OnDevice(alone, whole.Parameters.Layout, arena(whole.Parameters));
            foreach (var (a, b) in own.Zip(expected))
            {
                var (one, other) = (a.Values, b.Values);
                var count = one.Zip(other).LongCount(pair => BitConverter.SingleToInt32Bits(pair.First) != BitConverter.SingleToInt32Bits(pair.Second));
                values += one.Length;
                different += count;
                if (count > 0 && first.Length == 0)
                    first = $"{what} {a.Name}";
            }
        }
    }
}
