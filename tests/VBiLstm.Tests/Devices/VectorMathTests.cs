using VBiLstm.Devices.Cpu;

namespace VBiLstm.Tests.Devices;

/// <summary>Elementary functions against double, at the accuracy that their documentation promises.</summary>
[Trait("Runs", "without AVX2")]
public class VectorMathTests
{
    interface IFunction
    {
        static abstract T Of<T>(T x) where T : unmanaged, ILanes<T>;
    }

    readonly struct ExpOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Exp(x);
    }

    readonly struct ExpM1Of : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.ExpM1(x);
    }

    readonly struct SigmoidOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Sigmoid(x);
    }

    readonly struct TanhOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Tanh(x);
    }

    readonly struct LogOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Log(x);
    }

    readonly struct Log1POf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Log1P(x);
    }

    // In every lane of every width, which have the same bits.
    static float One<F>(float x) where F : struct, IFunction
    {
        var value = Of<F, Lanes128>(x);
        if (SimdWidths.Supported.Contains(SimdWidth.Vector256))
            AssertSameBits(value, Of<F, Lanes256>(x));
        if (SimdWidths.Supported.Contains(SimdWidth.Vector512))
            AssertSameBits(value, Of<F, Lanes512>(x));
        return value;
    }

    static unsafe float Of<F, T>(float x) where F : struct, IFunction where T : unmanaged, ILanes<T>
    {
        var lanes = stackalloc float[T.Width];
        T.Store(F.Of(T.Create(x)), lanes);
        for (var i = 1; i < T.Width; i++)
            AssertSameBits(lanes[0], lanes[i]);
        return lanes[0];
    }

    static void AssertSameBits(float expected, float actual)
    {
        if (BitConverter.SingleToInt32Bits(expected) != BitConverter.SingleToInt32Bits(actual) && !(float.IsNaN(expected) && float.IsNaN(actual)))
            Assert.Fail($"{actual:R} instead of {expected:R}");
    }

    static void AssertRelative<F>(Func<double, double> truth, double from, double to, double tolerance, double absolute = 0) where F : struct, IFunction
    {
        const int Points = 200_000;
        for (var i = 0; i <= Points; i++)
        {
            var x = (float)(from + (to - from) * i / Points);
            var (actual, expected) = (One<F>(x), truth(x));
            Assert.True(Math.Abs(actual - expected) <= tolerance * Math.Abs(expected) + absolute, $"f({x:R}) = {actual:R} instead of {expected:R}");
        }
    }

    [Fact]
    public void Exp() => AssertRelative<ExpOf>(Math.Exp, -87.3, 88.37, 3e-7);

    // e^x - 1 in double, by its series where the difference would cancel.
    static double ExactExpM1(double x) => Math.Abs(x) < 1e-2 ? x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))) : Math.Exp(x) - 1;

    [Fact]
    public void ExpM1()
    {
        AssertRelative<ExpM1Of>(ExactExpM1, -87.3, 88.37, 3e-7);
        AssertRelative<ExpM1Of>(ExactExpM1, -1, 1, 3e-7);
        AssertRelative<ExpM1Of>(ExactExpM1, -1e-6, 1e-6, 3e-7);
        Assert.Equal(-1, One<ExpM1Of>(-200));
        Assert.Equal(-1, One<ExpM1Of>(float.NegativeInfinity));
        Assert.Equal(float.PositiveInfinity, One<ExpM1Of>(89));
        Assert.Equal(float.PositiveInfinity, One<ExpM1Of>(float.PositiveInfinity));
        Assert.Equal(0, One<ExpM1Of>(0));
        Assert.Equal(1e-40f, One<ExpM1Of>(1e-40f));
    }

    [Fact]
    public void Sigmoid()
    {
        AssertRelative<SigmoidOf>(x => 1 / (1 + Math.Exp(-x)), -80, 80, 3e-7);
        Assert.Equal(1, One<SigmoidOf>(200));
        Assert.Equal(0, One<SigmoidOf>(-200));
    }

    [Fact]
    public void Tanh()
    {
        AssertRelative<TanhOf>(Math.Tanh, -12, 12, 3e-7);
        AssertRelative<TanhOf>(Math.Tanh, -1e-3, 1e-3, 3e-7);
        Assert.Equal(1, One<TanhOf>(1e20f));
        Assert.Equal(-1, One<TanhOf>(float.NegativeInfinity));
        Assert.True(float.IsNegative(One<TanhOf>(-0f)));
    }

    [Fact]
    public void Log()
    {
        AssertRelative<LogOf>(Math.Log, 1e-30, 1e-3, 3e-7);
        AssertRelative<LogOf>(Math.Log, 1e-3, 3, 3e-7, absolute: 1e-7);
        AssertRelative<LogOf>(Math.Log, 3, 1e30, 3e-7);
        Assert.Equal(float.NegativeInfinity, One<LogOf>(0));
        Assert.Equal(float.PositiveInfinity, One<LogOf>(float.PositiveInfinity));
        Assert.True(float.IsNaN(One<LogOf>(-1)));
    }

    [Fact]
    public void Log1P()
    {
        AssertRelative<Log1POf>(x => x < 1e-5 ? x - x * x / 2 + x * x * x / 3 : Math.Log(1 + x), 0, 1, 3e-7);
        AssertRelative<Log1POf>(x => x - x * x / 2 + x * x * x / 3, 0, 1e-6, 3e-7);
    }

    [Fact]
    public void Denormals_and_minus_zero_are_values_like_others()
    {
        foreach (var x in new[] { 1e-40f, -1e-40f, 0f, -0f })
        {
            Assert.Equal(1, One<ExpOf>(x));
            Assert.Equal(0.5f, One<SigmoidOf>(x));
            Assert.Equal(BitConverter.SingleToInt32Bits(x), BitConverter.SingleToInt32Bits(One<TanhOf>(x)));
        }

        Assert.Equal(1e-40f, One<Log1POf>(1e-40f));
        Assert.Equal(float.NegativeInfinity, One<LogOf>(1e-40f));
    }

    [Fact]
    public void Overflow_underflow_and_nan_come_through()
    {
        Assert.Equal(float.PositiveInfinity, One<ExpOf>(89));
        Assert.Equal(float.PositiveInfinity, One<ExpOf>(float.PositiveInfinity));
        Assert.Equal(0, One<ExpOf>(-88));
        Assert.Equal(0, One<ExpOf>(float.NegativeInfinity));
        Assert.Equal(1, One<ExpOf>(-0f));
        foreach (var value in new[]
        {
            One<ExpOf>(float.NaN), One<ExpM1Of>(float.NaN), One<SigmoidOf>(float.NaN), One<TanhOf>(float.NaN), One<LogOf>(float.NaN), One<Log1POf>(float.NaN),
        })
        {
            Assert.True(float.IsNaN(value));
        }
    }
}
