using System.Runtime.InteropServices;
using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>Exchange of native/kernels/resident_product.cuh.</summary>
[StructLayout(LayoutKind.Sequential)]
readonly struct Exchange
{
    public nint Elements { get; init; }

    public int Fragments { get; init; }
}

/// <summary>A kernel of native/kernels/variational_loop.cu ready to launch: where its weights stay, and memory of the blocks' own.</summary>
sealed class ResidentLoop : IDisposable
{
    const int Threads = 256, SumBytes = 16 << 10, FragmentRows = 16, FragmentDepth = 16, OperandBytes = 2, Alignment = 256;

    readonly DeviceMemory _memory;

    ResidentLoop(CudaDevice device, Kernel kernel, ResidentWeights weights, int rows, ReadOnlySpan<int> exchanged)
    {
        (Kernel, Blocks, SharedBytes) = (kernel, (uint)weights.Blocks, (uint)(SumBytes + weights.BlockBytes));
        var fragmentRows = (rows <= 32 ? 32 : rows <= 64 ? 64 : 128) / FragmentRows;
        var planBytes = Aligned(weights.Begins.Length * sizeof(int));
        var bytes = Alignment + planBytes;
        foreach (var columns in exchanged)
            bytes += BytesOf(columns);
        _memory = device.Allocate(bytes, "what blocks of a loop exchange");
        try
        {
            Arrivals = _memory.Address;
            Plan = Arrivals + Alignment;
            device.Upload(weights.Begins, new IdTensor(Plan, weights.Begins.Length));
        }
        catch
        {
            _memory.Dispose();
            throw;
        }

        var next = Plan + (nint)planBytes;
        Exchanges = new Exchange[exchanged.Length];
        for (var i = 0; i < exchanged.Length; i++)
        {
            Exchanges[i] = new Exchange { Elements = next, Fragments = FragmentsOf(exchanged[i]) };
            next += (nint)BytesOf(exchanged[i]);
        }

        static int FragmentsOf(int columns) => (columns + FragmentDepth - 1) / FragmentDepth;

        long BytesOf(int columns) => Aligned((long)fragmentRows * FragmentsOf(columns) * FragmentRows * FragmentDepth * OperandBytes);

        static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
    }

    public Kernel Kernel { get; }

    public uint Blocks { get; }

    public uint SharedBytes { get; }

    /// <summary>Of the grid's barrier.</summary>
    public nint Arrivals { get; }

    /// <summary>Begins of each product's tiles by block.</summary>
    public nint Plan { get; }

    /// <summary>By product.</summary>
    public Exchange[] Exchanges { get; }

    /// <summary>Null, and the reason, where the GPU cannot have all of the kernel's blocks resident with their weights.</summary>
    /// <param name="device">Which has one of it.</param>
    /// <param name="context">What is known of the GPU.</param>
    /// <param name="kernel">Of the loop.</param>
    /// <param name="rows">B.</param>
    /// <param name="products">In the kernel's order.</param>
    /// <param name="exchanged">Widths of what blocks exchange, in the kernel's order.</param>
    /// <param name="why">The reason.</param>
    public static ResidentLoop? Create(CudaDevice device, CudaContext context, Kernel kernel, int rows, IReadOnlyList<ResidentProduct> products,
        ReadOnlySpan<int> exchanged, out string? why)
    {
        why = null;
        var room = context.SharedBytesOfBlock - SumBytes;
        if (ResidentWeights.Place(products, context.Multiprocessors, room) is not { } weights)
        {
            why = $"its weights take {products.Sum(product => (double)product.Tiles * product.BytesOfTile) / 1e6:N1} MB in bf16 and must fit by columns into "
                + $"{context.Multiprocessors} multiprocessors' shared memory of {Math.Max(0, room) / 1e6:N2} MB each";
            return null;
        }

        var bytes = SumBytes + weights.BlockBytes;
        CudaStatus.Check(CudaDriver.FuncSetAttribute(kernel.Function, FunctionAttribute.MaximumDynamicSharedBytes, bytes), "cuFuncSetAttribute", kernel.Name);
        CudaStatus.Check(CudaDriver.OccupancyMaxActiveBlocksPerMultiprocessor(out var resident, kernel.Function, Threads, (nuint)bytes),
            "cuOccupancyMaxActiveBlocksPerMultiprocessor", kernel.Name);
        if ((long)resident * context.Multiprocessors < weights.Blocks)
        {
            why = $"a multiprocessor has room for {resident} of its {weights.Blocks} blocks";
            return null;
        }

        return new ResidentLoop(device, kernel, weights, rows, exchanged);
    }

    public void Dispose() => _memory.Dispose();
}

/// <summary>Both loops of a <see cref="VariationalLoop"/>.</summary>
/// <param name="Forward">F3.</param>
/// <param name="Backward">B5; null where only the forward pass runs.</param>
sealed record ResidentLoops(ResidentLoop Forward, ResidentLoop? Backward) : IDisposable
{
    public void Dispose()
    {
        Forward.Dispose();
        Backward?.Dispose();
    }
}
