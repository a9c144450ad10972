namespace VBiLstm.Noise;

/// <summary>Random bits from Philox words: a word's upper 24 bits as a uniform number below the probability or not.</summary>
static unsafe class BernoulliNoise
{
    // Blocks drawn at a time; each gives four values.
    const int Blocks = 16;

    /// <summary>
    /// A row of <paramref name="one"/> with the given probability, zeros otherwise: columns 4j..4j+3 are the words of block (j, row, timeAndStream, step).
    /// </summary>
    public static void FillRow(float* target, int count, float probability, float one, uint row, uint timeAndStream, uint step, uint key0, uint key1)
    {
        var words = stackalloc uint[4 * Blocks];
        for (var start = 0; start < count; start += 4 * Blocks)
        {
            var left = Math.Min(count - start, 4 * Blocks);
            Philox4x32.Blocks((uint)start / 4, (left + 3) / 4, row, timeAndStream, step, key0, key1, words, Blocks);
            for (var i = 0; i < left; i++)
                target[start + i] = NormalNoise.Uniform(words[(i & 3) * Blocks + (i >> 2)]) < probability ? one : 0;
        }
    }
}
