using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Devices.Cpu;

/// <summary>Transposes rows into the tiles and panels of packed operands.</summary>
static unsafe class Transposition
{
    const int Block = 8;
    const int HalfBlock = 4;

    /// <summary>target [length, tile] = source [rows, length] transposed, padded with zeros from rows to tile.</summary>
    public static void Run(float* source, int stride, int rows, int length, float* target, int tile)
    {
        var p = 0;
        if (Avx.IsSupported)
        {
            for (; p + Block <= length; p += Block)
            {
                var r = 0;
                for (; r + Block <= rows; r += Block)
                    TransposeBlock(source + (nint)r * stride + p, stride, target + (nint)p * tile + r, tile);
                if (r + HalfBlock <= rows)
                {
                    TransposeHalfBlock(source + (nint)r * stride + p, stride, target + (nint)p * tile + r, tile);
                    r += HalfBlock;
                }

                Scalar(source + (nint)r * stride + p, stride, rows - r, Block, target + (nint)p * tile + r, tile, tile - r);
            }
        }

        Scalar(source + p, stride, rows, length - p, target + (nint)p * tile, tile, tile);
    }

    static void Scalar(float* source, int stride, int rows, int length, float* target, int tile, int width)
    {
        for (var p = 0; p < length; p++)
        {
            for (var r = 0; r < rows; r++)
                target[(nint)p * tile + r] = source[(nint)r * stride + p];
            for (var r = rows; r < width; r++)
                target[(nint)p * tile + r] = 0;
        }
    }

    // Three rounds of perfect shuffles of rows four, two and one apart.
    static void TransposeBlock(float* source, nint stride, float* target, nint tile)
    {
        var (a0, a1) = Interleave(Vector256.Load(source), Vector256.Load(source + 4 * stride));
        var (a2, a3) = Interleave(Vector256.Load(source + stride), Vector256.Load(source + 5 * stride));
        var (a4, a5) = Interleave(Vector256.Load(source + 2 * stride), Vector256.Load(source + 6 * stride));
        var (a6, a7) = Interleave(Vector256.Load(source + 3 * stride), Vector256.Load(source + 7 * stride));
        var (b0, b1) = Interleave(a0, a4);
        var (b2, b3) = Interleave(a1, a5);
        var (b4, b5) = Interleave(a2, a6);
        var (b6, b7) = Interleave(a3, a7);
        var (c0, c1) = Interleave(b0, b4);
        var (c2, c3) = Interleave(b1, b5);
        var (c4, c5) = Interleave(b2, b6);
        var (c6, c7) = Interleave(b3, b7);
        c0.Store(target);
        c1.Store(target + tile);
        c2.Store(target + 2 * tile);
        c3.Store(target + 3 * tile);
        c4.Store(target + 4 * tile);
        c5.Store(target + 5 * tile);
        c6.Store(target + 6 * tile);
        c7.Store(target + 7 * tile);
    }

    // Four rows of eight: rows k and k + 4 of the result share a vector until the last round.
    static void TransposeHalfBlock(float* source, nint stride, float* target, nint tile)
    {
        var (a0, a1) = (Vector256.Load(source), Vector256.Load(source + stride));
        var (a2, a3) = (Vector256.Load(source + 2 * stride), Vector256.Load(source + 3 * stride));
        var (b0, b1) = (Avx.UnpackLow(a0, a2), Avx.UnpackHigh(a0, a2));
        var (b2, b3) = (Avx.UnpackLow(a1, a3), Avx.UnpackHigh(a1, a3));
        StoreHalves(Avx.UnpackLow(b0, b2), target, tile);
        StoreHalves(Avx.UnpackHigh(b0, b2), target + tile, tile);
        StoreHalves(Avx.UnpackLow(b1, b3), target + 2 * tile, tile);
        StoreHalves(Avx.UnpackHigh(b1, b3), target + 3 * tile, tile);
    }

    static void StoreHalves(Vector256<float> value, float* target, nint tile)
    {
        value.GetLower().Store(target);
        value.GetUpper().Store(target + 4 * tile);
    }

    // x0 y0 x1 y1 x2 y2 x3 y3, and the same of the upper halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> Low, Vector256<float> High) Interleave(Vector256<float> x, Vector256<float> y)
    {
        var low = Avx.UnpackLow(x, y);
        var high = Avx.UnpackHigh(x, y);
        return (Avx.Permute2x128(low, high, 0x20), Avx.Permute2x128(low, high, 0x31));
    }
}
