using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    const int WarpSize = 32, ElementThreads = 64, ElementColumns = 256, MaximumRowThreads = 256, MaximumGridY = 65535;

    // Threads that a multiprocessor has room for at about 60 registers each.
    const int ThreadsAtOnce = 1024;

    const int OldestWithEarlyStarts = 90, OldestDriverWithProgrammaticEdges = 12030;

    // What the next kernel stands directly behind on the stream; none where that is anything but a kernel of the project's.
    Kernel _previous;

    /// <summary>Kernels launched so far, replays of graphs not counted.</summary>
    internal long Launches { get; private set; }

    /// <summary>Those of them that may start before the kernel before them has ended.</summary>
    internal long EarlyStarts { get; private set; }

    /// <summary>
    /// Why kernels start one after the other although they might start before the one before has ended; null where they do, and where the options say so.
    /// </summary>
    internal string? NoEarlyStarts { get; private set; }

    bool StartsEarly => Options.StartEarly && NoEarlyStarts is null;

    // Code for older GPUs has no wait for the kernels before, and so must not start early on any.
    string? WhyNoEarlyStarts()
    {
        if (_context.ComputeCapability < OldestWithEarlyStarts)
            return "the GPU's compute capability is below 9.0";
        if (_context.DriverVersion < OldestDriverWithProgrammaticEdges)
            return $"the driver is for CUDA {CudaContext.VersionText(_context.DriverVersion)}, older than 12.3";
        return _kernels.Architecture is var architecture && architecture < OldestWithEarlyStarts
            ? $"the kernels were compiled for compute capability {architecture / 10}.{architecture % 10}, not for this GPU's"
            : null;
    }

    void Launch(Kernel kernel, uint gridX, uint gridY, uint blockX, uint blockY, void** arguments)
    {
        _context.Bind();
        Launches++;

        // Each kernel waits itself for those before it (native/kernels/dependent_launch.cuh). What reads weights before its wait starts early only behind its
        // like, which write none: behind any other kernel, perhaps their writer, it starts when that is complete, and all that follows later still.
        var startsEarly = StartsEarly && _previous.Function != 0 && (!kernel.FetchesWeights || _previous.FetchesWeights);
        _previous = kernel;
        if (!startsEarly)
        {
            CudaStatus.Check(CudaDriver.LaunchKernel(kernel.Function, gridX, gridY, 1, blockX, blockY, 1, kernel.SharedBytes, _current.Handle, arguments, null),
                "cuLaunchKernel", kernel.Name);
            return;
        }

        EarlyStarts++;
        LaunchAs(LaunchAttributeKind.ProgrammaticStreamSerialization, kernel, gridX, gridY, blockX, blockY, kernel.SharedBytes, arguments);
    }

    void LaunchAs(LaunchAttributeKind kind, Kernel kernel, uint gridX, uint gridY, uint blockX, uint blockY, uint sharedBytes, void** arguments)
    {
        var attribute = new LaunchAttribute { Kind = kind, Value = 1 };
        var configuration = new LaunchConfiguration
        {
            GridX = gridX,
            GridY = gridY,
            GridZ = 1,
            BlockX = blockX,
            BlockY = blockY,
            BlockZ = 1,
            SharedBytes = sharedBytes,
            Stream = _current.Handle,
            Attributes = &attribute,
            AttributeCount = 1,
        };
        CudaStatus.Check(CudaDriver.LaunchKernelEx(configuration, kernel.Function, arguments, null), "cuLaunchKernelEx", kernel.Name);
    }

    /// <summary>
    /// Called before anything else than <see cref="Launch"/> goes to the stream: the next kernel starts when that has ended. Whether a library's kernel waits
    /// for those before it, which its successor would rely upon, is not known.
    /// </summary>
    internal void EndRunOfKernels() => _previous = default;

    // A block for 256 columns of a row: a thread for each where the GPU runs so many at once, which hides more of their latency, else one for four columns.
    void LaunchElements(Kernel kernel, int rows, int columns, void** arguments)
        => LaunchElements(kernel, rows, columns, (long)rows * columns <= (long)_context.Multiprocessors * ThreadsAtOnce ? ElementColumns : ElementThreads,
            arguments);

    // A thread for four consecutive columns of a row, whose noise is drawn together.
    void LaunchFours(Kernel kernel, int rows, int columns, void** arguments) => LaunchElements(kernel, rows, columns, ElementThreads, arguments);

    void LaunchElements(Kernel kernel, int rows, int columns, int threads, void** arguments)
    {
        if (rows > 0 && columns > 0)
            Launch(kernel, (uint)CeilingDivide(columns, ElementColumns), (uint)Math.Min(rows, MaximumGridY), (uint)threads, 1, arguments);
    }

    // A block for a row, as many threads as it has columns but at most 256.
    void LaunchRows(Kernel kernel, int rows, int columns, void** arguments)
    {
        if (rows == 0)
            return;
        var threads = WarpSize;
        while (threads < columns && threads < MaximumRowThreads)
            threads *= 2;
        Launch(kernel, (uint)rows, 1, (uint)threads, 1, arguments);
    }

    static long CeilingDivide(long x, long y) => (x + y - 1) / y;
}
