using System.Numerics;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Tests.Devices;

/// <summary>Elementary functions against double, at the accuracy that their documentation promises.</summary>
public class VectorMathTests
{
    static float One(Func<Vector<float>, Vector<float>> f, float x) => f(new Vector<float>(x))[0];

    static void AssertRelative(Func<Vector<float>, Vector<float>> f, Func<double, double> truth, double from, double to, double tolerance, double absolute = 0)
    {
        const int Points = 200_000;
        for (var i = 0; i <= Points; i++)
        {
            var x = (float)(from + (to - from) * i / Points);
            var (actual, expected) = (One(f, x), truth(x));
            Assert.True(Math.Abs(actual - expected) <= tolerance * Math.Abs(expected) + absolute, $"f({x:R}) = {actual:R} instead of {expected:R}");
        }
    }

    [Fact]
    public void Exp() => AssertRelative(VectorMath.Exp, Math.Exp, -87.3, 88.37, 3e-7);

    // e^x - 1 in double, by its series where the difference would cancel.
    static double ExpM1Of(double x) => Math.Abs(x) < 1e-2 ? x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))) : Math.Exp(x) - 1;

    [Fact]
    public void ExpM1()
    {
        AssertRelative(VectorMath.ExpM1, ExpM1Of, -87.3, 88.37, 3e-7);
        AssertRelative(VectorMath.ExpM1, ExpM1Of, -1, 1, 3e-7);
        AssertRelative(VectorMath.ExpM1, ExpM1Of, -1e-6, 1e-6, 3e-7);
        Assert.Equal(-1, One(VectorMath.ExpM1, -200));
        Assert.Equal(-1, One(VectorMath.ExpM1, float.NegativeInfinity));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.ExpM1, 89));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.ExpM1, float.PositiveInfinity));
        Assert.Equal(0, One(VectorMath.ExpM1, 0));
        Assert.Equal(1e-40f, One(VectorMath.ExpM1, 1e-40f));
    }

    [Fact]
    public void Sigmoid()
    {
        AssertRelative(VectorMath.Sigmoid, x => 1 / (1 + Math.Exp(-x)), -80, 80, 3e-7);
        Assert.Equal(1, One(VectorMath.Sigmoid, 200));
        Assert.Equal(0, One(VectorMath.Sigmoid, -200));
    }

    [Fact]
    public void Tanh()
    {
        AssertRelative(VectorMath.Tanh, Math.Tanh, -12, 12, 3e-7);
        AssertRelative(VectorMath.Tanh, Math.Tanh, -1e-3, 1e-3, 3e-7);
        Assert.Equal(1, One(VectorMath.Tanh, 1e20f));
        Assert.Equal(-1, One(VectorMath.Tanh, float.NegativeInfinity));
        Assert.True(float.IsNegative(One(VectorMath.Tanh, -0f)));
    }

    [Fact]
    public void Log()
    {
        AssertRelative(VectorMath.Log, Math.Log, 1e-30, 1e-3, 3e-7);
        AssertRelative(VectorMath.Log, Math.Log, 1e-3, 3, 3e-7, absolute: 1e-7);
        AssertRelative(VectorMath.Log, Math.Log, 3, 1e30, 3e-7);
        Assert.Equal(float.NegativeInfinity, One(VectorMath.Log, 0));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.Log, float.PositiveInfinity));
        Assert.True(float.IsNaN(One(VectorMath.Log, -1)));
    }

    [Fact]
    public void Log1P()
    {
        AssertRelative(VectorMath.Log1P, x => x < 1e-5 ? x - x * x / 2 + x * x * x / 3 : Math.Log(1 + x), 0, 1, 3e-7);
        AssertRelative(VectorMath.Log1P, x => x - x * x / 2 + x * x * x / 3, 0, 1e-6, 3e-7);
    }

    [Fact]
    public void Denormals_and_minus_zero_are_values_like_others()
    {
        foreach (var x in new[] { 1e-40f, -1e-40f, 0f, -0f })
        {
            Assert.Equal(1, One(VectorMath.Exp, x));
            Assert.Equal(0.5f, One(VectorMath.Sigmoid, x));
            Assert.Equal(BitConverter.SingleToInt32Bits(x), BitConverter.SingleToInt32Bits(One(VectorMath.Tanh, x)));
        }

        Assert.Equal(1e-40f, One(VectorMath.Log1P, 1e-40f));
        Assert.Equal(float.NegativeInfinity, One(VectorMath.Log, 1e-40f));
    }

    [Fact]
    public void Overflow_underflow_and_nan_come_through()
    {
        Assert.Equal(float.PositiveInfinity, One(VectorMath.Exp, 89));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.Exp, float.PositiveInfinity));
        Assert.Equal(0, One(VectorMath.Exp, -88));
        Assert.Equal(0, One(VectorMath.Exp, float.NegativeInfinity));
        Assert.Equal(1, One(VectorMath.Exp, -0f));
        Func<Vector<float>, Vector<float>>[] functions =
            [VectorMath.Exp, VectorMath.ExpM1, VectorMath.Sigmoid, VectorMath.Tanh, VectorMath.Log, VectorMath.Log1P];
        foreach (var f in functions)
            Assert.True(float.IsNaN(One(f, float.NaN)));
    }
}
