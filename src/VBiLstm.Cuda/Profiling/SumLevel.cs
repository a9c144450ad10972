using VBiLstm.Devices.Counting;

namespace VBiLstm.Cuda.Profiling;

/// <summary>
/// One level of the sum over ranks: each rank gets its slice from all of them (all-to-all), adds the slices, and gives the sum to all (all-gather).
/// </summary>
/// <param name="Placement">The ranks of this level, and how many of them share a node.</param>
/// <param name="Bytes">Of the values that are added, the same on all its ranks.</param>
sealed record SumLevel(RankPlacement Placement, long Bytes)
{
    /// <summary>Exchanges of a level: all-to-all and all-gather.</summary>
    public const int Exchanges = 2;

    /// <summary>Bytes of the slice that a rank adds.</summary>
    public long SliceBytes => Bytes / Placement.Ranks;

    /// <summary>Bytes that a rank sends, and receives, in both exchanges: 2 (R − 1) / R of all.</summary>
    public long ExchangedBytes => Exchanges * (Placement.Ranks - 1) * SliceBytes;

    /// <summary>
    /// Seconds of both exchanges. Links of the node and of the network work side by side, so the longer decides. All-to-all sends each other rank a slice of
    /// its own; the all-gather of a library goes round a ring, which enters a node once over the cards of all its ranks.
    /// </summary>
    public double ExchangeSeconds(RankLinks links)
    {
        ArgumentNullException.ThrowIfNull(links);
        var (ranks, perNode) = (Placement.Ranks, Placement.PerNode);
        double here = perNode - 1, elsewhere = ranks - perNode;
        return Exchanges * RankLinks.SecondsPerExchange + Longer(here, elsewhere) + Longer(perNode > 1 ? ranks - 1 : 0, elsewhere / perNode);

        double Longer(double slicesInTheNode, double slicesOfTheNetwork) => Math.Max(
            RankLinks.Seconds(slicesInTheNode * SliceBytes, links.Node.GigabytesPerSecond),
            slicesOfTheNetwork == 0 ? 0 : RankLinks.Seconds(slicesOfTheNetwork * SliceBytes, links.Network!.GigabytesPerSecond));
    }

    /// <summary>Seconds of the additions: R − 1 kernels, each of which reads two slices and writes one.</summary>
    public double AdditionSeconds(GpuSpecification gpu)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        return (Placement.Ranks - 1) * gpu.Seconds(new CountedOperation("Add", 1, 3 * SliceBytes, 0), CudaPrecision.Fp32);
    }
}
