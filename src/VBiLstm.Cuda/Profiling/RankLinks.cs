namespace VBiLstm.Cuda.Profiling;

/// <summary>What ranks exchange over.</summary>
/// <param name="Node">Within a node.</param>
/// <param name="Network">Between nodes; null where there is one.</param>
sealed record RankLinks(NodeLink Node, NetworkLink? Network)
{
    /// <summary>Share of a line rate that exchanges of megabytes come to. An assumption, as that of whole bandwidth is for memory.</summary>
    public const double ShareOfLineRate = 0.8;

    /// <summary>Seconds that an exchange takes beside its bytes: starting it, and the first byte's way. An assumption.</summary>
    public const double SecondsPerExchange = 15e-6;

    /// <summary>Seconds for bytes over a link in one direction.</summary>
    internal static double Seconds(double bytes, double gigabytesPerSecond) => bytes / (1e9 * ShareOfLineRate * gigabytesPerSecond);
}
