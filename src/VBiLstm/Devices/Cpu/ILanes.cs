namespace VBiLstm.Devices.Cpu;

/// <summary>
/// A vector of <see cref="Width"/> floats, the operand of element-wise code, which is written once and compiled for each width. Every operation is exact or
/// rounded once, lane by lane, and sums across lanes go over the same eight chains, so that results have the same bits at every width on processors with fused
/// multiply-adds. A comparison gives all bits of a lane or none.
/// </summary>
unsafe interface ILanes<T> where T : unmanaged, ILanes<T>
{
    static abstract int Width { get; }

    static abstract T Zero { get; }

    static abstract T One { get; }

    static abstract T Create(float value);

    static abstract T Load(float* source);

    /// <summary>The first <paramref name="count"/> of fewer than <see cref="Width"/> values, zeros after them; nothing behind them is touched.</summary>
    static abstract T LoadTail(float* source, int count);

    static abstract void Store(T value, float* target);

    /// <summary>As <see cref="LoadTail"/>.</summary>
    static abstract void StoreTail(T value, float* target, int count);

    static abstract T operator +(T x, T y);

    static abstract T operator -(T x, T y);

    static abstract T operator *(T x, T y);

    static abstract T operator /(T x, T y);

    static abstract T operator -(T x);

    static abstract T operator &(T x, T y);

    static abstract T operator |(T x, T y);

    /// <summary>x y + addend, rounded once where the processor can.</summary>
    static abstract T MultiplyAdd(T x, T y, T addend);

    /// <summary>x y + addend, rounded once whatever that costs.</summary>
    static abstract T FusedMultiplyAdd(T x, T y, T addend);

    static abstract T SquareRoot(T x);

    static abstract T Floor(T x);

    static abstract T Abs(T x);

    /// <summary>Of a NaN the second argument.</summary>
    static abstract T MaxNative(T x, T y);

    /// <summary>Of a NaN the second argument.</summary>
    static abstract T MinNative(T x, T y);

    static abstract T LessThan(T x, T y);

    static abstract T LessThanOrEqual(T x, T y);

    static abstract T GreaterThan(T x, T y);

    static abstract T GreaterThanOrEqual(T x, T y);

    static abstract T Equal(T x, T y);

    /// <summary><paramref name="yes"/> in the lanes that the comparison found, elsewhere <paramref name="no"/>.</summary>
    static abstract T Select(T comparison, T yes, T no);

    /// <summary>2ⁿ of whole n from −126 on; ∞ of 128.</summary>
    static abstract T PowerOfTwo(T n);

    /// <summary>x = mantissa · 2^exponent of a positive normal number, the mantissa in [√½, √2).</summary>
    static abstract T Split(T x, out T exponent);

    /// <summary>Adds terms to the eight chains of a sum that began as <see cref="Zero"/>, in the order of the lanes.</summary>
    static abstract T Accumulate(T sum, T terms);

    /// <summary>Adds squares to such a sum, each rounded with its addition.</summary>
    static abstract T AccumulateSquares(T sum, T x);

    /// <summary>The chains of such a sum added in a fixed order.</summary>
    static abstract float Sum(T sum);

    /// <summary>The largest lane; a NaN may be lost.</summary>
    static abstract float Largest(T x);
}
