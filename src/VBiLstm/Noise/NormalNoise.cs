using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Noise;

/// <summary>
/// Box–Muller in float32 from pairs of Philox words. Every operation is an IEEE add, multiply, fused multiply-add, divide-free square root,
/// conversion or integer operation in the order written here, so that the scalar form, every vector width and a CUDA kernel give the same bits.
/// Absolute error against double 1e-6.
/// <para>
/// radius = √(−2 ln u) with u = ((w₀ &gt;&gt; 9) + ½) 2⁻²³, which is exact; angle = 2π w₁ 2⁻³², reduced to a quarter turn in integers.
/// </para>
/// </summary>
static unsafe class NormalNoise
{
    const float TwoToMinus24 = 5.9604644775390625e-8f;
    const float TwoToMinus23 = 1.1920928955078125e-7f;
    const float QuarterTurn = 1.4629180792671596e-9f; // π/2 · 2⁻³⁰
    const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;
    const int SqrtHalf = 0x3f3504f3;
    const float L0 = 7.0376836292e-2f, L1 = -1.1514610310e-1f, L2 = 1.1676998740e-1f, L3 = -1.2420140846e-1f, L4 = 1.4249322787e-1f,
        L5 = -1.6668057665e-1f, L6 = 2.0000714765e-1f, L7 = -2.4999993993e-1f, L8 = 3.3333331174e-1f;
    const float S0 = -1.9515295891e-4f, S1 = 8.3321608736e-3f, S2 = -1.6666654611e-1f;
    const float C0 = 2.443315711809948e-5f, C1 = -1.388731625493765e-3f, C2 = 4.166664568298827e-2f;

    // Blocks drawn at a time; each gives four values.
    const int Blocks = 16;

    /// <summary>Uniform in [0, 1): the upper 24 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(uint word) => (word >> 8) * TwoToMinus24;

    /// <summary>Two standard normals from two words.</summary>
    public static void Pair(uint radiusWord, uint angleWord, out float cosine, out float sine)
    {
        var u = ((float)(int)(radiusWord >> 9) + 0.5f) * TwoToMinus23;
        var bits = BitConverter.SingleToInt32Bits(u) - SqrtHalf;
        var e = (float)(bits >> 23);
        var m = BitConverter.Int32BitsToSingle((bits & 0x007fffff) + SqrtHalf) - 1;
        var square = m * m;
        var p = MathF.FusedMultiplyAdd(L0, m, L1);
        p = MathF.FusedMultiplyAdd(p, m, L2);
        p = MathF.FusedMultiplyAdd(p, m, L3);
        p = MathF.FusedMultiplyAdd(p, m, L4);
        p = MathF.FusedMultiplyAdd(p, m, L5);
        p = MathF.FusedMultiplyAdd(p, m, L6);
        p = MathF.FusedMultiplyAdd(p, m, L7);
        p = MathF.FusedMultiplyAdd(p, m, L8);
        p = p * m * square;
        p = MathF.FusedMultiplyAdd(e, Ln2Low, p);
        p = MathF.FusedMultiplyAdd(-0.5f, square, p);
        var log = MathF.FusedMultiplyAdd(e, Ln2High, m + p);
        var radius = MathF.Sqrt(MathF.Max(-2 * log, 0));

        var quadrant = (angleWord + 0x20000000u) >> 30;
        var x = (int)(angleWord - (quadrant << 30)) * QuarterTurn;
        var z = x * x;
        var s = MathF.FusedMultiplyAdd(S0, z, S1);
        s = MathF.FusedMultiplyAdd(s, z, S2);
        s = MathF.FusedMultiplyAdd(s * z, x, x);
        var c = MathF.FusedMultiplyAdd(C0, z, C1);
        c = MathF.FusedMultiplyAdd(c, z, C2);
        c = MathF.FusedMultiplyAdd(c * z, z, MathF.FusedMultiplyAdd(-0.5f, z, 1));
        var swap = (quadrant & 1) != 0;
        cosine = radius * (swap ? s : c) * (quadrant is 1 or 2 ? -1 : 1);
        sine = radius * (swap ? c : s) * (quadrant >= 2 ? -1 : 1);
    }

    /// <summary>A row of standard normals: columns 4j..4j+3 are the two pairs of block (firstBlock + j, row, timeAndStream, step).</summary>
    public static void FillRow(float* target, int count, uint row, uint timeAndStream, uint step, uint key0, uint key1, uint firstBlock = 0)
    {
        var words = stackalloc uint[4 * Blocks];
        var values = stackalloc float[4 * Blocks];
        for (var start = 0; start < count; start += 4 * Blocks)
        {
            var left = Math.Min(count - start, 4 * Blocks);
            var blocks = (left + 3) / 4;
            Philox4x32.Blocks(firstBlock + (uint)start / 4, blocks, row, timeAndStream, step, key0, key1, words, Blocks);
            for (var i = 0; i < blocks; i += Vector<float>.Count)
            {
                Pairs(words + i, words + Blocks + i, values + i, values + Blocks + i);
                Pairs(words + 2 * Blocks + i, words + 3 * Blocks + i, values + 2 * Blocks + i, values + 3 * Blocks + i);
            }

            for (var i = 0; i < left; i++)
                target[start + i] = values[(i & 3) * Blocks + (i >> 2)];
        }
    }

    // The operations of Pair, a vector at a time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pairs(uint* radiusWords, uint* angleWords, float* cosines, float* sines)
    {
        var radiusWord = Vector.Load(radiusWords);
        var u = (Vector.ConvertToSingle(Vector.AsVectorInt32(radiusWord >> 9)) + new Vector<float>(0.5f)) * TwoToMinus23;
        var bits = Vector.AsVectorInt32(u) - new Vector<int>(SqrtHalf);
        var e = Vector.ConvertToSingle(bits >> 23);
        var m = Vector.AsVectorSingle((bits & new Vector<int>(0x007fffff)) + new Vector<int>(SqrtHalf)) - Vector<float>.One;
        var square = m * m;
        var p = Fma(new(L0), m, L1);
        p = Fma(p, m, L2);
        p = Fma(p, m, L3);
        p = Fma(p, m, L4);
        p = Fma(p, m, L5);
        p = Fma(p, m, L6);
        p = Fma(p, m, L7);
        p = Fma(p, m, L8);
        p = p * m * square;
        p = Vector.FusedMultiplyAdd(e, new Vector<float>(Ln2Low), p);
        p = Vector.FusedMultiplyAdd(new Vector<float>(-0.5f), square, p);
        var log = Vector.FusedMultiplyAdd(e, new Vector<float>(Ln2High), m + p);
        var radius = Vector.SquareRoot(Vector.Max(new Vector<float>(-2f) * log, Vector<float>.Zero));

        var angleWord = Vector.Load(angleWords);
        var quadrant = (angleWord + new Vector<uint>(0x20000000u)) >> 30;
        var x = Vector.ConvertToSingle(Vector.AsVectorInt32(angleWord - (quadrant << 30))) * QuarterTurn;
        var z = x * x;
        var s = Fma(new(S0), z, S1);
        s = Fma(s, z, S2);
        s = Vector.FusedMultiplyAdd(s * z, x, x);
        var c = Fma(new(C0), z, C1);
        c = Fma(c, z, C2);
        c = Vector.FusedMultiplyAdd(c * z, z, Vector.FusedMultiplyAdd(new Vector<float>(-0.5f), z, Vector<float>.One));
        var swap = Vector.AsVectorInt32(Vector.Equals(quadrant & Vector<uint>.One, Vector<uint>.One));

        // A sign is the top bit: of quadrant + 1 shifted for the cosine, of the quadrant for the sine.
        var cosineSign = Vector.AsVectorSingle(((quadrant + Vector<uint>.One) >> 1) << 31);
        var sineSign = Vector.AsVectorSingle((quadrant >> 1) << 31);
        (radius * Vector.ConditionalSelect(swap, s, c) ^ cosineSign).Store(cosines);
        (radius * Vector.ConditionalSelect(swap, c, s) ^ sineSign).Store(sines);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> Fma(Vector<float> a, Vector<float> b, float c) => Vector.FusedMultiplyAdd(a, b, new Vector<float>(c));
}
