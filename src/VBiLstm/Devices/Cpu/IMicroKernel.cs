namespace VBiLstm.Devices.Cpu;

/// <summary>
/// A small product with all sums in registers. A comes packed as [k][tile rows], B as [k][<see cref="Columns"/>].
/// Each element of C is one chain of multiply-adds in the order of k, whatever the tile.
/// </summary>
unsafe interface IMicroKernel
{
    static abstract int Columns { get; }

    static abstract int LargestTile { get; }

    /// <summary>Rows of the tile to use when this many rows are left; more than are left only for the smallest tile.</summary>
    static abstract int TileRows(int rows);

    /// <summary>
    /// C [tile rows, columns] = <paramref name="from"/> + A B, where null stands for zeros, C itself accumulates, and a stride of 0 repeats one row.
    /// Meanwhile one cache line each k from <paramref name="next"/> on is fetched to the second-level cache: the operand of a later call, or any
    /// readable memory.
    /// </summary>
    static abstract void Multiply(int tileRows, int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next);
}
