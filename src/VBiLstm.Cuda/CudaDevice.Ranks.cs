using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;
using VBiLstm.Distributed;

namespace VBiLstm.Cuda;

// NCCL moves bytes in the order of the stream, also in a captured graph; what opens its connections is the eager first replay. It adds nothing: its sums have
// other bits with every topology.
public sealed unsafe partial class CudaDevice
{
    // The first for CUDA 12.
    const int OldestNccl = 21600;

    // One for each level of the ranks.
    nint[] _communicators = [];

    /// <summary>The version of NCCL, as <c>2.27.4</c>.</summary>
    internal static string NcclVersionText
    {
        get
        {
            CudaStatus.CheckNccl(Nccl.GetVersion(out var version), "ncclGetVersion", "reading NCCL's version");
            return $"{version / 10000}.{version % 10000 / 100}.{version % 100}";
        }
    }

    /// <exception cref="CudaException">NCCL is nowhere, or too old.</exception>
    private protected override void CheckJoinsCore(Communicator ranks)
    {
        NativeLibraries.Require(NativeLibraries.Nccl);
        CudaStatus.CheckNccl(Nccl.GetVersion(out var version), "ncclGetVersion", "reading NCCL's version");
        if (version < OldestNccl)
            throw new CudaException($"NCCL {NcclVersionText} is too old: several ranks need 2.16 or later. Update it, or use --device cpu.");
    }

    // Each level's first rank makes an id, which goes to its others the way that all ranks know already.
    private protected override void JoinCore(Communicator ranks)
    {
        _context.Bind();
        Leave();
        if (ranks.Size == 1)
            return;
        _communicators = new nint[ranks.Levels.Count];
        for (var level = 0; level < _communicators.Length; level++)
        {
            var among = ranks.Levels[level];
            var id = default(NcclUniqueId);
            if (among.Rank == 0)
                CudaStatus.CheckNccl(Nccl.GetUniqueId(out id), "ncclGetUniqueId", "preparing to connect the ranks");
            id = among.AllGather(new ReadOnlySpan<NcclUniqueId>(in id))[0];
            ranks.BeginWait();
            var status = Nccl.CommInitRank(out _communicators[level], among.Size, id, among.Rank);
            ranks.EndWait();
            CudaStatus.CheckNccl(status, "ncclCommInitRank", $"connecting rank {among.Rank} of {among.Size}");
        }
    }

    // All ranks do so together. A communicator waits for the graphs that captured it.
    void Leave()
    {
        if (_communicators.Length == 0)
            return;
        Synchronise();
        foreach (var graph in _graphs)
            graph.Forget();
        foreach (var communicator in _communicators)
        {
            Ranks.BeginWait();
            var status = Nccl.CommDestroy(communicator);
            Ranks.EndWait();
            CudaStatus.CheckNccl(status, "ncclCommDestroy", "leaving the other ranks");
        }

        _communicators = [];
    }

    // Without the others, who may not come to their end.
    void AbortCommunicators()
    {
        foreach (var communicator in _communicators)
            if (communicator != 0)
                _ = Nccl.CommAbort(communicator);
        _communicators = [];
    }

    private protected override void AllToAllCore(int level, Tensor values, Tensor received)
    {
        const string doing = "sending every rank its slice of a sum";
        var (among, communicator) = (Ranks.Levels[level], _communicators[level]);
        CopyCore(values.RowRange(among.Rank, 1), received.RowRange(among.Rank, 1));
        EndRunOfKernels();
        CudaStatus.CheckNccl(Nccl.GroupStart(), "ncclGroupStart", doing);
        var bytes = (nuint)values.Columns * sizeof(float);
        var (status, call) = (NcclResult.Success, "");
        for (var rank = 0; rank < among.Size && status == NcclResult.Success; rank++)
        {
            if (rank == among.Rank)
                continue;
            (status, call) = (Nccl.Send(values.RowRange(rank, 1).Address, bytes, NcclDataType.Uint8, rank, communicator, _stream), "ncclSend");
            if (status == NcclResult.Success)
                (status, call) = (Nccl.Receive(received.RowRange(rank, 1).Address, bytes, NcclDataType.Uint8, rank, communicator, _stream), "ncclRecv");
        }

        // A group ends also where a call in it failed.
        var failure = status == NcclResult.Success ? null : CudaStatus.NcclFailure(status, call, doing);
        Ranks.BeginWait();
        status = Nccl.GroupEnd();
        Ranks.EndWait();
        if (failure is not null)
            throw failure;
        CudaStatus.CheckNccl(status, "ncclGroupEnd", doing);
    }

    private protected override void AllGatherCore(int level, Tensor part, Tensor all)
    {
        _context.Bind();
        EndRunOfKernels();
        Ranks.BeginWait();
        var status = Nccl.AllGather(part.Address, all.Address, (nuint)part.Columns * sizeof(float), NcclDataType.Uint8, _communicators[level], _stream);
        Ranks.EndWait();
        CudaStatus.CheckNccl(status, "ncclAllGather", "giving every rank's part of a sum to all");
    }

    // What is waited for may stand behind other ranks' part of it.
    CudaResult WaitForStream()
    {
        Ranks.BeginWait();
        var status = CudaDriver.StreamSynchronize(_stream);
        Ranks.EndWait();
        return status;
    }

    CudaResult WaitForEvent(nint recorded)
    {
        Ranks.BeginWait();
        var status = CudaDriver.EventSynchronize(recorded);
        Ranks.EndWait();
        return status;
    }
}
