using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    /// <summary>Rows, dimensions and components.</summary>
    public static TheoryData<int, int, int> MixtureSizes => new()
    {
        { 1, 1, 1 }, { 3, 4, 2 }, { 17, 33, 20 }, { 33, 7, 5 }, { 2, 70, 20 }, { 5, 3, 100 }, { 1025, 2, 3 },
    };

    // Of one row, in double: logits, means and log-variances as the operation takes them.
    static double MixtureNll(double[] output, double[] target, int components)
    {
        var d = target.Length;
        double Joint(int k) => output[k] - 0.5 * Sum(d, j =>
        {
            var (r, lambda) = (target[j] - output[components + k * d + j], Clamped(output[components + (components + k) * d + j]));
            return Math.Log(2 * Math.PI) + lambda + r * r * Math.Exp(-lambda);
        });
        return LogSumExp(components, k => output[k]) - LogSumExp(components, Joint);
    }

    static double LogSumExp(int count, Func<int, double> term)
    {
        var largest = Enumerable.Range(0, count).Max(term);
        return largest + Math.Log(Sum(count, k => Math.Exp(term(k) - largest)));
    }

    static double[] RowOf(Matrix matrix, int row) => [.. Enumerable.Range(0, matrix.Columns).Select(c => matrix[row, c])];

    [Theory]
    [MemberData(nameof(MixtureSizes))]
    public void Gaussian_mixture_likelihoods_and_their_gradients(int rows, int d, int components) => Run((device, t) =>
    {
        var (output, target, nll, w) = (t.New(rows, components * (2 * d + 1), 2), t.New(rows, d), t.New(rows, 1), t.New(rows, 1));
        var (outputs, targets, ws) = (t.Read(output), t.Read(target), t.Read(w));
        device.GaussianMixtureNllForward(output, target, nll, Identity, components);
        t.Read(nll).AssertIs((r, _) => MixtureNll(RowOf(outputs, r), RowOf(targets, r), components), 1e-6);

        // Central differences of the double loss. The posterior's relative error is the rounding of log-densities, which grow with the dimensions.
        const double Step = 1e-5;
        var tolerance = 2e-6 + 2e-7 * d;
        device.GaussianMixtureNllBackward(output, target, w, Identity, components);
        var gradients = t.Read(output);
        foreach (var r in new[] { 0, rows / 2, rows - 1 }.Distinct())
        {
            double[] row = RowOf(outputs, r), y = RowOf(targets, r);
            var expected = new double[row.Length];
            for (var c = 0; c < row.Length; c++)
            {
                var value = row[c];
                row[c] = value + Step;
                var above = MixtureNll(row, y, components);
                row[c] = value - Step;
                var below = MixtureNll(row, y, components);
                row[c] = value;
                expected[c] = ws[r, 0] * (above - below) / (2 * Step);
            }

            var largest = expected.Max(Math.Abs);
            for (var c = 0; c < row.Length; c++)
                Assert.Equal(expected[c], gradients[r, c], tolerance * largest + 1e-9);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_mixture_of_one_is_a_gaussian(int rows, int columns) => Run((device, t) =>
    {
        foreach (var head in new[] { Identity, Tanh })
        {
            var (target, output, alone, mixed, w) = (t.New(rows, columns, 2), t.New(rows, 2 * columns + 1, 2), t.New(rows, 1), t.New(rows, 1), t.New(rows, 1));
            var (moments, before) = (output.ColumnRange(1, 2 * columns), t.Read(output));
            device.GaussianLogDensityForward(target, moments, alone, -1, head);
            device.GaussianMixtureNllForward(output, target, mixed, head, 1);
            var expected = t.Read(alone);
            t.Read(mixed).AssertIs((r, _) => expected[r, 0]);

            var (gradient, targets, ws) = (t.New(rows, 2 * columns), t.Read(target), t.Read(w));
            device.GaussianLogDensityBackward(target, moments, w, t.Scalar(1), gradient, throughOutput: true, default, default, accumulateTarget: false, head);
            device.GaussianMixtureNllBackward(output, target, w, head, 1);
            var single = t.Read(gradient);
            t.Read(output).AssertIs((r, c) => c == 0 ? 0 : single[r, c - 1]);
        }
    });

    [Fact]
    public void Components_far_away_neither_overflow_nor_count() => Run((device, t) =>
    {
        // The nearest of three explains everything, though exp of any of the joint log-densities underflows and exp of the logits overflows.
        const int D = 5, K = 3;
        var wide = new GaussianHead(-14, 14, TanhMean: false);
        double[] logits = [200, 210, 205], means = [40, 30, 35];
        var output = t.Of(1, K * (2 * D + 1), (_, c) => c < K ? logits[c] : c < K + K * D ? means[(c - K) / D] : -2);
        var (target, nll, w) = (t.Of(1, D, (_, _) => 0), t.New(1, 1), t.Of(1, 1, (_, _) => 1));
        var precision = Math.Exp(2);
        double Density(int k) => -0.5 * D * (Math.Log(2 * Math.PI) - 2 + means[k] * means[k] * precision);
        device.GaussianMixtureNllForward(output, target, nll, wide, K);
        t.Read(nll).AssertIs((_, _) => LogSumExp(K, k => logits[k]) - LogSumExp(K, k => logits[k] + Density(k)), 1e-6);
        device.GaussianMixtureNllBackward(output, target, w, wide, K);
        t.Read(output.ColumnRange(0, K)).AssertIs((_, k) => Math.Exp(logits[k] - LogSumExp(K, i => logits[i])) - (k == 1 ? 1 : 0));
        t.Read(output.ColumnRange(K, K * D)).AssertIs((_, c) => c / D == 1 ? means[1] * precision : 0);
        t.Read(output.ColumnRange(K + K * D, K * D)).AssertIs((_, c) => c / D == 1 ? 0.5 * (1 - means[1] * means[1] * precision) : 0);
    });
}
