using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    /// <summary>Rows, inner and columns.</summary>
    public static TheoryData<int, int, int> ProductSizes => new()
    {
        { 1, 1, 1 }, { 3, 5, 7 }, { 17, 33, 9 }, { 32, 64, 128 }, { 33, 1, 65 }, { 40, 130, 31 }, { 1, 200, 50 },
    };

    /// <summary>Largest error of a product relative to its largest element.</summary>
    protected virtual double ProductTolerance => 2e-6;

    [Theory]
    [MemberData(nameof(ProductSizes))]
    public void Products_agree_with_a_triple_loop(int rows, int inner, int columns) => Run((device, t) =>
    {
        var (x, w, bias, y) = (t.New(rows, inner), t.New(inner, columns), t.New(1, columns), t.New(rows, columns));
        var (dy, dx) = (t.New(rows, columns), t.New(rows, inner));
        using var weight = device.CreateWeight(w, WeightUse.Forward | WeightUse.Transposed);
        device.RefreshWeights([weight]);
        var (xs, ws, biases, dys) = (t.Read(x), t.Read(w), t.Read(bias), t.Read(dy));
        double Product(int r, int c) => Sum(inner, i => xs[r, i] * ws[i, c]);

        var before = t.Read(y);
        device.Multiply(x, weight, default, y, accumulate: true);
        t.Read(y).AssertIs((r, c) => before[r, c] + Product(r, c), ProductTolerance);
        device.Multiply(x, weight, default, y, accumulate: false);
        t.Read(y).AssertIs(Product, ProductTolerance);
        device.Multiply(x, weight, bias, y, accumulate: false);
        t.Read(y).AssertIs((r, c) => Product(r, c) + biases[0, c], ProductTolerance);

        var dBefore = t.Read(dx);
        device.MultiplyTransposed(dy, weight, dx, accumulate: true);
        t.Read(dx).AssertIs((r, i) => dBefore[r, i] + Sum(columns, c => dys[r, c] * ws[i, c]), ProductTolerance);
        device.MultiplyTransposed(dy, weight, dx, accumulate: false);
        t.Read(dx).AssertIs((r, i) => Sum(columns, c => dys[r, c] * ws[i, c]), ProductTolerance);
    });

    [Theory]
    [MemberData(nameof(ProductSizes))]
    public void A_product_without_accumulation_does_not_read_its_result(int rows, int inner, int columns) => Run((device, t) =>
    {
        var (x, w, y) = (t.New(rows, inner), t.New(inner, columns), t.Of(rows, columns, (_, _) => double.NaN));
        using var weight = device.CreateWeight(w, WeightUse.Forward);
        device.RefreshWeights([weight]);
        device.Multiply(x, weight, default, y, accumulate: false);
        var (xs, ws) = (t.Read(x), t.Read(w));
        t.Read(y).AssertIs((r, c) => Sum(inner, i => xs[r, i] * ws[i, c]), ProductTolerance);
    });

    [Theory]
    [MemberData(nameof(ProductSizes))]
    public void Hidden_layers_are_leaky_relus_of_products(int rows, int inner, int columns) => Run((device, t) =>
    {
        var (x, w, bias, y) = (t.New(rows, inner), t.New(inner, columns), t.New(1, columns), t.New(rows, columns));
        using var weight = device.CreateWeight(w, WeightUse.Forward);
        device.RefreshWeights([weight]);
        device.MultiplyLeakyRelu(x, weight, bias, y, new LeakyRelu(0.25f, 0.75f));
        var (xs, ws, biases) = (t.Read(x), t.Read(w), t.Read(bias));
        t.Read(y).AssertIs((r, c) => Phi(Sum(inner, i => xs[r, i] * ws[i, c]) + biases[0, c], 0.25, 0.75), ProductTolerance * 4);
    });

    [Theory]
    [MemberData(nameof(ProductSizes))]
    public void Weight_gradients_agree_with_a_triple_loop(int rows, int inner, int columns) => Run((device, t) =>
    {
        var (x1, x2, dy) = (t.New(rows, inner), t.New(rows, 3), t.New(rows, columns));
        var (dw1, dw2, dBias) = (t.New(inner, columns), t.New(3, columns), t.New(1, columns));
        var (x1s, x2s, dys) = (t.Read(x1), t.Read(x2), t.Read(dy));
        var (before1, beforeBias) = (t.Read(dw1), t.Read(dBias));
        device.WeightGradients([new(x1, dw1), new(default, default), new(x2, dw2)], dy, dBias, accumulate: true);
        t.Read(dw1).AssertIs((i, c) => before1[i, c] + Sum(rows, r => x1s[r, i] * dys[r, c]), ProductTolerance);
        t.Read(dBias).AssertIs((_, c) => beforeBias[0, c] + Sum(rows, r => dys[r, c]), ProductTolerance);
        device.WeightGradients([new(x1, dw1), new(x2, dw2)], dy, dBias);
        t.Read(dw1).AssertIs((i, c) => Sum(rows, r => x1s[r, i] * dys[r, c]), ProductTolerance);
        t.Read(dw2).AssertIs((i, c) => Sum(rows, r => x2s[r, i] * dys[r, c]), ProductTolerance);
        t.Read(dBias).AssertIs((_, c) => Sum(rows, r => dys[r, c]), ProductTolerance);
    });

    [Theory]
    [InlineData(513, 33)]
    [InlineData(1300, 5)]
    [InlineData(2600, 1)]
    public void Gradients_of_biases_are_sums_of_many_rows(int rows, int columns) => Run((device, t) =>
    {
        var (dy, dBias) = (t.New(rows, columns), t.New(1, columns));
        var (dys, before) = (t.Read(dy), t.Read(dBias));
        device.WeightGradients([], dy, dBias, accumulate: true);
        t.Read(dBias).AssertIs((_, c) => before[0, c] + Sum(rows, r => dys[r, c]), ProductTolerance);
        device.WeightGradients([], dy, dBias);
        t.Read(dBias).AssertIs((_, c) => Sum(rows, r => dys[r, c]), ProductTolerance);
    });

    static double Phi(double a, double slope, double clip) => Math.Clamp(a > 0 ? a : slope * a, -clip, clip);
}
