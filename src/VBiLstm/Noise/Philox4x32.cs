using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Noise;

/// <summary>
/// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): a keyed bijection of 128-bit counters, so any element
/// of any stream can be drawn anywhere in any order. The project's counter is (column block, row id, time step | stream &lt;&lt; 24, training step),
/// its key the run's seed.
/// </summary>
static class Philox4x32
{
    const uint Multiplier0 = 0xD2511F53;
    const uint Multiplier1 = 0xCD9E8D57;
    const uint Weyl0 = 0x9E3779B9;
    const uint Weyl1 = 0xBB67AE85;
    const int Rounds = 10;

    /// <summary>Four independent words of the counter (c0, c1, c2, c3) under the key (key0, key1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Block(uint c0, uint c1, uint c2, uint c3, uint key0, uint key1, out uint r0, out uint r1, out uint r2, out uint r3)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            c0 = (uint)(product1 >> 32) ^ c1 ^ key0;
            c1 = (uint)product1;
            c2 = (uint)(product0 >> 32) ^ c3 ^ key1;
            c3 = (uint)product0;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        (r0, r1, r2, r3) = (c0, c1, c2, c3);
    }

    /// <summary>
    /// <see cref="Block"/> of the <paramref name="count"/> consecutive values of c0 from that one on: each word of the results at <paramref
    /// name="words"/>, the four words <paramref name="stride"/> apart, which is the count rounded up to eights at least.
    /// </summary>
    internal static unsafe void Blocks(uint c0, int count, uint c1, uint c2, uint c3, uint key0, uint key1, uint* words, int stride)
    {
        if (Avx2.IsSupported && count > 1)
        {
            for (var i = 0; i < count; i += 8)
                EightBlocks(c0 + (uint)i, c1, c2, c3, key0, key1, words + i, stride);
            return;
        }

        for (var i = 0; i < count; i++)
            Block(c0 + (uint)i, c1, c2, c3, key0, key1, out words[i], out words[stride + i], out words[2 * stride + i], out words[3 * stride + i]);
    }

    /// <summary>
    /// <see cref="Block"/> of the eight consecutive values of c0 from that one on: each word of the eight results at <paramref name="words"/>, the
    /// words <paramref name="stride"/> apart. Needs AVX2.
    /// </summary>
    static unsafe void EightBlocks(uint c0, uint c1, uint c2, uint c3, uint key0, uint key1, uint* words, int stride)
    {
        var low = new Words(Vector256.Create((ulong)c0, c0 + 1, c0 + 2, c0 + 3), c1, c2, c3);
        var high = new Words(Vector256.Create((ulong)c0 + 4, c0 + 5, c0 + 6, c0 + 7), c1, c2, c3);
        for (var round = 0; round < Rounds; round++)
        {
            var (k0, k1) = (Vector256.Create((ulong)key0), Vector256.Create((ulong)key1));
            low.Round(k0, k1);
            high.Round(k0, k1);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        Vector256.Narrow(low.W0, high.W0).Store(words);
        Vector256.Narrow(low.W1, high.W1).Store(words + stride);
        Vector256.Narrow(low.W2, high.W2).Store(words + 2 * stride);
        Vector256.Narrow(low.W3, high.W3).Store(words + 3 * stride);
    }

    // Four counters, a word in the lower half of each lane. The multiplication reads lower halves only, so the upper ones need no masking between rounds.
    struct Words(Vector256<ulong> c0, uint c1, uint c2, uint c3)
    {
        public Vector256<ulong> W0 = c0, W1 = Vector256.Create((ulong)c1), W2 = Vector256.Create((ulong)c2), W3 = Vector256.Create((ulong)c3);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Round(Vector256<ulong> key0, Vector256<ulong> key1)
        {
            var product0 = Avx2.Multiply(W0.AsUInt32(), Vector256.Create(Multiplier0));
            var product1 = Avx2.Multiply(W2.AsUInt32(), Vector256.Create(Multiplier1));
            W0 = product1 >>> 32 ^ W1 ^ key0;
            W1 = product1;
            W2 = product0 >>> 32 ^ W3 ^ key1;
            W3 = product0;
        }
    }
}
