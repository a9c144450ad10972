using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>Random matrices with orthonormal rows, all of them equally likely (Saxe et al. 2014): normal draws, made orthonormal by Gram and Schmidt.</summary>
static class OrthonormalRows
{
    /// <summary>[rows, columns], row by row, rows at most columns; the same bits for the same draws on every machine.</summary>
    public static float[] Draw(int rows, int columns, ref CounterRandom random)
    {
        var matrix = new double[rows][];
        for (var row = 0; row < rows; row++)
        {
            matrix[row] = new double[columns];
            foreach (ref var value in matrix[row].AsSpan())
                value = random.NextNormal();
        }

        var result = new float[checked(rows * columns)];
        for (var row = 0; row < rows; row++)
        {
            // Those before are gone from it: normal draws are far from dependent, so that one pass in double leaves less than a float's rounding.
            var unit = matrix[row];
            var scale = 1 / Math.Sqrt(Dot(unit, unit));
            foreach (ref var value in unit.AsSpan())
                value *= scale;
            Parallel.For(row + 1, rows, other => Subtract(unit, Dot(unit, matrix[other]), matrix[other]));
            for (var column = 0; column < columns; column++)
                result[row * columns + column] = (float)unit[column];
        }

        return result;
    }

    // Four sums whatever vectors the processor has: the order of the sum is part of the result.
    static double Dot(double[] x, double[] y)
    {
        var xs = MemoryMarshal.Cast<double, Vector256<double>>(x);
        var ys = MemoryMarshal.Cast<double, Vector256<double>>(y);
        var sums = Vector256<double>.Zero;
        for (var i = 0; i < xs.Length; i++)
            sums += xs[i] * ys[i];
        var sum = sums[0] + sums[1] + (sums[2] + sums[3]);
        for (var i = xs.Length * Vector256<double>.Count; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }

    // y -= factor x.
    static void Subtract(double[] x, double factor, double[] y)
    {
        var xs = MemoryMarshal.Cast<double, Vector256<double>>(x);
        var ys = MemoryMarshal.Cast<double, Vector256<double>>(y.AsSpan());
        for (var i = 0; i < xs.Length; i++)
            ys[i] -= factor * xs[i];
        for (var i = xs.Length * Vector256<double>.Count; i < x.Length; i++)
            y[i] -= factor * x[i];
    }
}
