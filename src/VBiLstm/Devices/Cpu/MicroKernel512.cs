using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Devices.Cpu;

/// <summary>512-bit micro-kernel: tiles of 12, 8, 6 or 4 rows by 32 columns, all sums in registers.</summary>
readonly unsafe struct MicroKernel512 : IMicroKernel
{
    public static int Columns => 32;

    public static int LargestTile => 12;

    // No even number of rows but 2 needs padding: 14 is 8 and 6, 10 is 6 and 4.
    public static int TileRows(int rows) => rows >= 12 && rows != 14 ? 12 : rows >= 8 && rows != 10 ? 8 : rows >= 6 ? 6 : 4;

    public static void Multiply(int tileRows, int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        switch (tileRows)
        {
            case 12:
                Rows12(k, a, b, from, fromStride, c, cStride, next);
                break;
            case 8:
                Rows8(k, a, b, from, fromStride, c, cStride, next);
                break;
            case 6:
                Rows6(k, a, b, from, fromStride, c, cStride, next);
                break;
            default:
                Rows4(k, a, b, from, fromStride, c, cStride, next);
                break;
        }
    }

    static void Rows12(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector512<float> c00 = Vector512<float>.Zero, c01 = Vector512<float>.Zero;
        Vector512<float> c10 = Vector512<float>.Zero, c11 = Vector512<float>.Zero;
        Vector512<float> c20 = Vector512<float>.Zero, c21 = Vector512<float>.Zero;
        Vector512<float> c30 = Vector512<float>.Zero, c31 = Vector512<float>.Zero;
        Vector512<float> c40 = Vector512<float>.Zero, c41 = Vector512<float>.Zero;
        Vector512<float> c50 = Vector512<float>.Zero, c51 = Vector512<float>.Zero;
        Vector512<float> c60 = Vector512<float>.Zero, c61 = Vector512<float>.Zero;
        Vector512<float> c70 = Vector512<float>.Zero, c71 = Vector512<float>.Zero;
        Vector512<float> c80 = Vector512<float>.Zero, c81 = Vector512<float>.Zero;
        Vector512<float> c90 = Vector512<float>.Zero, c91 = Vector512<float>.Zero;
        Vector512<float> c100 = Vector512<float>.Zero, c101 = Vector512<float>.Zero;
        Vector512<float> c110 = Vector512<float>.Zero, c111 = Vector512<float>.Zero;
        if (from != null)
        {
            c00 = Vector512.Load(from);
            c01 = Vector512.Load(from + 16);
            c10 = Vector512.Load(from + fromStride);
            c11 = Vector512.Load(from + fromStride + 16);
            c20 = Vector512.Load(from + 2 * fromStride);
            c21 = Vector512.Load(from + 2 * fromStride + 16);
            c30 = Vector512.Load(from + 3 * fromStride);
            c31 = Vector512.Load(from + 3 * fromStride + 16);
            c40 = Vector512.Load(from + 4 * fromStride);
            c41 = Vector512.Load(from + 4 * fromStride + 16);
            c50 = Vector512.Load(from + 5 * fromStride);
            c51 = Vector512.Load(from + 5 * fromStride + 16);
            c60 = Vector512.Load(from + 6 * fromStride);
            c61 = Vector512.Load(from + 6 * fromStride + 16);
            c70 = Vector512.Load(from + 7 * fromStride);
            c71 = Vector512.Load(from + 7 * fromStride + 16);
            c80 = Vector512.Load(from + 8 * fromStride);
            c81 = Vector512.Load(from + 8 * fromStride + 16);
            c90 = Vector512.Load(from + 9 * fromStride);
            c91 = Vector512.Load(from + 9 * fromStride + 16);
            c100 = Vector512.Load(from + 10 * fromStride);
            c101 = Vector512.Load(from + 10 * fromStride + 16);
            c110 = Vector512.Load(from + 11 * fromStride);
            c111 = Vector512.Load(from + 11 * fromStride + 16);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
            x = Vector512.Create(a[8]);
            c80 = Vector512.FusedMultiplyAdd(x, b0, c80);
            c81 = Vector512.FusedMultiplyAdd(x, b1, c81);
            x = Vector512.Create(a[9]);
            c90 = Vector512.FusedMultiplyAdd(x, b0, c90);
            c91 = Vector512.FusedMultiplyAdd(x, b1, c91);
            x = Vector512.Create(a[10]);
            c100 = Vector512.FusedMultiplyAdd(x, b0, c100);
            c101 = Vector512.FusedMultiplyAdd(x, b1, c101);
            x = Vector512.Create(a[11]);
            c110 = Vector512.FusedMultiplyAdd(x, b0, c110);
            c111 = Vector512.FusedMultiplyAdd(x, b1, c111);
            a += 12;
            b += 32;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 16);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 16);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 16);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 16);
        c40.Store(c + 4 * cStride);
        c41.Store(c + 4 * cStride + 16);
        c50.Store(c + 5 * cStride);
        c51.Store(c + 5 * cStride + 16);
        c60.Store(c + 6 * cStride);
        c61.Store(c + 6 * cStride + 16);
        c70.Store(c + 7 * cStride);
        c71.Store(c + 7 * cStride + 16);
        c80.Store(c + 8 * cStride);
        c81.Store(c + 8 * cStride + 16);
        c90.Store(c + 9 * cStride);
        c91.Store(c + 9 * cStride + 16);
        c100.Store(c + 10 * cStride);
        c101.Store(c + 10 * cStride + 16);
        c110.Store(c + 11 * cStride);
        c111.Store(c + 11 * cStride + 16);
    }

    static void Rows8(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector512<float> c00 = Vector512<float>.Zero, c01 = Vector512<float>.Zero;
        Vector512<float> c10 = Vector512<float>.Zero, c11 = Vector512<float>.Zero;
        Vector512<float> c20 = Vector512<float>.Zero, c21 = Vector512<float>.Zero;
        Vector512<float> c30 = Vector512<float>.Zero, c31 = Vector512<float>.Zero;
        Vector512<float> c40 = Vector512<float>.Zero, c41 = Vector512<float>.Zero;
        Vector512<float> c50 = Vector512<float>.Zero, c51 = Vector512<float>.Zero;
        Vector512<float> c60 = Vector512<float>.Zero, c61 = Vector512<float>.Zero;
        Vector512<float> c70 = Vector512<float>.Zero, c71 = Vector512<float>.Zero;
        if (from != null)
        {
            c00 = Vector512.Load(from);
            c01 = Vector512.Load(from + 16);
            c10 = Vector512.Load(from + fromStride);
            c11 = Vector512.Load(from + fromStride + 16);
            c20 = Vector512.Load(from + 2 * fromStride);
            c21 = Vector512.Load(from + 2 * fromStride + 16);
            c30 = Vector512.Load(from + 3 * fromStride);
            c31 = Vector512.Load(from + 3 * fromStride + 16);
            c40 = Vector512.Load(from + 4 * fromStride);
            c41 = Vector512.Load(from + 4 * fromStride + 16);
            c50 = Vector512.Load(from + 5 * fromStride);
            c51 = Vector512.Load(from + 5 * fromStride + 16);
            c60 = Vector512.Load(from + 6 * fromStride);
            c61 = Vector512.Load(from + 6 * fromStride + 16);
            c70 = Vector512.Load(from + 7 * fromStride);
            c71 = Vector512.Load(from + 7 * fromStride + 16);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
            a += 8;
            b += 32;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 16);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 16);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 16);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 16);
        c40.Store(c + 4 * cStride);
        c41.Store(c + 4 * cStride + 16);
        c50.Store(c + 5 * cStride);
        c51.Store(c + 5 * cStride + 16);
        c60.Store(c + 6 * cStride);
        c61.Store(c + 6 * cStride + 16);
        c70.Store(c + 7 * cStride);
        c71.Store(c + 7 * cStride + 16);
    }

    static void Rows6(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector512<float> c00 = Vector512<float>.Zero, c01 = Vector512<float>.Zero;
        Vector512<float> c10 = Vector512<float>.Zero, c11 = Vector512<float>.Zero;
        Vector512<float> c20 = Vector512<float>.Zero, c21 = Vector512<float>.Zero;
        Vector512<float> c30 = Vector512<float>.Zero, c31 = Vector512<float>.Zero;
        Vector512<float> c40 = Vector512<float>.Zero, c41 = Vector512<float>.Zero;
        Vector512<float> c50 = Vector512<float>.Zero, c51 = Vector512<float>.Zero;
        if (from != null)
        {
            c00 = Vector512.Load(from);
            c01 = Vector512.Load(from + 16);
            c10 = Vector512.Load(from + fromStride);
            c11 = Vector512.Load(from + fromStride + 16);
            c20 = Vector512.Load(from + 2 * fromStride);
            c21 = Vector512.Load(from + 2 * fromStride + 16);
            c30 = Vector512.Load(from + 3 * fromStride);
            c31 = Vector512.Load(from + 3 * fromStride + 16);
            c40 = Vector512.Load(from + 4 * fromStride);
            c41 = Vector512.Load(from + 4 * fromStride + 16);
            c50 = Vector512.Load(from + 5 * fromStride);
            c51 = Vector512.Load(from + 5 * fromStride + 16);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            a += 6;
            b += 32;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 16);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 16);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 16);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 16);
        c40.Store(c + 4 * cStride);
        c41.Store(c + 4 * cStride + 16);
        c50.Store(c + 5 * cStride);
        c51.Store(c + 5 * cStride + 16);
    }

    static void Rows4(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        Vector512<float> c00 = Vector512<float>.Zero, c01 = Vector512<float>.Zero;
        Vector512<float> c10 = Vector512<float>.Zero, c11 = Vector512<float>.Zero;
        Vector512<float> c20 = Vector512<float>.Zero, c21 = Vector512<float>.Zero;
        Vector512<float> c30 = Vector512<float>.Zero, c31 = Vector512<float>.Zero;
        if (from != null)
        {
            c00 = Vector512.Load(from);
            c01 = Vector512.Load(from + 16);
            c10 = Vector512.Load(from + fromStride);
            c11 = Vector512.Load(from + fromStride + 16);
            c20 = Vector512.Load(from + 2 * fromStride);
            c21 = Vector512.Load(from + 2 * fromStride + 16);
            c30 = Vector512.Load(from + 3 * fromStride);
            c31 = Vector512.Load(from + 3 * fromStride + 16);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            a += 4;
            b += 32;
            Sse.Prefetch1(next);
            next += 16;
        }

        c00.Store(c);
        c01.Store(c + 16);
        c10.Store(c + cStride);
        c11.Store(c + cStride + 16);
        c20.Store(c + 2 * cStride);
        c21.Store(c + 2 * cStride + 16);
        c30.Store(c + 3 * cStride);
        c31.Store(c + 3 * cStride + 16);
    }
}
