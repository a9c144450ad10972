namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Sizes of the blocks that products work on, and each thread's packed copies of them. A block of A stays in the second-level cache while panels of
/// B pass by, of which the next is fetched while one is in use.
/// </summary>
static unsafe class GemmBlocks
{
    const int MaximumDepth = 1024;
    const int LeftElements = 64 * 1024;
    const int RightElements = 1024 * 1024;

    // For the life of the thread: pool threads live as long as their device.
    [ThreadStatic]
    static float* t_packedA;

    [ThreadStatic]
    static float* t_packedB;

    /// <summary>Room for a block of A, its last tile padded to the rows of a whole one.</summary>
    public static float* PackedA => t_packedA != null ? t_packedA : t_packedA = (float*)AlignedMemory.Allocate(LeftElements * sizeof(float));

    /// <summary>Room for a block of B.</summary>
    public static float* PackedB => t_packedB != null ? t_packedB : t_packedB = (float*)AlignedMemory.Allocate(RightElements * sizeof(float));

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
