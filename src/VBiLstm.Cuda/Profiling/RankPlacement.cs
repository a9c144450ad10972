using System.Numerics;
using VBiLstm.Configuration;

namespace VBiLstm.Cuda.Profiling;

/// <summary>Ranks on nodes, one on each GPU.</summary>
/// <param name="Ranks">R, all of them.</param>
/// <param name="PerNode">How many of them each node has.</param>
sealed record RankPlacement(int Ranks, int PerNode)
{
    /// <summary>GPUs that a node of the usual servers (DGX, HGX) has.</summary>
    public const int GpusOfANode = 8;

    public int Nodes => Ranks / PerNode;

    /// <summary>
    /// The levels of a sum as a job has them: within nodes of a power of two of ranks and then across the nodes, otherwise all at once. None for one rank.
    /// </summary>
    public IReadOnlyList<RankPlacement> Levels => Ranks == 1 ? []
        : Nodes > 1 && PerNode > 1 && BitOperations.IsPow2(PerNode) ? [new RankPlacement(PerNode, PerNode), new RankPlacement(Nodes, 1)]
        : [this];

    /// <summary>Checks what the command line says.</summary>
    /// <param name="ranks">--ranks.</param>
    /// <param name="perNode">--ranks-per-node; null takes the fewer of all ranks and <see cref="GpusOfANode"/>.</param>
    /// <exception cref="ConfigurationException">They are not whole nodes; the message names the option and the fix.</exception>
    public static RankPlacement Of(int ranks, int? perNode)
    {
        if (ranks is < 1 or > 1 << 16)
            throw new ConfigurationException($"--ranks is {ranks}; use 1 to 65536.");
        if (perNode < 1)
            throw new ConfigurationException($"--ranks-per-node is {perNode}; use 1 to {ranks}.");
        var of = perNode ?? Math.Min(ranks, GpusOfANode);
        if (ranks % of == 0)
            return new RankPlacement(ranks, of);
        var whole = Enumerable.Range(1, Math.Min(of, ranks)).Last(fewer => ranks % fewer == 0);
        throw new ConfigurationException($"--ranks is {ranks}, which are not whole nodes of {of}{(perNode is null ? " (the default)" : "")}; "
            + $"use --ranks-per-node {whole}, or --ranks {(ranks + of - 1L) / of * of}.");
    }
}
