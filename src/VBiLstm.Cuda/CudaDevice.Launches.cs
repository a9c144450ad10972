using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    const int WarpSize = 32, ElementThreads = 64, ElementColumns = 256, MaximumRowThreads = 256, MaximumGridY = 65535;

    // Threads that a multiprocessor has room for at about 60 registers each.
    const int ThreadsAtOnce = 1024;

    /// <summary>Kernels launched so far, replays of graphs not counted.</summary>
    public long Launches { get; private set; }

    void Launch(Kernel kernel, uint gridX, uint gridY, uint blockX, uint blockY, void** arguments)
    {
        _context.Bind();
        Launches++;
        CudaStatus.Check(CudaDriver.LaunchKernel(kernel.Function, gridX, gridY, 1, blockX, blockY, 1, 0, _current.Handle, arguments, null), "cuLaunchKernel",
            kernel.Name);
    }

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
