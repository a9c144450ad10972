using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Bernoulli_likelihoods_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        var (logits, y, nll, w) = (t.New(rows, columns, 30), t.Of(rows, columns, (r, c) => (r + c) % 2), t.New(rows, 1), t.New(rows, 1));
        var (o, ys, ws) = (t.Read(logits), t.Read(y), t.Read(w));
        device.BernoulliNllForward(logits, y, nll);
        t.Read(nll).AssertIs((r, _) => Sum(columns, c => Math.Max(o[r, c], 0) + Math.Log(1 + Math.Exp(-Math.Abs(o[r, c]))) - ys[r, c] * o[r, c]));
        device.BernoulliNllBackward(logits, y, w);
        t.Read(logits).AssertIs((r, c) => ws[r, 0] * (Sigmoid(o[r, c]) - ys[r, c]));
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    [InlineData(3, 16_001)]
    public void Categorical_likelihoods_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        var (logits, nll, w) = (t.New(rows, columns, 50), t.New(rows, 1), t.New(rows, 1));
        int[] ids = [.. Enumerable.Range(0, rows).Select(_ => t.Random.Next(columns))];
        var y = t.Ids(ids);
        var (o, ws) = (t.Read(logits), t.Read(w));
        double[] normaliser = [.. Enumerable.Range(0, rows).Select(r =>
        {
            var largest = Enumerable.Range(0, columns).Max(c => o[r, c]);
            return largest + Math.Log(Sum(columns, c => Math.Exp(o[r, c] - largest)));
        })];
        device.CategoricalNllForward(logits, y, nll);
        t.Read(nll).AssertIs((r, _) => normaliser[r] - o[r, ids[r]]);
        device.CategoricalNllBackward(logits, y, w);
        t.Read(logits).AssertIs((r, c) => ws[r, 0] * (Math.Exp(o[r, c] - normaliser[r]) - (c == ids[r] ? 1 : 0)), 5e-6);
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Squared_norms_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        var (h, result, w, dh) = (t.New(rows, columns), t.New(rows, 1), t.New(rows, 1), t.New(rows, columns));
        var (hs, ws, before) = (t.Read(h), t.Read(w), t.Read(dh));
        device.SquaredNormForward(h, result);
        t.Read(result).AssertIs((r, _) => Sum(columns, c => hs[r, c] * hs[r, c]));
        device.SquaredNormBackward(h, w, 0.3f, dh);
        t.Read(dh).AssertIs((r, c) => before[r, c] + 2 * 0.3f * ws[r, 0] * hs[r, c]);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(70_001)]
    public void Weighted_sums_keep_what_float32_would_lose(int rows) => Run((device, t) =>
    {
        var (values, w, result) = (t.Of(rows, 1, (r, _) => r == 0 ? 1e8 : 0.25), t.Of(rows, 1, (r, _) => 1 + r % 3), t.New(1, 1));
        device.WeightedSum(values, w, result);
        t.Read(result).AssertIs((_, _) => Sum(rows, r => (r == 0 ? 1e8 : 0.25) * (1 + r % 3)), 1e-7);
    });

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void What_is_not_finite_shows_in_every_loss_and_norm(float bad) => Run((device, t) =>
    {
        const int Rows = 2, Columns = 37;
        double Bad(int r, int c) => r == 1 && c == 20 ? bad : 0.5;
        var (one, two, result) = (t.Of(Rows, Columns, Bad), t.Of(Rows, 2 * Columns, (r, c) => Bad(r, c)), t.New(Rows, 1));
        var y = t.Of(Rows, Columns, (_, _) => 0);
        void AssertShows(string loss)
        {
            var values = t.ReadSingles(result);
            Assert.True(float.IsFinite(values[0]) && !float.IsFinite(values[1]), $"{loss}: {values[0]}, {values[1]}");
        }

        device.BernoulliNllForward(one, y, result);
        AssertShows("Bernoulli");
        device.CategoricalNllForward(one, t.Ids(0, 0), result);
        AssertShows("categorical");
        device.GaussianLogDensityForward(one, default, result, 1, Identity);
        AssertShows("Gaussian");
        device.GaussianLogDensityForward(y, two, result, 1, Identity);
        AssertShows("Gaussian's mean");
        device.GaussianKlForward(two, default, result, Identity);
        AssertShows("KL");
        device.SquaredNormForward(one, result);
        AssertShows("squared norm");
        device.DistanceForward(one, y, result);
        AssertShows("distance");
        device.GaussianMixtureNllForward(t.Of(Rows, 2 * Columns + 1, Bad), y, result, Identity, 1);
        AssertShows("mixture");
        device.NormStabiliserForward(t.Of(2 * Rows, Columns, (r, c) => Bad(r - Rows, c)), result);
        AssertShows("norm stabiliser");
        var (flat, norm) = (t.Flat(5000, i => i == 4000 ? bad : 1), t.Flat(1, _ => 0));
        device.GradientNorm(flat, norm);
        Assert.False(float.IsFinite(t.ReadSingles(norm)[0]));
    });
}
