using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    const int WarpSize = 32, ElementThreads = 64, ElementsPerThread = 4, MaximumRowThreads = 256, MaximumGridY = 65535;

    /// <summary>Kernels launched so far, replays of graphs not counted.</summary>
    public long Launches { get; private set; }

    void Launch(Kernel kernel, uint gridX, uint gridY, uint blockX, uint blockY, void** arguments)
    {
        _context.Bind();
        Launches++;
        CudaStatus.Check(CudaDriver.LaunchKernel(kernel.Function, gridX, gridY, 1, blockX, blockY, 1, 0, _stream, arguments, null), "cuLaunchKernel",
            kernel.Name);
    }

    // A thread for four consecutive columns of a row.
    void LaunchElements(Kernel kernel, int rows, int columns, void** arguments)
    {
        if (rows == 0 || columns == 0)
            return;
        Launch(kernel, (uint)CeilingDivide(columns, ElementThreads * ElementsPerThread), (uint)Math.Min(rows, MaximumGridY), ElementThreads, 1, arguments);
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
