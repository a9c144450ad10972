using BenchmarkDotNet.Attributes;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>
/// Elementary functions over 4,096 values in the first-level cache, one thread, at each width that the processor has: time per 4,096 elements.
/// </summary>
public class ElementwiseSuite
{
    const int Count = 4096;

    readonly float[] _x = new float[Count];
    readonly float[] _y = new float[Count];

    public static IEnumerable<SimdWidth> Widths => SimdWidths.Supported;

    [ParamsSource(nameof(Widths))]
    public SimdWidth Width { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        for (var i = 0; i < Count; i++)
            _x[i] = 8f * i / Count - 4;
    }

    [Benchmark]
    public void Exp() => Run<ExpOf>();

    [Benchmark]
    public void Sigmoid() => Run<SigmoidOf>();

    [Benchmark]
    public void Tanh() => Run<TanhOf>();

    [Benchmark]
    public void Log1P() => Run<Log1POf>();

    interface IFunction
    {
        static abstract T Of<T>(T x) where T : unmanaged, ILanes<T>;
    }

    readonly struct ExpOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Exp(x);
    }

    readonly struct SigmoidOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Sigmoid(x);
    }

    readonly struct TanhOf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Tanh(x);
    }

    readonly struct Log1POf : IFunction
    {
        public static T Of<T>(T x) where T : unmanaged, ILanes<T> => VectorMath.Log1P(T.Abs(x) * T.Create(0.25f));
    }

    void Run<TFunction>() where TFunction : struct, IFunction
    {
        switch (Width)
        {
            case SimdWidth.Vector512:
                Run<TFunction, Lanes512>();
                break;
            case SimdWidth.Vector256:
                Run<TFunction, Lanes256>();
                break;
            default:
                Run<TFunction, Lanes128>();
                break;
        }
    }

    unsafe void Run<TFunction, T>() where TFunction : struct, IFunction where T : unmanaged, ILanes<T>
    {
        fixed (float* x = _x, y = _y)
            for (var i = 0; i < Count; i += T.Width)
                T.Store(TFunction.Of(T.Load(x + i)), y + i);
    }
}
