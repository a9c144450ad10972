using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBiLstm.Model;

/// <summary>e^x of many values on the host.</summary>
static class Exponentials
{
    // Adding it rounds to an integer n; the sum's last bits are then n + 1023, the exponent of 2^n.
    const double Rounding = 3L * (1L << 51) + 1023;

    // ln 2, its first 32 bits and the rest, so that n times the first is exact.
    const double Ln2Head = 0x162E42FEEL / (double)(1L << 33), Ln2Rest = 1.9082149292705877e-10;

    /// <summary>x becomes e^x, within 2e-15 of it. A value's bits depend on neither its place nor the processor.</summary>
    public static void Replace(Span<double> x)
    {
        var vectors = MemoryMarshal.Cast<double, Vector<double>>(x);
        for (var i = 0; i < vectors.Length; i++)
            vectors[i] = Exp(vectors[i]);
        var rest = x[(vectors.Length * Vector<double>.Count)..];
        if (rest.IsEmpty)
            return;
        Span<double> padded = stackalloc double[Vector<double>.Count];
        rest.CopyTo(padded);
        Exp(new Vector<double>(padded)).CopyTo(padded);
        padded[..rest.Length].CopyTo(rest);
    }

    // .NET 10's Vector.Exp takes the scalar function for a whole vector where one value is extreme, and fused multiply-adds where there are some.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<double> Exp(Vector<double> x)
    {
        var rounding = new Vector<double>(Rounding);

        // Beyond these the result is 0 or infinite all the same.
        x = Vector.Min(Vector.Max(x, new Vector<double>(-746)), new Vector<double>(710));
        var n = x * (1 / Math.Log(2)) + rounding - rounding;
        var r = x - n * Ln2Head - n * Ln2Rest;

        // e^r = 1 + r + r² (1/2! + r (1/3! + ...)), of which the terms beyond 1/13! are below 2^-57 where |r| is at most half of ln 2.
        var sum = new Vector<double>(1 / 6227020800.0);
        sum = sum * r + new Vector<double>(1 / 479001600.0);
        sum = sum * r + new Vector<double>(1 / 39916800.0);
        sum = sum * r + new Vector<double>(1 / 3628800.0);
        sum = sum * r + new Vector<double>(1 / 362880.0);
        sum = sum * r + new Vector<double>(1 / 40320.0);
        sum = sum * r + new Vector<double>(1 / 5040.0);
        sum = sum * r + new Vector<double>(1 / 720.0);
        sum = sum * r + new Vector<double>(1 / 120.0);
        sum = sum * r + new Vector<double>(1 / 24.0);
        sum = sum * r + new Vector<double>(1 / 6.0);
        sum = sum * r + new Vector<double>(1 / 2.0);

        // 2^n in two factors, for it may be smaller than any normal number, or 2^1024.
        var half = n * 0.5 + rounding;
        var others = n - (half - rounding) + rounding;
        return (Vector<double>.One + (r + r * r * sum)) * PowerOf2(half) * PowerOf2(others);
    }

    static Vector<double> PowerOf2(Vector<double> rounded) => Vector.AsVectorDouble(Vector.ShiftLeft(Vector.AsVectorInt64(rounded), 52));
}
