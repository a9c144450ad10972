using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    static readonly int[] Key = [0x12345678, unchecked((int)0x9abcdef0), 77];

    static uint Word(int column, uint row, uint timeAndStream)
    {
        Philox4x32.Block((uint)column / 4, row, timeAndStream, (uint)Key[2], (uint)Key[0], (uint)Key[1], out var w0, out var w1, out var w2, out var w3);
        return (column % 4) switch { 0 => w0, 1 => w1, 2 => w2, _ => w3 };
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Dropout_masks_have_the_same_bits_everywhere(int rows, int columns) => Run((device, t) =>
    {
        int[] rowIds = [.. Enumerable.Range(0, rows % 3 == 0 ? rows / 3 : rows).Select(n => 100 + 7 * n)];
        var source = new NoiseSource(t.Ids(Key), t.Ids(rowIds), NoiseStream.RecurrentDropout);
        var mask = t.New(rows, columns);
        foreach (var (probability, one) in new[] { (0.3f, 1f), (0.75f, 1 / 0.75f), (1f, 1f), (0f, 1f) })
        {
            device.FillBernoulli(mask, probability, source, one);
            var values = t.ReadSingles(mask);
            for (var r = 0; r < rows; r++)
            {
                var (row, timeAndStream) = ((uint)rowIds[r % rowIds.Length], (uint)(r / rowIds.Length) | (uint)NoiseStream.RecurrentDropout << 24);
                for (var c = 0; c < columns; c++)
                    Assert.Equal((Word(c, row, timeAndStream) >> 8) / 16777216.0 < probability ? one : 0, values[r * columns + c]);
            }
        }
    });

    [Fact]
    public void Dropout_masks_keep_the_expectation() => Run((device, t) =>
    {
        const int Rows = 500, Columns = 400;
        const float Kept = 0.8f;
        var mask = t.New(Rows, Columns);
        device.FillBernoulli(mask, Kept, new NoiseSource(t.Ids(Key), t.Ids([.. Enumerable.Range(0, Rows / 5)]), NoiseStream.InputDropout), 1 / Kept);
        var values = t.Read(mask);

        // Five standard deviations of the mean over all elements, and over every row.
        var deviation = Math.Sqrt((1 - Kept) / Kept);
        Assert.Equal(1, Sum(Rows, r => Sum(Columns, c => values[r, c])) / (Rows * Columns), 5 * deviation / Math.Sqrt(Rows * Columns));
        for (var r = 0; r < Rows; r++)
            Assert.Equal(1, Sum(Columns, c => values[r, c]) / Columns, 5 * deviation / Math.Sqrt(Columns));
    });

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(255)]
    [InlineData(16_384)]
    [InlineData(40_003)]
    public void Noisy_weights_have_the_same_bits_everywhere(int count) => Run((device, t) =>
    {
        var (x, y, key) = (t.Flat(count, i => Math.Sin(i)), t.Flat(count, _ => 0), t.Ids(Key));
        var xs = t.ReadSingles(x);
        float Noisy(int i)
        {
            const uint TimeAndStream = (uint)NoiseStream.WeightNoise << 24;
            NormalNoise.Pair(Word(i & ~1, 0, TimeAndStream), Word(i | 1, 0, TimeAndStream), out var cosine, out var sine);
            return MathF.FusedMultiplyAdd(0.075f, i % 2 == 0 ? cosine : sine, xs[i]);
        }

        float[] expected = [.. Enumerable.Range(0, count).Select(Noisy)];
        device.AddNormal(x, 0.075f, key, NoiseStream.WeightNoise, y);
        Assert.Equal(expected, t.ReadSingles(y));
        device.AddNormal(x, 0.075f, key, NoiseStream.WeightNoise, x);
        Assert.Equal(expected, t.ReadSingles(x));
    });
}
