using System.Runtime.CompilerServices;
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

/// <summary>With what the argument of a kernel of native/kernels/variational_loop.cu begins.</summary>
[StructLayout(LayoutKind.Sequential)]
struct ResidentLoopMemory
{
    /// <summary>Of the grid's barrier.</summary>
    public nint Arrivals;

    /// <summary>Begins of each product's tiles by block.</summary>
    public nint Plan;

    /// <summary>Of what each product reads.</summary>
    public ResidentExchanges Exchanges;
}

/// <summary>By product.</summary>
[InlineArray(Products)]
struct ResidentExchanges
{
    /// <summary>Of a time step.</summary>
    public const int Products = 5;

    Exchange _first;
}

/// <summary>A kernel of native/kernels/variational_loop.cu ready to launch: where its weights stay, and memory of the blocks' own.</summary>
sealed class ResidentLoop : IDisposable
{
    /// <summary>Shared memory of a block beside its weights.</summary>
    public const int SumBytes = 16 << 10;

    const int FragmentRows = 16, Alignment = 256;

    readonly DeviceMemory _memory;

    ResidentLoop(CudaDevice device, Kernel kernel, ResidentWeights weights, int rows, IReadOnlyList<ResidentProduct> products)
    {
        (Kernel, Blocks, SharedBytes) = (kernel, (uint)weights.Blocks, (uint)(SumBytes + weights.BlockBytes));
        var fragmentRows = (rows <= 32 ? 32 : rows <= 64 ? 64 : 128) / FragmentRows;
        var planBytes = Aligned(weights.Begins.Length * sizeof(int));
        _memory = device.Allocate(Alignment + planBytes + products.Sum(BytesOf), "what blocks of a loop exchange");
        Memory = new ResidentLoopMemory { Arrivals = _memory.Address, Plan = _memory.Address + Alignment };
        try
        {
            device.Upload(weights.Begins, new IdTensor(Memory.Plan, weights.Begins.Length));
        }
        catch
        {
            _memory.Dispose();
            throw;
        }

        var next = Memory.Plan + (nint)planBytes;
        for (var i = 0; i < products.Count; i++)
        {
            Memory.Exchanges[i] = new Exchange { Elements = next, Fragments = products[i].Fragments };
            next += (nint)BytesOf(products[i]);
        }

        long BytesOf(ResidentProduct product)
            => Aligned((long)fragmentRows * product.Fragments * FragmentRows * ResidentProduct.FragmentDepth * Tensor.OperandBytes);

        static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
    }

    public Kernel Kernel { get; }

    public uint Blocks { get; }

    public uint SharedBytes { get; }

    public readonly ResidentLoopMemory Memory;

    /// <summary>Null, with the reason, where the GPU cannot have all of the kernel's blocks resident with their weights.</summary>
    /// <param name="device">Which has one of it.</param>
    /// <param name="context">What is known of the GPU.</param>
    /// <param name="kernel">Of the loop.</param>
    /// <param name="rows">B.</param>
    /// <param name="products">In the kernel's order.</param>
    /// <param name="why">The reason.</param>
    public static ResidentLoop? Create(CudaDevice device, CudaContext context, Kernel kernel, int rows, IReadOnlyList<ResidentProduct> products,
        out string? why)
    {
        why = null;
        var room = context.SharedBytesOfBlock - SumBytes;
        if (ResidentWeights.Place(products, context.Multiprocessors, room) is not { } weights)
        {
            why = $"its weights take {products.Sum(product => (double)product.Tiles * product.BytesOfTile) / 1e6:N1} MB in bf16, more than "
                + $"{context.Multiprocessors} multiprocessors keep by tiles of 8 columns, up to 8 of a product and {Math.Max(0, room) / 1e6:N2} MB each";
            return null;
        }

        var bytes = SumBytes + weights.BlockBytes;
        CudaStatus.Check(CudaDriver.FuncSetAttribute(kernel.Function, FunctionAttribute.MaximumDynamicSharedBytes, bytes), "cuFuncSetAttribute", kernel.Name);
        CudaStatus.Check(CudaDriver.OccupancyMaxActiveBlocksPerMultiprocessor(out var resident, kernel.Function, CudaDevice.ThinThreads, (nuint)bytes),
            "cuOccupancyMaxActiveBlocksPerMultiprocessor", kernel.Name);
        if ((long)resident * context.Multiprocessors < weights.Blocks)
        {
            why = $"a multiprocessor has room for {resident} of its {weights.Blocks} blocks";
            return null;
        }

        return new ResidentLoop(device, kernel, weights, rows, products);
    }

    public void Dispose() => _memory.Dispose();
}

/// <summary>Both loops of a <see cref="VariationalLoop"/>, in the order and layout of native/kernels/variational_loop.cu.</summary>
/// <param name="Forward">F3.</param>
/// <param name="Backward">B5; null where only the forward pass runs.</param>
sealed record ResidentLoops(ResidentLoop Forward, ResidentLoop? Backward) : IDisposable
{
    public static ResidentProduct[] ForwardProducts(VariationalLoop loop)
    {
        var (h, m, z) = Sizes(loop);
        return [new(m + 4 * h, 1, h), new(z, 2, m), new(m, 1, z), new(h, 2, m), new(h, 4, z + h)];
    }

    public static ResidentProduct[] BackwardProducts(VariationalLoop loop)
    {
        var (h, m, z) = Sizes(loop);
        return [new(h + z + h, 1, 4 * h), new(m, 1, 2 * h), new(z, 1, m), new(m, 1, 2 * z), new(h, 1, m)];
    }

    /// <summary>Why no GPU has kernels for them; null where one with room for the weights has.</summary>
    public static string? WhyNone(VariationalLoop loop)
        => loop.Mixes ? "zoneout stands between the cells of two time steps"
            : loop.BatchSize > Device.MostThinRows ? $"a time step has {loop.BatchSize} rows, more than {Device.MostThinRows}"
            : null;

    /// <summary>Whether a GPU of so many multiprocessors, with so much shared memory for a block, has the loops resident.</summary>
    public static bool Fit(VariationalLoop loop, int multiprocessors, int sharedBytes)
        => WhyNone(loop) is null && new[] { ForwardProducts(loop), BackwardProducts(loop) }.All(products
            => ResidentWeights.Place(products, multiprocessors, sharedBytes - ResidentLoop.SumBytes) is not null);

    static (int H, int M, int Z) Sizes(VariationalLoop loop) => (loop.TanhC.Columns, loop.PsiHidden.Columns, loop.Z.Columns);

    public void Dispose()
    {
        Forward.Dispose();
        Backward?.Dispose();
    }
}
