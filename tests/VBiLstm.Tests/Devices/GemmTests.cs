using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Tests.Devices;

/// <summary>Products against a triple loop in double, in every vector width of this machine.</summary>
[Trait("Runs", "without AVX2")]
public unsafe class GemmTests
{
    static readonly int[] Sizes = [1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 32, 33, 50, 65];

    public static TheoryData<int> Widths()
    {
        var data = new TheoryData<int>();
        foreach (var width in SimdWidths.Supported)
            data.Add((int)width);
        return data;
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Packed_products_agree_with_a_triple_loop(int width)
    {
        var random = new Random(1);
        foreach (var m in Sizes)
            foreach (var k in Sizes.Append(300).Append(0))
                Check(width, m, Sizes[random.Next(Sizes.Length)], k, random, transposed: random.Next(2) == 0, (Start)random.Next(3));
        Check(width, 400, 130, 600, random, transposed: false, Start.Result);
        Check(width, 1000, 3, 40, random, transposed: true, Start.Zero);
        Check(width, 200, 70, 2100, random, transposed: false, Start.Bias);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Weight_gradients_agree_with_a_triple_loop(int width)
    {
        var random = new Random(2);
        foreach (var m in Sizes)
            foreach (var k in Sizes.Append(300).Append(0))
                CheckWeightGradients(width, [m, 5], Sizes[random.Next(Sizes.Length)], k, random, accumulate: random.Next(2) == 0);
        CheckWeightGradients(width, [210], 1100, 1120, random, accumulate: false);
        CheckWeightGradients(width, [700, 1, 399], 70, 90, random, accumulate: true);
        CheckWeightGradients(width, [40, 28], 2500, 1030, random, accumulate: false);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Denormals_are_not_flushed(int width)
    {
        var (m, n, k) = (5, 40, 7);
        var product = Multiply(width, 1, [.. Enumerable.Repeat(1e-42f, m * k)], [.. Enumerable.Repeat(-1f, k * n)], m, n, k);
        Assert.All(product, value => Assert.Equal(-k * 1e-42f, value));
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Bits_depend_neither_on_threads_nor_on_the_other_rows(int width)
    {
        var random = new Random(3);
        var (m, n, k) = (800, 150, 300);
        var (a, b) = (Matrix(random, m * k), Matrix(random, k * n));
        var whole = Multiply(width, 1, a, b, m, n, k);
        Assert.Equal(whole, Multiply(width, 2, a, b, m, n, k));
        Assert.Equal(whole, Multiply(width, 3, a, b, m, n, k));
        foreach (var row in new[] { 0, 17, 250, 799 })
            Assert.Equal(whole[(row * n)..((row + 1) * n)], Multiply(width, 2, a[(row * k)..((row + 1) * k)], b, 1, n, k));
    }

    static float[] Multiply(int width, int threads, float[] a, float[] b, int m, int n, int k)
    {
        using var pool = new WorkerPool(threads);
        using var gemm = Gemm.Create(pool, (SimdWidth)width);
        using var packed = new PackedMatrix(k, n, gemm.PanelColumns);
        using var left = new NativeFloats(a);
        using var right = new NativeFloats(b);
        using var c = new NativeFloats(new float[m * n]);
        gemm.Pack(right.Pointer, n, transposed: false, packed);
        gemm.Multiply(left.Pointer, k, m, packed, null, c.Pointer, n, accumulate: false);
        return c.Span.ToArray();
    }

    // What a product is added to.
    enum Start
    {
        Zero,
        Result,
        Bias,
    }

    static void Check(int width, int m, int n, int k, Random random, bool transposed, Start start)
    {
        var (aStride, bStride, cStride) = (k + 3, (transposed ? k : n) + 2, n + 1);
        using var a = new NativeFloats(Matrix(random, Math.Max(0, (m - 1) * aStride + k)));
        using var b = new NativeFloats(Matrix(random, Math.Max(0, ((transposed ? n : k) - 1) * bStride + (transposed ? k : n))));
        var before = Matrix(random, (m - 1) * cStride + n);
        using var c = new NativeFloats(before);
        using var pool = new WorkerPool(2);
        using var gemm = Gemm.Create(pool, (SimdWidth)width);
        using var packed = new PackedMatrix(k, n, gemm.PanelColumns);
        using var bias = new NativeFloats(Matrix(random, n));
        gemm.Pack(b.Pointer, bStride, transposed, packed);
        gemm.Multiply(a.Pointer, aStride, m, packed, start == Start.Bias ? bias.Pointer : null, c.Pointer, cStride, accumulate: start == Start.Result);
        AssertProduct(c, before, cStride, m, n, k, start == Start.Result, (i, p) => a.Pointer[i * aStride + p],
            (p, j) => transposed ? b.Pointer[j * bStride + p] : b.Pointer[p * bStride + j], start == Start.Bias ? bias.Span.ToArray() : null);
    }

    // Several left operands share dy; its column sums are the bias gradient.
    static void CheckWeightGradients(int width, int[] ms, int n, int k, Random random, bool accumulate)
    {
        var (bStride, cStride) = (n + 2, n + 1);
        using var b = new NativeFloats(Matrix(random, Math.Max(0, (k - 1) * bStride + n)));
        var biasBefore = Matrix(random, n);
        using var bias = new NativeFloats(biasBefore);
        using var pool = new WorkerPool(2);
        using var gemm = Gemm.Create(pool, (SimdWidth)width);
        var lefts = ms.Select(m => new NativeFloats(Matrix(random, Math.Max(0, (k - 1) * (m + 3) + m)))).ToArray();
        var before = ms.Select(m => Matrix(random, (m - 1) * cStride + n)).ToArray();
        var results = before.Select(values => new NativeFloats(values)).ToArray();
        var pairs = ms.Select((m, i)
            => new WeightGradient(new Tensor((nint)lefts[i].Pointer, k, m, m + 3), new Tensor((nint)results[i].Pointer, m, n, cStride))).ToArray();
        fixed (WeightGradient* pointer = pairs)
            gemm.WeightGradients(pointer, pairs.Length, b.Pointer, bStride, bias.Pointer, n, k, accumulate);
        for (var i = 0; i < ms.Length; i++)
        {
            var (left, aStride) = (lefts[i], ms[i] + 3);
            AssertProduct(results[i], before[i], cStride, ms[i], n, k, accumulate, (row, p) => left.Pointer[p * aStride + row],
                (p, j) => b.Pointer[p * bStride + j]);
            left.Dispose();
            results[i].Dispose();
        }

        AssertProduct(bias, biasBefore, n, 1, n, k, accumulate, (_, _) => 1, (p, j) => b.Pointer[p * bStride + j]);
    }

    static void AssertProduct(NativeFloats c, float[] before, int cStride, int m, int n, int k, bool accumulate, Func<int, int, float> a,
        Func<int, int, float> b, float[]? bias = null)
    {
        c.AssertGuardsIntact();

        // Once, because calls of functions would take most of the time.
        var rows = Enumerable.Range(0, m).Select(i => Enumerable.Range(0, k).Select(p => (double)a(i, p)).ToArray()).ToArray();
        var columns = Enumerable.Range(0, n).Select(j => Enumerable.Range(0, k).Select(p => (double)b(p, j)).ToArray()).ToArray();
        for (var i = 0; i < before.Length; i++)
        {
            var (row, column) = (i / cStride, i % cStride);
            if (column >= n)
            {
                Assert.Equal(before[i], c.Pointer[i]);
                continue;
            }

            double expected = accumulate ? before[i] : bias?[column] ?? 0, magnitude = Math.Abs(expected);
            var (left, right) = (rows[row], columns[column]);
            for (var p = 0; p < k; p++)
            {
                var term = left[p] * right[p];
                expected += term;
                magnitude += Math.Abs(term);
            }

            if (!(Math.Abs(c.Pointer[i] - expected) <= (k + 1) * magnitude * 1.2e-7))
                Assert.Fail($"{m}×{n}×{k} at [{row}, {column}]: {c.Pointer[i]:R} instead of {expected:R}");
        }
    }

    static float[] Matrix(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
}
