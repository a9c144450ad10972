using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Whole vectors from rows of any length: past the end, loads give zeros and stores write nothing. Hot loops run on a constant <see cref="Width"/> up to
/// <see cref="Whole"/> and do the rest once: a call in the loop, even one never taken, would cost it its registers.
/// </summary>
static unsafe class Lanes
{
    public static int Width => Vector<float>.Count;

    /// <summary>The largest multiple of <see cref="Width"/> up to <paramref name="count"/>.</summary>
    public static int Whole(int count) => count & -Width;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(float* source, int remaining)
        => remaining >= Width ? Vector.Load(source) : LoadTail(source, remaining);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector<float> value, float* target, int remaining)
    {
        if (remaining >= Width)
            value.Store(target);
        else
            StoreTail(value, target, remaining);
    }

    /// <summary>The value with the lanes past the end set to zero, so that a sum does not see them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Keep(Vector<float> value, int remaining)
        => remaining >= Width ? value : KeepTail(value, remaining);

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector<float> LoadTail(float* source, int remaining)
    {
        var buffer = stackalloc float[Vector<float>.Count];
        for (var i = 0; i < Width; i++)
            buffer[i] = i < remaining ? source[i] : 0;
        return Vector.Load(buffer);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void StoreTail(Vector<float> value, float* target, int remaining)
    {
        for (var i = 0; i < remaining; i++)
            target[i] = value[i];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector<float> KeepTail(Vector<float> value, int remaining)
    {
        for (var i = remaining; i < Width; i++)
            value = value.WithElement(i, 0);
        return value;
    }
}
