using System.Numerics;
using VBiLstm.Distributed;
using VBiLstm.Mpi.Interop;

namespace VBiLstm.Mpi;

/// <summary>The MPI job that this process is a rank of, from MPI's start to its end.</summary>
public sealed class MpiJob : IDisposable
{
    readonly MpiLibrary _library;
    readonly RankWatch _watch;

    MpiJob(MpiLibrary library, TimeSpan timeout)
    {
        _library = library;
        var world = library.Interface.World;
        _watch = new RankWatch(timeout, $"rank {library.Rank(world)} of {library.Size(world)} ({Environment.MachineName})", library.Abort);
        var ranks = new MpiCommunicator(library, world, _watch);
        ranks.AskForNodes();
        if (RanksPerNode(ranks.Nodes) is var perNode and > 1)
            ranks.AddWithinNodesFirst(perNode);
        (Ranks, Library) = (ranks, library.Version());
    }

    /// <summary>All ranks of the job.</summary>
    public Communicator Ranks { get; }

    /// <summary>For instance <c>Open MPI v4.1.4</c>.</summary>
    public string Library { get; }

    /// <summary>This rank, for messages: <c>rank 3 of 8 (node7)</c>.</summary>
    public string Who => $"rank {Ranks.Rank} of {Ranks.Size} ({Ranks.Nodes[Ranks.Rank]})";

    /// <summary>Becomes one of the ranks that a launcher started.</summary>
    /// <param name="launcher">What <see cref="Launcher.Detect"/> found.</param>
    /// <param name="timeout">The longest wait for other ranks.</param>
    /// <exception cref="MpiException">There is no MPI library, or it is not the launcher's.</exception>
    public static MpiJob Start(Launcher launcher, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(launcher);
        var library = MpiLibrary.Load(launcher.SpeaksOpenMpi);
        library.Initialise();
        var size = library.Size(library.Interface.World);
        if (size == launcher.Ranks)
            return new MpiJob(library, timeout);
        library.Finish();
        throw new MpiException($"{launcher.Name} started {launcher.Ranks} ranks, but {library.Path} ({library.Interface.Name}) knows of {size}: it is "
            + "another MPI than the launcher's. Name the launcher's library in VBILSTM_MPI, start the job with its mpirun, or with srun choose "
            + "--mpi=pmix (Open MPI) or --mpi=pmi2 (MPICH and its kin).");
    }

    /// <summary>How many ranks every node has, where there are several nodes of one power of two of consecutive ranks above 1; else 1.</summary>
    internal static int RanksPerNode(IReadOnlyList<string> nodes)
    {
        var first = nodes.TakeWhile(node => node == nodes[0]).Count();
        var blocks = nodes.Chunk(first).ToList();
        return blocks.Count > 1 && BitOperations.IsPow2(first) && blocks.All(block => block.Length == first && block.Distinct().Count() == 1)
            && blocks.Select(block => block[0]).Distinct().Count() == blocks.Count
            ? first
            : 1;
    }

    /// <summary>Ends every rank with an exit code; does not return.</summary>
    public void Abort(int code)
    {
        _library.Abort(code);
        Environment.Exit(code);
    }

    /// <summary>Waits until all ranks have come to their end.</summary>
    public void Dispose()
    {
        _library.Finish();
        _watch.Dispose();
    }
}
