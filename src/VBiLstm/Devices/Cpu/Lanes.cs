using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Whole vectors from rows of any length: past the end, loads give zeros and stores write nothing. Hot loops run on a constant width up to
/// <see cref="Whole"/> and do the rest once.
/// </summary>
static unsafe class Lanes
{
    /// <summary>The largest multiple of the width up to <paramref name="count"/>.</summary>
    public static int Whole<T>(int count) where T : unmanaged, ILanes<T> => count & -T.Width;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(float* source, int remaining) where T : unmanaged, ILanes<T>
        => remaining >= T.Width ? T.Load(source) : T.LoadTail(source, remaining);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T value, float* target, int remaining) where T : unmanaged, ILanes<T>
    {
        if (remaining >= T.Width)
            T.Store(value, target);
        else
            T.StoreTail(value, target, remaining);
    }

    /// <summary>The value with the lanes past the end set to zero, so that a sum does not see them.</summary>
    public static T Keep<T>(T value, int remaining) where T : unmanaged, ILanes<T>
    {
        if (remaining >= T.Width)
            return value;
        var buffer = stackalloc float[T.Width];
        T.Store(value, buffer);
        return T.LoadTail(buffer, remaining);
    }
}
