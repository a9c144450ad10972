using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Sizes of the blocks that products work on, and each thread's packed copies of them: a block of A (rows × depth) stays in the second-level cache, a
/// panel of B (depth × columns of the micro-kernel) about in the first.
/// </summary>
static unsafe class GemmBlocks
{
    public const int Rows = 192;
    public const int Depth = 256;
    public const int Columns = 512;

    // The last tile of a block may be padded to the rows of a whole one.
    const int TilePadding = 16;

    // For the life of the thread: pool threads live as long as their device.
    [ThreadStatic]
    static float* t_packedA;

    [ThreadStatic]
    static float* t_packedB;

    public static float* PackedA => t_packedA != null ? t_packedA : t_packedA = Allocate((Rows + TilePadding) * Depth);

    public static float* PackedB => t_packedB != null ? t_packedB : t_packedB = Allocate(Columns * Depth);

    static float* Allocate(int count) => (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
}
