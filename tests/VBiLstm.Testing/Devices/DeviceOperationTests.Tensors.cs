using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Copies_zeros_and_masks(int rows, int columns) => Run((device, t) =>
    {
        var (x, y, mask) = (t.New(rows, columns), t.New(rows, columns), t.Of(rows, 1, (r, _) => r % 2));
        var xs = t.Read(x);
        device.Copy(x, y);
        t.Read(y).AssertIs((r, c) => xs[r, c], 0);
        device.MaskRows(y, mask);
        t.Read(y).AssertIs((r, c) => r % 2 * xs[r, c], 0);
        device.Zero(x);
        t.Read(x).AssertIs((_, _) => 0, 0);
    });

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(40, 7, 33)]
    [InlineData(300, 11, 300)]
    [InlineData(17, 1000, 5)]
    public void Embeddings_are_gathered_and_their_gradients_added_in_the_order_of_rows(int rows, int vocabulary, int columns) => Run((device, t) =>
    {
        int[] ids = [.. Enumerable.Range(0, rows).Select(_ => t.Random.Next(vocabulary))];
        var (tokens, table, y) = (t.Ids(ids), t.New(vocabulary, columns), t.New(rows, columns));
        var values = t.Read(table);
        device.EmbeddingForward(tokens, table, y);
        t.Read(y).AssertIs((r, c) => values[ids[r], c], 0);

        // Float32 sums in the order of rows, bit for bit.
        var (dy, dTable) = (t.New(rows, columns), t.New(vocabulary, columns));
        var dys = t.ReadSingles(dy);
        var expected = new float[vocabulary * columns];
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++)
                expected[ids[r] * columns + c] += dys[r * columns + c];
        device.EmbeddingBackward(tokens, dy, dTable);
        Assert.Equal(expected, t.ReadSingles(dTable));
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Noise_has_the_same_bits_everywhere(int rows, int columns) => Run((device, t) =>
    {
        int[] rowIds = [.. Enumerable.Range(0, rows % 3 == 0 ? rows / 3 : rows).Select(n => 100 + 7 * n)];
        int[] key = [0x12345678, unchecked((int)0x9abcdef0), 77];
        var source = new NoiseSource(t.Ids(key), t.Ids(rowIds), NoiseStream.BTildeNoise);
        var (normal, mask) = (t.New(rows, columns), t.New(rows, 1));
        device.FillNormal(normal, source);
        device.FillBernoulli(mask, 0.3f, source);
        var (values, bits) = (t.ReadSingles(normal), t.ReadSingles(mask));
        for (var r = 0; r < rows; r++)
        {
            var (row, timeAndStream) = ((uint)rowIds[r % rowIds.Length], (uint)(r / rowIds.Length) | (uint)NoiseStream.BTildeNoise << 24);
            for (var c = 0; c < columns; c++)
            {
                Philox4x32.Block((uint)c / 4, row, timeAndStream, 77, (uint)key[0], (uint)key[1], out var w0, out var w1, out var w2, out var w3);
                NormalNoise.Pair(c % 4 < 2 ? w0 : w2, c % 4 < 2 ? w1 : w3, out var cosine, out var sine);
                Assert.Equal(BitConverter.SingleToUInt32Bits(c % 2 == 0 ? cosine : sine), BitConverter.SingleToUInt32Bits(values[r * columns + c]));
                if (c == 0)
                    Assert.Equal((w0 >> 8) / 16777216.0 < 0.3f ? 1 : 0, bits[r]);
            }
        }
    });

    [Fact]
    public void Uploads_and_downloads_of_any_size_and_shape_are_exact() => Run((device, t) =>
    {
        foreach (var (rows, columns) in new[] { (1, 1), (3, 5), (1, 3_000_001), (70_000, 40), (1_000, 2_500) })
        {
            var x = t.New(rows, columns);
            float[] values = [.. Enumerable.Range(0, rows * columns).Select(i => (float)i)];
            device.Upload(values, x);
            Assert.Equal(values, t.ReadSingles(x));
        }
    });

    [Fact]
    public void A_readback_holds_the_values_of_its_start() => Run((device, t) =>
    {
        var x = t.Flat(7, i => i);
        using var readback = device.CreateReadback(x);
        for (var round = 0; round < 3; round++)
        {
            device.Upload([.. Enumerable.Range(0, 7).Select(i => 10f * round + i)], x);
            readback.Start();
            device.Zero(x);
            Assert.Equal(Enumerable.Range(0, 7).Select(i => 10f * round + i), readback.Wait().ToArray());
        }
    });

    [Fact]
    public void A_recording_reads_current_values() => Run((device, t) =>
    {
        var (x, y) = (t.Flat(5, i => i), t.Flat(5, _ => 0));
        using var recorded = device.Record(() => device.Copy(x, y));
        for (var round = 0; round < 4; round++)
        {
            float[] values = [.. Enumerable.Range(0, 5).Select(i => 10f * round + i)];
            device.Upload(values, x);
            recorded.Replay();
            Assert.Equal(values, t.ReadSingles(y));
        }
    });
}
