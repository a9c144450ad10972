using VBiLstm.Configuration;
using VBiLstm.Distributed;

namespace VBiLstm.Cuda.Profiling;

/// <summary>An estimate of what a batch gains from several GPUs, one rank on each.</summary>
/// <param name="Placement">The ranks.</param>
/// <param name="Gpu">Each rank's.</param>
/// <param name="Links">What they exchange over.</param>
/// <param name="Sequences">B of the whole batch.</param>
/// <param name="Whole">A step of one GPU on the whole batch, if it has the memory for that.</param>
/// <param name="Step">A rank's step on its own part of the batch, without the sum.</param>
/// <param name="Sum">The sum over all ranks.</param>
/// <param name="Instead">
/// A rank's own part shared out over the GPUs of a node instead (of all nodes where each has one); null where there is nothing to share.
/// </param>
sealed record ScalingBudget(
    RankPlacement Placement, GpuSpecification Gpu, RankLinks Links, int Sequences, StepBudget Whole, StepBudget Step, RankSum Sum, ScalingBudget? Instead)
{
    /// <summary>Seconds of one GPU's step on the whole batch.</summary>
    public double WholeSeconds => Whole.Seconds(Gpu, PrecisionOf(Gpu));

    /// <summary>Seconds of a rank's step without the sum.</summary>
    public double StepSeconds => Step.Seconds(Gpu, PrecisionOf(Gpu));

    /// <summary>Seconds of the sum.</summary>
    public double SumSeconds => Sum.Seconds(Gpu, Links);

    /// <summary>What of the sum lengthens the step: all of it, since it begins when the last gradient is there and the update waits for it.</summary>
    public double ExposedSeconds => SumSeconds;

    /// <summary>Share of perfect weak scaling: sequences a second as a share of those of so many GPUs that each train alone.</summary>
    public double WeakScaling => StepSeconds / (StepSeconds + ExposedSeconds);

    /// <summary>How many times as fast as on one GPU the whole batch is.</summary>
    public double SpeedUp => WholeSeconds / (StepSeconds + ExposedSeconds);

    /// <summary>Share of perfect strong scaling: the speed-up as a share of the number of GPUs.</summary>
    public double StrongScaling => SpeedUp / Placement.Ranks;

    /// <summary>Counts the steps of a training on ranks.</summary>
    /// <param name="configuration">Its batch is that of all ranks together, as in training.</param>
    /// <param name="timeSteps">T, predicted steps of every sequence.</param>
    /// <param name="placement">The ranks.</param>
    /// <param name="gpu">Each rank's.</param>
    /// <param name="network">Between nodes; needed where there are several.</param>
    /// <exception cref="ConfigurationException">The ranks cannot share the batch out, there is no network, or a field is out of range.</exception>
    public static ScalingBudget Count(RunConfiguration configuration, int timeSteps, RankPlacement placement, GpuSpecification gpu, NetworkLink? network)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(placement);
        ArgumentNullException.ThrowIfNull(gpu);
        if (placement.Nodes > 1 && network is null)
            throw new ConfigurationException($"{placement.Ranks} ranks on {placement.Nodes} nodes need --network, one of "
                + $"{string.Join(", ", NetworkLink.All.Select(known => known.Name))}; or, on one node, --ranks-per-node {placement.Ranks}.");
        var (links, model) = (new RankLinks(gpu.Link, network), configuration.Model);
        var own = RankConfiguration(configuration, placement.Ranks);
        var whole = StepBudget.Count(configuration, timeSteps, PrecisionOf(gpu), CudaProducts.Library);
        var step = placement.Ranks == 1 ? whole : StepBudget.Count(own, timeSteps, PrecisionOf(gpu), CudaProducts.Library);
        var budget = new ScalingBudget(placement, gpu, links, configuration.Training.BatchSize, whole, step, RankSum.Of(model, placement), null);

        var part = own.Training with { Shards = 1 };
        var fewer = MostRanks(part.BatchSize, placement.PerNode > 1 ? placement.PerNode : placement.Ranks);
        if (fewer == 1)
            return budget;
        var instead = new RankPlacement(fewer, placement.PerNode > 1 ? fewer : 1);
        var less = StepBudget.Count(RankConfiguration(own with { Training = part }, fewer), timeSteps, PrecisionOf(gpu), CudaProducts.Library);
        return budget with { Instead = new ScalingBudget(instead, gpu, links, part.BatchSize, step, less, RankSum.Of(model, instead), null) };
    }

    // The default of a training, or what the GPU has instead.
    static CudaPrecision PrecisionOf(GpuSpecification gpu) => gpu.Has(CudaPrecision.Tf32) ? CudaPrecision.Tf32 : CudaPrecision.Fp32;

    // What one rank computes of a batch: its shards, full ones.
    static RunConfiguration RankConfiguration(RunConfiguration configuration, int ranks)
    {
        if (ranks == 1)
            return configuration;
        var training = configuration.Training.SharedOut(ranks);
        var shards = OwnShards.Of(training.Shards, rank: 0, ranks).Count;
        return configuration with { Training = training with { BatchSize = shards * training.ShardSize, Shards = shards } };
    }

    // The most ranks up to a limit of which each gets a sequence.
    static int MostRanks(int sequences, int limit)
        => Enumerable.Range(1, Math.Min(sequences, limit)).Last(ranks => !new TrainingConfiguration { BatchSize = sequences, Shards = ranks }.HasEmptyShards);
}
