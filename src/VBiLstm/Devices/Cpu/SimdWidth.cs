using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Devices.Cpu;

/// <summary>Vector width of the products' micro-kernel, in bits.</summary>
enum SimdWidth
{
    Vector128 = 128,
    Vector256 = 256,
    Vector512 = 512,
}

static class SimdWidths
{
    /// <summary>The widest that this processor runs in hardware.</summary>
    public static SimdWidth Best => IsSupported(SimdWidth.Vector512) ? SimdWidth.Vector512
        : IsSupported(SimdWidth.Vector256) ? SimdWidth.Vector256
        : SimdWidth.Vector128;

    public static bool IsSupported(SimdWidth width) => width switch
    {
        SimdWidth.Vector512 => Vector512.IsHardwareAccelerated && Avx512F.IsSupported,
        SimdWidth.Vector256 => Vector256.IsHardwareAccelerated && Fma.IsSupported,
        _ => true,
    };
}
