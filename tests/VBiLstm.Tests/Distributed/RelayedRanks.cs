using VBiLstm.Distributed;

namespace VBiLstm.Tests.Distributed;

/// <summary>Other ranks, of which a test changes something.</summary>
class RelayedRanks(Communicator ranks) : Communicator
{
    public override int Rank => ranks.Rank;

    public override int Size => ranks.Size;

    public override void AllGather(nint part, nint all, long bytes) => ranks.AllGather(part, all, bytes);

    public override void AllToAll(nint values, nint received, long bytes) => ranks.AllToAll(values, received, bytes);
}
