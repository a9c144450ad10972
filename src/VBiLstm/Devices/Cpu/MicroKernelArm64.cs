using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// 128-bit micro-kernel of Arm64: tiles of 8 rows by 8 columns, whose multiply-adds take an element of A where it stands in a vector of four, and
/// <see cref="MicroKernel128"/>'s for what is left. 23 instructions for 16 multiply-adds, where tiles of 4 rows take 19 for 8.
/// </summary>
readonly unsafe struct MicroKernelArm64 : IMicroKernel
{
    public static int Columns => MicroKernel128.Columns;

    public static int LargestTile => 8;

    public static int TileRows(int rows) => rows >= 8 ? 8 : MicroKernel128.TileRows(rows);

    public static void Multiply(int tileRows, int k, float* a, float* b, float* from, int fromStride, float* c, int cStride, float* next)
    {
        if (tileRows == 8)
            Rows8(k, a, b, from, fromStride, c, cStride);
        else
            MicroKernel128.Multiply(tileRows, k, a, b, from, fromStride, c, cStride, next);
    }

    static void Rows8(int k, float* a, float* b, float* from, int fromStride, float* c, int cStride)
    {
        Vector128<float> c00 = Vector128<float>.Zero, c01 = Vector128<float>.Zero;
        Vector128<float> c10 = Vector128<float>.Zero, c11 = Vector128<float>.Zero;
        Vector128<float> c20 = Vector128<float>.Zero, c21 = Vector128<float>.Zero;
        Vector128<float> c30 = Vector128<float>.Zero, c31 = Vector128<float>.Zero;
        Vector128<float> c40 = Vector128<float>.Zero, c41 = Vector128<float>.Zero;
        Vector128<float> c50 = Vector128<float>.Zero, c51 = Vector128<float>.Zero;
        Vector128<float> c60 = Vector128<float>.Zero, c61 = Vector128<float>.Zero;
        Vector128<float> c70 = Vector128<float>.Zero, c71 = Vector128<float>.Zero;
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
            c40 = Vector128.Load(from + 4 * fromStride);
            c41 = Vector128.Load(from + 4 * fromStride + 4);
            c50 = Vector128.Load(from + 5 * fromStride);
            c51 = Vector128.Load(from + 5 * fromStride + 4);
            c60 = Vector128.Load(from + 6 * fromStride);
            c61 = Vector128.Load(from + 6 * fromStride + 4);
            c70 = Vector128.Load(from + 7 * fromStride);
            c71 = Vector128.Load(from + 7 * fromStride + 4);
        }

        for (var p = 0; p < k; p++)
        {
            var b0 = Vector128.Load(b);
            var b1 = Vector128.Load(b + 4);
            var a0 = Vector128.Load(a);
            var a1 = Vector128.Load(a + 4);
            c00 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c00, b0, a0, 0);
            c01 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c01, b1, a0, 0);
            c10 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c10, b0, a0, 1);
            c11 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c11, b1, a0, 1);
            c20 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c20, b0, a0, 2);
            c21 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c21, b1, a0, 2);
            c30 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c30, b0, a0, 3);
            c31 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c31, b1, a0, 3);
            c40 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c40, b0, a1, 0);
            c41 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c41, b1, a1, 0);
            c50 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c50, b0, a1, 1);
            c51 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c51, b1, a1, 1);
            c60 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c60, b0, a1, 2);
            c61 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c61, b1, a1, 2);
            c70 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c70, b0, a1, 3);
            c71 = AdvSimd.Arm64.FusedMultiplyAddBySelectedScalar(c71, b1, a1, 3);
            a += 8;
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
        c40.Store(c + 4 * cStride);
        c41.Store(c + 4 * cStride + 4);
        c50.Store(c + 5 * cStride);
        c51.Store(c + 5 * cStride + 4);
        c60.Store(c + 6 * cStride);
        c61.Store(c + 6 * cStride + 4);
        c70.Store(c + 7 * cStride);
        c71.Store(c + 7 * cStride + 4);
    }
}
