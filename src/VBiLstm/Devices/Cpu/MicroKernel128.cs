using System.Runtime.Intrinsics;

namespace VBiLstm.Devices.Cpu;

/// <summary>128-bit micro-kernel: tiles of 4 or 2 rows by 8 columns, all sums in registers.</summary>
readonly unsafe struct MicroKernel128 : IMicroKernel
{
    public static int Columns => 8;

    public static int LargestTile => 4;

    public static int TileRows(int rows) => rows >= 4 ? 4 : 2;

    public static void Multiply(int tileRows, int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        switch (tileRows)
        {
            case 4:
                Rows4(k, a, b, from, fromStride, c, cStride, next);
                break;
            default:
                Rows2(k, a, b, from, fromStride, c, cStride, next);
                break;
        }
    }

    static void Rows4(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector128<float> c00 = Vector128<float>.Zero, c01 = Vector128<float>.Zero;
        Vector128<float> c10 = Vector128<float>.Zero, c11 = Vector128<float>.Zero;
        Vector128<float> c20 = Vector128<float>.Zero, c21 = Vector128<float>.Zero;
        Vector128<float> c30 = Vector128<float>.Zero, c31 = Vector128<float>.Zero;
        if (from != null)
        {
            c00 = Vector128.Load(from);
            c01 = Vector128.Load(from + 4);
            c10 = Vector128.Load(from + fromStride);
            c11 = Vector128.Load(from + fromStride + 4);
            c20 = Vector128.Load(from + 2 * fromStride);
            c21 = Vector128.Load(from + 2 * fromStride + 4);
            c30 = Vector128.Load(from + 3 * fromStride);
            c31 = Vector128.Load(from + 3 * fromStride + 4);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector128.Load(b);
            var b1 = Vector128.Load(b + 4);
            var x = Vector128.Create(*a);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            x = Vector128.Create(a[1]);
            c10 = Vector128.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector128.MultiplyAddEstimate(x, b1, c11);
            x = Vector128.Create(a[2]);
            c20 = Vector128.MultiplyAddEstimate(x, b0, c20);
            c21 = Vector128.MultiplyAddEstimate(x, b1, c21);
            x = Vector128.Create(a[3]);
            c30 = Vector128.MultiplyAddEstimate(x, b0, c30);
            c31 = Vector128.MultiplyAddEstimate(x, b1, c31);
            a += 4;
            b += 8;
        }

        c00.Store(c);
        c01.Store(c + 4);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 4);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 4);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 4);
    }

    static void Rows2(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector128<float> c00 = Vector128<float>.Zero, c01 = Vector128<float>.Zero;
        Vector128<float> c10 = Vector128<float>.Zero, c11 = Vector128<float>.Zero;
        if (from != null)
        {
            c00 = Vector128.Load(from);
            c01 = Vector128.Load(from + 4);
            c10 = Vector128.Load(from + fromStride);
            c11 = Vector128.Load(from + fromStride + 4);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector128.Load(b);
            var b1 = Vector128.Load(b + 4);
            var x = Vector128.Create(*a);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            x = Vector128.Create(a[1]);
            c10 = Vector128.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector128.MultiplyAddEstimate(x, b1, c11);
            a += 2;
            b += 8;
        }

        c00.Store(c);
        c01.Store(c + 4);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 4);
    }
}
