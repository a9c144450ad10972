using VBiLstm.Noise;

namespace VBiLstm.Tests.Noise;

[Trait("Runs", "without AVX2")]
public unsafe class NoiseTests
{
    // Known answers published with Random123.
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Philox_gives_the_published_words(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint e0, uint e1, uint e2, uint e3)
    {
        Philox4x32.Block(c0, c1, c2, c3, k0, k1, out var r0, out var r1, out var r2, out var r3);
        Assert.Equal((e0, e1, e2, e3), (r0, r1, r2, r3));
    }

    [Fact]
    public void Normals_are_box_muller_of_the_words()
    {
        var random = new Random(1);
        for (var i = 0; i < 300_000; i++)
        {
            var (a, b) = i switch
            {
                0 => (0u, 0u),
                1 => (~0u, ~0u),
                2 => (0u, ~0u),
                3 => (~0u, 1u << 31),
                _ => ((uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32))
            };
            NormalNoise.Pair(a, b, out var cosine, out var sine);
            var radius = Math.Sqrt(-2 * Math.Log(((a >> 9) + 0.5) / (1 << 23)));
            var angle = 2 * Math.PI * b / 4294967296.0;
            Assert.Equal(radius * Math.Cos(angle), cosine, 1e-6);
            Assert.Equal(radius * Math.Sin(angle), sine, 1e-6);
        }
    }

    [Fact]
    public void Rows_have_the_same_bits_as_pairs_whatever_their_length()
    {
        foreach (var count in new[] { 1, 3, 4, 5, 31, 64, 65, 127, 1025 })
        {
            using var row = new Devices.NativeFloats(new float[count]);
            NormalNoise.FillRow(row.Pointer, count, 5, 9, 77, 123, 456);
            row.AssertGuardsIntact();
            for (var i = 0; i < count; i++)
            {
                Philox4x32.Block((uint)i / 4, 5, 9, 77, 123, 456, out var w0, out var w1, out var w2, out var w3);
                NormalNoise.Pair(i % 4 < 2 ? w0 : w2, i % 4 < 2 ? w1 : w3, out var cosine, out var sine);
                Assert.Equal(BitConverter.SingleToUInt32Bits(i % 2 == 0 ? cosine : sine), BitConverter.SingleToUInt32Bits(row.Span[i]));
            }
        }
    }

    [Fact]
    public void Normals_have_the_moments_of_a_normal_and_no_correlation()
    {
        const int Count = 1 << 20;
        using var row = new Devices.NativeFloats(new float[Count]);
        NormalNoise.FillRow(row.Pointer, Count, 1, 2, 3, 4, 5);
        double mean = 0, square = 0, fourth = 0, lag1 = 0, lag2 = 0;
        for (var i = 0; i < Count; i++)
        {
            double x = row.Span[i];
            mean += x;
            square += x * x;
            fourth += x * x * x * x;
            lag1 += i >= 1 ? x * row.Span[i - 1] : 0;
            lag2 += i >= 2 ? x * row.Span[i - 2] : 0;
        }

        // Five standard errors: 1/√n, √2/√n, √96/√n and 1/√n.
        var error = 5 / Math.Sqrt(Count);
        Assert.InRange(mean / Count, -error, error);
        Assert.InRange(square / Count - 1, -1.5 * error, 1.5 * error);
        Assert.InRange(fourth / Count - 3, -10 * error, 10 * error);
        Assert.InRange(lag1 / Count, -error, error);
        Assert.InRange(lag2 / Count, -error, error);
    }

    [Fact]
    public void Streams_rows_steps_and_seeds_are_independent_sequences()
    {
        static float[] Draw(long seed, NoiseStream stream, uint row, uint step)
        {
            var random = new CounterRandom(seed, stream, row, step);
            return [.. Enumerable.Range(0, 50).Select(_ => random.NextSingle())];
        }

        var reference = Draw(1, NoiseStream.Shuffle, 0, 0);
        Assert.Equal(reference, Draw(1, NoiseStream.Shuffle, 0, 0));
        foreach (var other in new[] { Draw(2, NoiseStream.Shuffle, 0, 0), Draw(1L << 32 | 1, NoiseStream.Shuffle, 0, 0),
            Draw(1, NoiseStream.Binarisation, 0, 0), Draw(1, NoiseStream.Shuffle, 1, 0), Draw(1, NoiseStream.Shuffle, 0, 1) })
            Assert.Empty(reference.Intersect(other));
    }

    [Fact]
    public void Bounded_integers_and_shuffles_are_uniform()
    {
        var random = new CounterRandom(7, NoiseStream.Shuffle, 0, 0);
        var counts = new Dictionary<string, int>();
        const int Trials = 60_000;
        for (var i = 0; i < Trials; i++)
        {
            int[] order = [0, 1, 2];
            CounterRandom.Shuffle(order, ref random);
            var key = string.Join("", order);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        Assert.Equal(6, counts.Count);
        var deviation = Math.Sqrt(Trials * (1 / 6.0) * (5 / 6.0));
        Assert.All(counts.Values, count => Assert.InRange(count - Trials / 6.0, -5 * deviation, 5 * deviation));
    }
}
