using System.Numerics;
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
    public static Vector<float> Exp(Vector<float> x)
    {
        Reduce(x, out var fraction, out var scale);

        // Below the lower clamp the result is zero, not the smallest normal number.
        return Vector.AndNot((fraction + Vector<float>.One) * scale, Vector.AsVectorSingle(Vector.LessThan(x, new Vector<float>(ExpMinimum))));
    }

    // .NET 10 has none; TensorPrimitives' subtracts 1 from the exponential.
    /// <summary>eˣ − 1, to its own relative error near zero too; −1 far below, ∞ where <see cref="Exp"/> is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> ExpM1(Vector<float> x)
    {
        // 2ⁿ (1 + f) − 1 without ever adding a small f to 1.
        Reduce(x, out var fraction, out var scale);
        var result = Vector.MultiplyAddEstimate(scale, fraction, scale - Vector<float>.One);
        return Vector.ConditionalSelect(Vector.Equals(scale, new Vector<float>(float.PositiveInfinity)), scale, result);
    }

    // eˣ = 2ⁿ (1 + f), f = eʳ − 1 of |r| ≤ ½ ln 2, 2ⁿ from the smallest normal number to ∞.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Reduce(Vector<float> x, out Vector<float> fraction, out Vector<float> scale)
    {
        // Clamped, so that 2ⁿ is built from a valid exponent; at the upper clamp n is 128, whose 2ⁿ is ∞. Of a NaN both give the second argument.
        var clamped = Vector.MaxNative(new Vector<float>(ExpMinimum), Vector.MinNative(new Vector<float>(ExpClamp), x));
        var n = Vector.Floor(Vector.MultiplyAddEstimate(clamped, new Vector<float>(Log2E), new Vector<float>(0.5f)));
        var r = Vector.MultiplyAddEstimate(n, new Vector<float>(-Ln2High), clamped);
        r = Vector.MultiplyAddEstimate(n, new Vector<float>(-Ln2Low), r);
        var p = Vector.MultiplyAddEstimate(new Vector<float>(1.9875691500e-4f), r, new Vector<float>(1.3981999507e-3f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(8.3334519073e-3f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(4.1665795894e-2f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1.6666665459e-1f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(5.0000001201e-1f));
        fraction = Vector.MultiplyAddEstimate(p, r * r, r);
        scale = Vector.AsVectorSingle(Vector.ShiftLeft(Vector.ConvertToInt32Native(n) + new Vector<int>(127), 23));
    }

    // .NET 10 has none; TensorPrimitives' takes spans and its own exponential.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Sigmoid(Vector<float> x) => Vector<float>.One / (Vector<float>.One + Exp(-x));

    // .NET 10 has none; TensorPrimitives' takes spans.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Tanh(Vector<float> x)
    {
        var magnitude = Vector.Abs(x);
        var sign = Vector.BitwiseAnd(x, new Vector<float>(-0f));
        var large = Vector<float>.One - new Vector<float>(2f) / (Exp(magnitude + magnitude) + Vector<float>.One);

        // Near zero the difference above cancels: an odd polynomial keeps the relative error.
        var square = x * x;
        var p = Vector.MultiplyAddEstimate(new Vector<float>(-5.70498872745e-3f), square, new Vector<float>(2.06390887954e-2f));
        p = Vector.MultiplyAddEstimate(p, square, new Vector<float>(-5.37397155531e-2f));
        p = Vector.MultiplyAddEstimate(p, square, new Vector<float>(1.33314422036e-1f));
        p = Vector.MultiplyAddEstimate(p, square, new Vector<float>(-3.33332819422e-1f));
        var small = Vector.MultiplyAddEstimate(p * square, x, x);
        return Vector.BitwiseOr(Vector.ConditionalSelect(Vector.LessThan(magnitude, new Vector<float>(0.625f)), small, large), sign);
    }

    // .NET 10's Vector.Log is as fast and as exact; its bits may change with the runtime, a run's must not.
    /// <summary>Natural logarithm of positive normal numbers; ∞ gives ∞, zero and subnormal numbers −∞, negative numbers NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Log(Vector<float> x)
    {
        // x = m 2ᵉ with m in [√½, √2).
        var bits = Vector.AsVectorInt32(x) - new Vector<int>(0x3f3504f3);
        var e = Vector.ConvertToSingle(Vector.ShiftRightArithmetic(bits, 23));
        var m = Vector.AsVectorSingle((bits & new Vector<int>(0x007fffff)) + new Vector<int>(0x3f3504f3)) - Vector<float>.One;
        var square = m * m;
        var p = Vector.MultiplyAddEstimate(new Vector<float>(7.0376836292e-2f), m, new Vector<float>(-1.1514610310e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(1.1676998740e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(-1.2420140846e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(1.4249322787e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(-1.6668057665e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(2.0000714765e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(-2.4999993993e-1f));
        p = Vector.MultiplyAddEstimate(p, m, new Vector<float>(3.3333331174e-1f));
        p = p * m * square;
        p = Vector.MultiplyAddEstimate(e, new Vector<float>(Ln2Low), p);
        p = Vector.MultiplyAddEstimate(new Vector<float>(-0.5f), square, p);
        var result = Vector.MultiplyAddEstimate(e, new Vector<float>(Ln2High), m + p);
        result = Vector.ConditionalSelect(Vector.LessThan(x, new Vector<float>(1.17549435e-38f)), new Vector<float>(float.NegativeInfinity), result);
        result = Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), new Vector<float>(float.NaN), result);
        result = Vector.ConditionalSelect(Vector.Equals(x, new Vector<float>(float.PositiveInfinity)), x, result);
        return Vector.ConditionalSelect(Vector.Equals(x, x), result, x);
    }

    // .NET 10 has none; TensorPrimitives' takes the logarithm of the rounded sum.
    /// <summary>log(1 + x) for x in [0, 1].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Log1P(Vector<float> x)
    {
        // The rounding error of 1 + x is put back to first order.
        var u = Vector<float>.One + x;
        return Log(u) + (x - (u - Vector<float>.One)) / u;
    }
}
