using System.Numerics;
using BenchmarkDotNet.Attributes;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>Elementary functions over 4,096 values in the first-level cache, one thread: time per 4,096 elements.</summary>
public class ElementwiseSuite
{
    const int Count = 4096;

    readonly float[] _x = new float[Count];
    readonly float[] _y = new float[Count];

    [GlobalSetup]
    public void Setup()
    {
        for (var i = 0; i < Count; i++)
            _x[i] = 8f * i / Count - 4;
    }

    [Benchmark]
    public void Exp()
    {
        for (var i = 0; i < Count; i += Vector<float>.Count)
            VectorMath.Exp(new Vector<float>(_x, i)).CopyTo(_y, i);
    }

    [Benchmark]
    public void Sigmoid()
    {
        for (var i = 0; i < Count; i += Vector<float>.Count)
            VectorMath.Sigmoid(new Vector<float>(_x, i)).CopyTo(_y, i);
    }

    [Benchmark]
    public void Tanh()
    {
        for (var i = 0; i < Count; i += Vector<float>.Count)
            VectorMath.Tanh(new Vector<float>(_x, i)).CopyTo(_y, i);
    }

    [Benchmark]
    public void Log1P()
    {
        for (var i = 0; i < Count; i += Vector<float>.Count)
            VectorMath.Log1P(Vector.Abs(new Vector<float>(_x, i)) * 0.25f).CopyTo(_y, i);
    }
}
