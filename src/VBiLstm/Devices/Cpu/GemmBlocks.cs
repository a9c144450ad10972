using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Sizes of the blocks that products work on, and each thread's room for packed copies of them. A block of A stays in the second-level cache while panels of
/// B pass by, of which the next is fetched while one is in use. Unmanaged, so that jobs can hold it; whoever creates it frees it.
/// </summary>
readonly unsafe struct GemmBlocks
{
    const int MaximumDepth = 1024;
    const int LeftElements = 64 * 1024;
    const int RightElements = 1024 * 1024;
    const int WholeLeftElements = 256 * 1024;
    const int LongsPerLine = 8;

    // For each thread of a pool a block of A and one of B, null until it first asks, so that the pages come from its own part of the machine.
    readonly float** _blocks;
    readonly int _threads;

    // For each thread, on lines of their own, the product whose left operand stands in its room.
    readonly long* _products;

    /// <summary>Room for each of so many threads of one pool.</summary>
    public GemmBlocks(int threads)
    {
        _blocks = (float**)NativeMemory.AllocZeroed((nuint)(2 * threads * sizeof(float*)));
        _threads = threads;
        _products = (long*)NativeMemory.AllocZeroed((nuint)(threads * LongsPerLine * sizeof(long)));
    }

    /// <summary>This thread's room for a block of A, its last tile padded to the rows of a whole one.</summary>
    public float* Left => Own(2 * WorkerPool.CurrentThread, WholeLeftElements);

    /// <summary>Number of the product whose whole A this thread has packed last; 0 where something else stands there.</summary>
    public ref long PackedProduct => ref _products[WorkerPool.CurrentThread * LongsPerLine];

    /// <summary>Whether an A of so many rows, padded, fits whole.</summary>
    public static bool FitsWhole(int paddedRows, int k) => (long)paddedRows * k <= WholeLeftElements;

    /// <summary>This thread's room for a block of B.</summary>
    public float* Right => Own(2 * WorkerPool.CurrentThread + 1, RightElements);

    float* Own(int index, int elements)
    {
        ref var block = ref _blocks[index];
        if (block == null)
            block = (float*)AlignedMemory.Allocate(elements * sizeof(float));
        return block;
    }

    /// <summary>Gives all rooms back; no thread may use one afterwards.</summary>
    public void Free()
    {
        for (var i = 0; i < 2 * _threads; i++)
            AlignedMemory.Free(_blocks[i]);
        NativeMemory.Free(_blocks);
        NativeMemory.Free(_products);
    }

    /// <summary>How much of k one block takes: equal parts of at most the largest depth.</summary>
    public static int Depth(int k) => EqualParts(k, MaximumDepth, 1);

    /// <summary>Rows of a block of A of that depth, a multiple of <paramref name="tile"/>.</summary>
    public static int Rows(int m, int depth, int tile) => EqualParts(m, Math.Max(1, LeftElements / Math.Max(1, depth) / tile) * tile, tile);

    /// <summary>Columns of a block of B of that depth, a multiple of <paramref name="panel"/>.</summary>
    public static int Columns(int n, int depth, int panel) => EqualParts(n, Math.Max(1, RightElements / Math.Max(1, depth) / panel) * panel, panel);

    static int EqualParts(int total, int largest, int multiple)
    {
        var parts = Math.Max(1, (total + largest - 1) / largest);
        var part = (total + parts - 1) / parts;
        return Math.Max(1, (part + multiple - 1) / multiple) * multiple;
    }
}
