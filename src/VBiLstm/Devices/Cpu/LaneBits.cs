using System.Runtime.Intrinsics;

namespace VBiLstm.Devices.Cpu;

/// <summary>What the widths of <see cref="ILanes{T}"/> share.</summary>
static class LaneBits
{
    /// <summary>The bits of √½ as a float32.</summary>
    public const int SquareRootOfHalf = 0x3f3504f3;

    /// <summary>The bits of a float32's mantissa.</summary>
    public const int Mantissa = 0x007fffff;

    /// <summary>The sum of eight values, neighbours first.</summary>
    public static float Sum(Vector128<float> lower, Vector128<float> upper)
        => lower[0] + lower[1] + (lower[2] + lower[3]) + (upper[0] + upper[1] + (upper[2] + upper[3]));

    /// <summary>The largest value; a NaN may be lost.</summary>
    public static float Largest(Vector128<float> x) => MathF.Max(MathF.Max(x[0], x[1]), MathF.Max(x[2], x[3]));
}
