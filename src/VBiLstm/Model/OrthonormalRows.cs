using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>Random matrices with orthonormal rows, all of them equally likely (Saxe et al. 2014): normal draws, made orthonormal by Gram and Schmidt.</summary>
static class OrthonormalRows
{
    // Rows that stay in a cache while the others are freed of them.
    const int PanelRows = 16;

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

        // Normal draws are far from dependent: one pass in double leaves less than a float's rounding.
        for (var first = 0; first < rows; first += PanelRows)
        {
            var panel = matrix.AsMemory(first, Math.Min(PanelRows, rows - first));
            for (var i = 0; i < panel.Length; i++)
            {
                TakeOut(panel.Span[..i], panel.Span[i]);
                Scale(panel.Span[i]);
            }

            Parallel.For(first + panel.Length, rows, other => TakeOut(panel.Span, matrix[other]));
        }

        var result = new float[checked(rows * columns)];
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                result[row * columns + column] = (float)matrix[row][column];
        return result;
    }

    static void TakeOut(ReadOnlySpan<double[]> units, double[] row)
    {
        foreach (var unit in units)
            Subtract(unit, Dot(unit, row), row);
    }

    static void Scale(double[] row)
    {
        var scale = 1 / Math.Sqrt(Dot(row, row));
        foreach (ref var value in row.AsSpan())
            value *= scale;
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
