using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Devices.Cpu;

/// <summary>256-bit micro-kernel: tiles of 6, 4 or 2 rows by 16 columns, all sums in registers.</summary>
readonly unsafe struct MicroKernel256 : IMicroKernel
{
    public static int Columns => 16;

    public static int LargestTile => 6;

    public static int TileRows(int rows) => rows >= 6 ? 6 : rows >= 4 ? 4 : 2;

    public static void Multiply(int tileRows, int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        switch (tileRows)
        {
            case 6:
                Rows6(k, a, b, from, fromStride, c, cStride, next);
                break;
            case 4:
                Rows4(k, a, b, from, fromStride, c, cStride, next);
                break;
            default:
                Rows2(k, a, b, from, fromStride, c, cStride, next);
                break;
        }
    }

    static void Rows6(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector256<float> c00 = Vector256<float>.Zero, c01 = Vector256<float>.Zero;
        Vector256<float> c10 = Vector256<float>.Zero, c11 = Vector256<float>.Zero;
        Vector256<float> c20 = Vector256<float>.Zero, c21 = Vector256<float>.Zero;
        Vector256<float> c30 = Vector256<float>.Zero, c31 = Vector256<float>.Zero;
        Vector256<float> c40 = Vector256<float>.Zero, c41 = Vector256<float>.Zero;
        Vector256<float> c50 = Vector256<float>.Zero, c51 = Vector256<float>.Zero;
        if (from != null)
        {
            c00 = Vector256.Load(from);
            c01 = Vector256.Load(from + 8);
            c10 = Vector256.Load(from + fromStride);
            c11 = Vector256.Load(from + fromStride + 8);
            c20 = Vector256.Load(from + 2 * fromStride);
            c21 = Vector256.Load(from + 2 * fromStride + 8);
            c30 = Vector256.Load(from + 3 * fromStride);
            c31 = Vector256.Load(from + 3 * fromStride + 8);
            c40 = Vector256.Load(from + 4 * fromStride);
            c41 = Vector256.Load(from + 4 * fromStride + 8);
            c50 = Vector256.Load(from + 5 * fromStride);
            c51 = Vector256.Load(from + 5 * fromStride + 8);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(*a);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[2]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[3]);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
            x = Vector256.Create(a[4]);
            c40 = Vector256.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector256.FusedMultiplyAdd(x, b1, c41);
            x = Vector256.Create(a[5]);
            c50 = Vector256.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector256.FusedMultiplyAdd(x, b1, c51);
            a += 6;
            b += 16;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 8);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 8);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 8);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 8);
        c40.Store(c + 4 * cStride);
        c41.Store(c + 4 * cStride + 8);
        c50.Store(c + 5 * cStride);
        c51.Store(c + 5 * cStride + 8);
    }

    static void Rows4(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector256<float> c00 = Vector256<float>.Zero, c01 = Vector256<float>.Zero;
        Vector256<float> c10 = Vector256<float>.Zero, c11 = Vector256<float>.Zero;
        Vector256<float> c20 = Vector256<float>.Zero, c21 = Vector256<float>.Zero;
        Vector256<float> c30 = Vector256<float>.Zero, c31 = Vector256<float>.Zero;
        if (from != null)
        {
            c00 = Vector256.Load(from);
            c01 = Vector256.Load(from + 8);
            c10 = Vector256.Load(from + fromStride);
            c11 = Vector256.Load(from + fromStride + 8);
            c20 = Vector256.Load(from + 2 * fromStride);
            c21 = Vector256.Load(from + 2 * fromStride + 8);
            c30 = Vector256.Load(from + 3 * fromStride);
            c31 = Vector256.Load(from + 3 * fromStride + 8);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(*a);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[2]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[3]);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
            a += 4;
            b += 16;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 8);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 8);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 8);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 8);
    }

    static void Rows2(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector256<float> c00 = Vector256<float>.Zero, c01 = Vector256<float>.Zero;
        Vector256<float> c10 = Vector256<float>.Zero, c11 = Vector256<float>.Zero;
        if (from != null)
        {
            c00 = Vector256.Load(from);
            c01 = Vector256.Load(from + 8);
            c10 = Vector256.Load(from + fromStride);
            c11 = Vector256.Load(from + fromStride + 8);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(*a);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            a += 2;
            b += 16;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 8);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 8);
    }
}
