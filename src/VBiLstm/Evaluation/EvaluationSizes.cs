using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Model.Models;

namespace VBiLstm.Evaluation;

/// <summary>How much of an evaluation is computed side by side; no figure depends on it.</summary>
/// <param name="Shards">Shards of batches.</param>
/// <param name="Samples">Trajectories of each sequence.</param>
readonly record struct EvaluationSizes(int Shards, int Samples)
{
    public const int MaximumRows = 512;

    /// <summary>Rows of prior mode, which holds one time step of them.</summary>
    public const int PriorModeRows = 128;

    // A CPU's products have their rate with so many; more would only leave its caches.
    const int RowsOfCpu = 128;

    // Where a batch of training takes less.
    const long SmallestMemory = 256_000_000;

    /// <summary>
    /// As many rows as take no more memory than a batch of training (or 256 MB, or a quarter of what is free where that is less), at most 512: trajectories
    /// first, which share work; then shards, on a CPU to 128 rows. At least one shard and one trajectory.
    /// </summary>
    /// <param name="device">Where the evaluation runs.</param>
    /// <param name="model">A valid configuration.</param>
    /// <param name="maximumSteps">T of the longest sequence.</param>
    /// <param name="shardSize">Sequences of a shard.</param>
    /// <param name="shards">Shards to score one after the other.</param>
    /// <param name="importanceSamples">K; 0 for none.</param>
    public static EvaluationSizes Choose(Device device, ModelConfiguration model, int maximumSteps, int shardSize, int shards, int importanceSamples)
    {
        var memory = Math.Max(SmallestMemory, TrainingStep.Measure(device, model, maximumSteps, shardSize, training: true));
        if (device.FreeBytes is { } free)
            memory = Math.Min(memory, free / 4);
        var byMemory = memory / TrainingStep.Measure(device, model, maximumSteps, shardSize, training: false);
        var most = (int)Math.Clamp(Math.Min(byMemory, MaximumRows / shardSize), 1, int.MaxValue);
        var trajectories = SequenceModel.Of(model).HasLatent ? Math.Max(1, importanceSamples) : 1;

        // Computed are whole passes of so many samples, and once a pass what all of them share, about half a trajectory.
        var samples = Enumerable.Range(1, Math.Min(most, trajectories)).MinBy(count => Parts(trajectories, count) * (count + 0.5));

        // Alike in size, so that the last has few empty rows.
        var rows = device.HasOwnMemory ? MaximumRows : RowsOfCpu;
        var passes = Parts(shards, Math.Clamp(Math.Min(most, rows / shardSize) / samples, 1, shards));
        return new EvaluationSizes(Parts(shards, passes), samples);
    }

    static int Parts(int count, int size) => (int)(((long)count + size - 1) / size);
}
