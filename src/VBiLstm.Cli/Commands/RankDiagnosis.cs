using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Reports;
using VBiLstm.Cuda;

namespace VBiLstm.Cli.Commands;

/// <summary>What <c>vbilstm doctor</c> says of one rank.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Node">Its machine.</param>
/// <param name="Processors">Threads that it may take.</param>
/// <param name="Memory">Of its machine or control group, in bytes.</param>
/// <param name="CanTrain">Whether the GPU that was asked for can train.</param>
/// <param name="Gpu">Which it is, or what is missing.</param>
sealed record RankDiagnosis(int Rank, string Node, long Processors, long Memory, bool CanTrain, string Gpu)
{
    /// <summary>What every rank found, on all of them, which all call it.</summary>
    public static IReadOnlyList<RankDiagnosis> Of(RankSession session, IReadOnlyList<CudaFinding> findings, string device)
    {
        var lacking = findings.FirstOrDefault(finding => finding is { Missing: not null, IsNeeded: true });
        var gpu = lacking is not null ? $"no --device {device}: {lacking.Name}"
            : findings.FirstOrDefault(finding => finding.Name.StartsWith("GPU", StringComparison.Ordinal))?.Version ?? device;
        var gpus = session.Ranks.Texts(gpu);
        var figures = session.Ranks.AllGather<long>(
            [session.Processors, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, lacking is null ? 1 : 0]).Chunk(3);
        return [.. figures.Select((of, rank) => new RankDiagnosis(rank, session.Ranks.Nodes[rank], of[0], of[1], of[2] == 1, gpus[rank]))];
    }

    public string Line => $"   rank {Rank,-8} {Node}, {Names.Count(Processors, "processor")}, {Memory / 1e9:N0} GB memory, {Gpu}";
}
