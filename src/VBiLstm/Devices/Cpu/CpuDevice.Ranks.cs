using VBiLstm.Distributed;

namespace VBiLstm.Devices.Cpu;

// Its memory is the process's, which the ranks' library reads and writes itself.
public sealed unsafe partial class CpuDevice
{
    private protected override void CheckJoinsCore(Communicator ranks)
    {
    }

    internal override IReadOnlyList<(string Item, string Value)> SharedByRanks => [("vector width", $"{Width}")];

    private protected override void AllToAllCore(int level, Tensor values, Tensor received)
        => Ranks.Levels[level].AllToAll(values.Address, received.Address, (long)values.Columns * sizeof(float));

    private protected override void AllGatherCore(int level, Tensor part, Tensor all)
        => Ranks.Levels[level].AllGather(part.Address, all.Address, (long)part.Columns * sizeof(float));
}
