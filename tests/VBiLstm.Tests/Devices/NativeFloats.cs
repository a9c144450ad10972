using System.Runtime.InteropServices;

namespace VBiLstm.Tests.Devices;

/// <summary>Floats in native memory with canaries before and behind, so that a read or write outside shows.</summary>
sealed unsafe class NativeFloats : IDisposable
{
    const int Guard = 64;
    const float Canary = -7.25e33f;

    readonly float* _memory;
    readonly int _count;

    public NativeFloats(params float[] values)
    {
        _count = values.Length;
        _memory = (float*)NativeMemory.AlignedAlloc((nuint)(_count + 2 * Guard) * sizeof(float), 64);
        new Span<float>(_memory, _count + 2 * Guard).Fill(Canary);
        values.CopyTo(Span);
    }

    public float* Pointer => _memory + Guard;

    public Span<float> Span => new(Pointer, _count);

    public void AssertGuardsIntact()
    {
        Assert.All(new Span<float>(_memory, Guard).ToArray(), value => Assert.Equal(Canary, value));
        Assert.All(new Span<float>(Pointer + _count, Guard).ToArray(), value => Assert.Equal(Canary, value));
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}
