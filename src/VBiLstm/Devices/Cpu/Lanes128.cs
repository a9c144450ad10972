using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VBiLstm.Devices.Cpu;

/// <summary>8 floats in two registers, which is more than one for the processor to work on at once.</summary>
readonly unsafe struct Lanes128 : ILanes<Lanes128>
{
    readonly Vector128<float> _lower, _upper;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Lanes128(Vector128<float> lower, Vector128<float> upper) => (_lower, _upper) = (lower, upper);

    public static int Width => 8;

    public static Lanes128 Zero => new(Vector128<float>.Zero, Vector128<float>.Zero);

    public static Lanes128 One => new(Vector128<float>.One, Vector128<float>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Create(float value) => new(Vector128.Create(value), Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) => new(Vector128.Load(source), Vector128.Load(source + 4));

    // Not inlined: a call in a loop, even one never taken, would cost it its registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Lanes128 LoadTail(float* source, int count)
    {
        var buffer = stackalloc float[8];
        for (var i = 0; i < 8; i++)
            buffer[i] = i < count ? source[i] : 0;
        return Load(buffer);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 value, float* target)
    {
        value._lower.Store(target);
        value._upper.Store(target + 4);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StoreTail(Lanes128 value, float* target, int count)
    {
        var buffer = stackalloc float[8];
        Store(value, buffer);
        for (var i = 0; i < count; i++)
            target[i] = buffer[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 x, Lanes128 y) => new(x._lower + y._lower, x._upper + y._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 x, Lanes128 y) => new(x._lower - y._lower, x._upper - y._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 x, Lanes128 y) => new(x._lower * y._lower, x._upper * y._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 x, Lanes128 y) => new(x._lower / y._lower, x._upper / y._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 x) => new(-x._lower, -x._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator &(Lanes128 x, Lanes128 y) => new(x._lower & y._lower, x._upper & y._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator |(Lanes128 x, Lanes128 y) => new(x._lower | y._lower, x._upper | y._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 x, Lanes128 y, Lanes128 addend)
        => new(Vector128.MultiplyAddEstimate(x._lower, y._lower, addend._lower), Vector128.MultiplyAddEstimate(x._upper, y._upper, addend._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 FusedMultiplyAdd(Lanes128 x, Lanes128 y, Lanes128 addend)
        => new(Vector128.FusedMultiplyAdd(x._lower, y._lower, addend._lower), Vector128.FusedMultiplyAdd(x._upper, y._upper, addend._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SquareRoot(Lanes128 x) => new(Vector128.Sqrt(x._lower), Vector128.Sqrt(x._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Floor(Lanes128 x) => new(Vector128.Floor(x._lower), Vector128.Floor(x._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 x) => new(Vector128.Abs(x._lower), Vector128.Abs(x._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MaxNative(Lanes128 x, Lanes128 y)
        => new(Vector128.MaxNative(x._lower, y._lower), Vector128.MaxNative(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MinNative(Lanes128 x, Lanes128 y)
        => new(Vector128.MinNative(x._lower, y._lower), Vector128.MinNative(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LessThan(Lanes128 x, Lanes128 y)
        => new(Vector128.LessThan(x._lower, y._lower), Vector128.LessThan(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LessThanOrEqual(Lanes128 x, Lanes128 y)
        => new(Vector128.LessThanOrEqual(x._lower, y._lower), Vector128.LessThanOrEqual(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 GreaterThan(Lanes128 x, Lanes128 y)
        => new(Vector128.GreaterThan(x._lower, y._lower), Vector128.GreaterThan(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 GreaterThanOrEqual(Lanes128 x, Lanes128 y)
        => new(Vector128.GreaterThanOrEqual(x._lower, y._lower), Vector128.GreaterThanOrEqual(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Equal(Lanes128 x, Lanes128 y) => new(Vector128.Equals(x._lower, y._lower), Vector128.Equals(x._upper, y._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Select(Lanes128 comparison, Lanes128 yes, Lanes128 no)
        => new(Vector128.ConditionalSelect(comparison._lower, yes._lower, no._lower), Vector128.ConditionalSelect(comparison._upper, yes._upper, no._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 PowerOfTwo(Lanes128 n) => new(PowerOfTwo(n._lower), PowerOfTwo(n._upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> PowerOfTwo(Vector128<float> n) => ((Vector128.ConvertToInt32Native(n) + Vector128.Create(127)) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Split(Lanes128 x, out Lanes128 exponent)
    {
        var (lower, upper) = (Split(x._lower, out var lowerExponent), Split(x._upper, out var upperExponent));
        exponent = new(lowerExponent, upperExponent);
        return new(lower, upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Split(Vector128<float> x, out Vector128<float> exponent)
    {
        var bits = x.AsInt32() - Vector128.Create(LaneBits.SquareRootOfHalf);
        exponent = Vector128.ConvertToSingle(bits >> 23);
        return ((bits & Vector128.Create(LaneBits.Mantissa)) + Vector128.Create(LaneBits.SquareRootOfHalf)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Accumulate(Lanes128 sum, Lanes128 terms) => sum + terms;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AccumulateSquares(Lanes128 sum, Lanes128 x) => MultiplyAdd(x, x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 sum) => LaneBits.Sum(sum._lower, sum._upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes128 x) => LaneBits.Largest(Vector128.MaxNative(x._lower, x._upper));
}
