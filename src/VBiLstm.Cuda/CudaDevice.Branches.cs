using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

// Branches run on a stream of their own; in a capture its waits become edges of the graph. The main line is what a step waits for, so its small kernels go
// first wherever a multiprocessor has room, and those of a branch fill the rest.
public sealed unsafe partial class CudaDevice
{
    // The stream of the operations that are called now.
    ComputeStream _current;

    nint CreateStream(Func<(int Least, int Greatest), int> priorityOf, string doing)
    {
        CudaStatus.Check(CudaDriver.CtxGetStreamPriorityRange(out var least, out var greatest), "cuCtxGetStreamPriorityRange", doing);
        CudaStatus.Check(CudaDriver.StreamCreateWithPriority(out var created, StreamFlags.NonBlocking, priorityOf((least, greatest))),
            "cuStreamCreateWithPriority", doing);
        _releases.Add(() => _ = CudaDriver.StreamDestroy(created));
        return created;
    }

    nint CreateEvent(string doing)
    {
        CudaStatus.Check(CudaDriver.EventCreate(out var created, EventFlags.DisableTiming), "cuEventCreate", doing);
        _releases.Add(() => _ = CudaDriver.EventDestroy(created));
        return created;
    }

    private protected override void ForkCore(Action branch)
    {
        if (_branch is null)
        {
            base.ForkCore(branch);
            return;
        }

        _context.Bind();
        Follow(_main, _forked, _branch, "forking a branch");
        _current = _branch;
        try
        {
            base.ForkCore(branch);
        }
        finally
        {
            _current = _main;
            EndRunOfKernels();
        }
    }

    private protected override void JoinBranchesCore()
    {
        if (_branch is null)
            return;
        _context.Bind();
        Follow(_branch, _joined, _main, "joining a branch");
    }

    // What the second stream does next comes after everything on the first.
    void Follow(ComputeStream first, nint marked, ComputeStream second, string doing)
    {
        EndRunOfKernels();
        CudaStatus.Check(CudaDriver.EventRecord(marked, first.Handle), "cuEventRecord", doing);
        CudaStatus.Check(CudaDriver.StreamWaitEvent(second.Handle, marked, 0), "cuStreamWaitEvent", doing);
    }
}
