using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Vectorised elementary functions in float32. Relative error against double: exp, expm1, tanh, sigmoid, log and log1p at most
/// 3e-7 (log near 1: 1e-7 absolute). NaN gives NaN; exp gives ∞ above 88.376 and 0 below −87.336.
/// </summary>
static class VectorMath
{
    const float Log2E = 1.44269504088896341f;
    const float Ln2High = 0.693359375f;
    const float Ln2Low = -2.12194440e-4f;
    const float ExpClamp = 89f;
    const float ExpMinimum = -87.3365402f;

    // .NET 10's Vector.Exp goes through double: twice the time, twice the error, and 1.0000001 for exp(0).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x) where T : unmanaged, ILanes<T>
    {
        Reduce(x, out var fraction, out var scale);

        // Below the lower clamp the result is zero, not the smallest normal number.
        return T.Select(T.LessThan(x, T.Create(ExpMinimum)), T.Zero, (fraction + T.One) * scale);
    }

    // .NET 10 has none; TensorPrimitives' subtracts 1 from the exponential.
    /// <summary>eˣ − 1, to its own relative error near zero too; −1 far below, ∞ where <see cref="Exp"/> is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpM1<T>(T x) where T : unmanaged, ILanes<T>
    {
        // 2ⁿ (1 + f) − 1 without ever adding a small f to 1.
        Reduce(x, out var fraction, out var scale);
        var result = T.MultiplyAdd(scale, fraction, scale - T.One);
        return T.Select(T.Equal(scale, T.Create(float.PositiveInfinity)), scale, result);
    }

    // eˣ = 2ⁿ (1 + f), f = eʳ − 1 of |r| ≤ ½ ln 2, 2ⁿ from the smallest normal number to ∞.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Reduce<T>(T x, out T fraction, out T scale) where T : unmanaged, ILanes<T>
    {
        // Clamped, so that 2ⁿ is built from a valid exponent; at the upper clamp n is 128, whose 2ⁿ is ∞. Of a NaN both give the second argument.
        var clamped = T.MaxNative(T.Create(ExpMinimum), T.MinNative(T.Create(ExpClamp), x));
        var n = T.Floor(T.MultiplyAdd(clamped, T.Create(Log2E), T.Create(0.5f)));
        var r = T.MultiplyAdd(n, T.Create(-Ln2High), clamped);
        r = T.MultiplyAdd(n, T.Create(-Ln2Low), r);
        var p = T.MultiplyAdd(T.Create(1.9875691500e-4f), r, T.Create(1.3981999507e-3f));
        p = T.MultiplyAdd(p, r, T.Create(8.3334519073e-3f));
        p = T.MultiplyAdd(p, r, T.Create(4.1665795894e-2f));
        p = T.MultiplyAdd(p, r, T.Create(1.6666665459e-1f));
        p = T.MultiplyAdd(p, r, T.Create(5.0000001201e-1f));
        fraction = T.MultiplyAdd(p, r * r, r);
        scale = T.PowerOfTwo(n);
    }

    // .NET 10 has none; TensorPrimitives' takes spans and its own exponential.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x) where T : unmanaged, ILanes<T> => T.One / (T.One + Exp(-x));

    // .NET 10 has none; TensorPrimitives' takes spans.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x) where T : unmanaged, ILanes<T>
    {
        var magnitude = T.Abs(x);
        var sign = x & T.Create(-0f);
        var large = T.One - T.Create(2f) / (Exp(magnitude + magnitude) + T.One);

        // Near zero the difference above cancels: an odd polynomial keeps the relative error.
        var square = x * x;
        var p = T.MultiplyAdd(T.Create(-5.70498872745e-3f), square, T.Create(2.06390887954e-2f));
        p = T.MultiplyAdd(p, square, T.Create(-5.37397155531e-2f));
        p = T.MultiplyAdd(p, square, T.Create(1.33314422036e-1f));
        p = T.MultiplyAdd(p, square, T.Create(-3.33332819422e-1f));
        var small = T.MultiplyAdd(p * square, x, x);
        return T.Select(T.LessThan(magnitude, T.Create(0.625f)), small, large) | sign;
    }

    // .NET 10's Vector.Log is as fast and as exact; its bits may change with the runtime, a run's must not.
    /// <summary>Natural logarithm of positive normal numbers; ∞ gives ∞, zero and subnormal numbers −∞, negative numbers NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x) where T : unmanaged, ILanes<T>
    {
        var m = T.Split(x, out var e) - T.One;
        var square = m * m;
        var p = T.MultiplyAdd(T.Create(7.0376836292e-2f), m, T.Create(-1.1514610310e-1f));
        p = T.MultiplyAdd(p, m, T.Create(1.1676998740e-1f));
        p = T.MultiplyAdd(p, m, T.Create(-1.2420140846e-1f));
        p = T.MultiplyAdd(p, m, T.Create(1.4249322787e-1f));
        p = T.MultiplyAdd(p, m, T.Create(-1.6668057665e-1f));
        p = T.MultiplyAdd(p, m, T.Create(2.0000714765e-1f));
        p = T.MultiplyAdd(p, m, T.Create(-2.4999993993e-1f));
        p = T.MultiplyAdd(p, m, T.Create(3.3333331174e-1f));
        p = p * m * square;
        p = T.MultiplyAdd(e, T.Create(Ln2Low), p);
        p = T.MultiplyAdd(T.Create(-0.5f), square, p);
        var result = T.MultiplyAdd(e, T.Create(Ln2High), m + p);
        result = T.Select(T.LessThan(x, T.Create(1.17549435e-38f)), T.Create(float.NegativeInfinity), result);
        result = T.Select(T.LessThan(x, T.Zero), T.Create(float.NaN), result);
        result = T.Select(T.Equal(x, T.Create(float.PositiveInfinity)), x, result);
        return T.Select(T.Equal(x, x), result, x);
    }

    /// <summary>As the other, of one value. The C library's has other bits on other systems.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Log<T>(float x) where T : unmanaged, ILanes<T> => T.Largest(Log(T.Create(x)));

    // .NET 10 has none; TensorPrimitives' takes the logarithm of the rounded sum.
    /// <summary>log(1 + x) for x in [0, 1].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log1P<T>(T x) where T : unmanaged, ILanes<T>
    {
        // The rounding error of 1 + x is put back to first order.
        var u = T.One + x;
        return Log(u) + (x - (u - T.One)) / u;
    }
}
