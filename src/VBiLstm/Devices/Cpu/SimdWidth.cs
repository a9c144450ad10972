using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Devices.Cpu;

/// <summary>Vector width of products and element-wise code, in bits.</summary>
public enum SimdWidth
{
    /// <summary>Every processor's.</summary>
    Vector128 = 128,

    /// <summary>AVX2 with FMA.</summary>
    Vector256 = 256,

    /// <summary>AVX-512.</summary>
    Vector512 = 512,
}

/// <summary>Which widths this processor has.</summary>
static class SimdWidths
{
    /// <summary>Those that can be chosen here, narrowest first.</summary>
    public static IReadOnlyList<SimdWidth> Supported { get; } = [.. Enum.GetValues<SimdWidth>().Where(IsSupported)];

    /// <summary>The widest that this processor runs in hardware.</summary>
    public static SimdWidth Best => Supported[^1];

    static bool IsSupported(SimdWidth width) => width switch
    {
        SimdWidth.Vector512 => Vector512.IsHardwareAccelerated && Avx512F.IsSupported,
        SimdWidth.Vector256 => Vector256.IsHardwareAccelerated && Fma.IsSupported,
        _ => true,
    };
}
