using VBiLstm.Distributed;
using VBiLstm.Mpi.Interop;

namespace VBiLstm.Mpi;

/// <summary>Ranks that are processes of an MPI job, all of them or the ones of a level. One thread calls it, the one that started the job.</summary>
sealed class MpiCommunicator(MpiLibrary library, nint communicator, RankWatch watch) : Communicator
{
    IReadOnlyList<Communicator>? _levels;
    IReadOnlyList<string>? _nodes;

    public override int Rank { get; } = library.Rank(communicator);

    public override int Size { get; } = library.Size(communicator);

    public override IReadOnlyList<string> Nodes => _nodes ?? base.Nodes;

    public override IReadOnlyList<Communicator> Levels => _levels ?? base.Levels;

    /// <summary>Asks each rank for its machine; all ranks call it.</summary>
    public void AskForNodes() => _nodes = Texts(Environment.MachineName);

    /// <summary>Makes levels of nodes that have as many consecutive ranks each; all ranks call it.</summary>
    public void AddWithinNodesFirst(int ranksPerNode)
    {
        var (node, place) = (Rank / ranksPerNode, Rank % ranksPerNode);
        _levels =
        [
            new MpiCommunicator(library, library.Split(communicator, node, Rank), watch),
            new MpiCommunicator(library, library.Split(communicator, place, Rank), watch),
        ];
    }

    public override void BeginWait() => watch.Begin();

    public override void EndWait() => watch.End();

    public override void AllGather(nint part, nint all, long bytes)
    {
        watch.Begin();
        library.AllGather(communicator, part, all, Counted(bytes));
        watch.End();
    }

    static int Counted(long bytes) => bytes <= int.MaxValue
        ? (int)bytes
        : throw new MpiException($"MPI moves 2 GB at once at most, and a rank's slice of the gradients has {bytes / 1e9:N1}; use more ranks.");

    public override void AllToAll(nint values, nint received, long bytes)
    {
        watch.Begin();
        library.AllToAll(communicator, values, received, Counted(bytes));
        watch.End();
    }
}
