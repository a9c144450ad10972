using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    // Narrow enough that some of the random log-variances are clamped.
    static readonly GaussianHead Identity = new(-1.5f, 1.25f, TanhMean: false);
    static readonly GaussianHead Tanh = Identity with { TanhMean = true };

    static double Clamped(double logVariance) => Math.Clamp(logVariance, -1.5, 1.25);

    static double Gate(double logVariance) => logVariance is >= -1.5 and <= 1.25 ? 1 : 0;

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Leaky_relus_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        foreach (var clip in new[] { double.PositiveInfinity, 0.5 })
        {
            var phi = new LeakyRelu(0.25f, (float)clip);
            var (x, addend, bias, y) = (t.New(rows, columns), t.New(rows, columns), t.New(1, columns), t.New(rows, columns));
            var (xs, addends, biases) = (t.Read(x), t.Read(addend), t.Read(bias));
            device.LeakyReluForward(x, default, y, phi);
            t.Read(y).AssertIs((r, c) => Phi(xs[r, c], 0.25, clip));
            device.LeakyReluForward(x, bias, y, phi);
            t.Read(y).AssertIs((r, c) => Phi(xs[r, c] + biases[0, c], 0.25, clip));
            device.LeakyReluForward(x, addend, addend, phi);
            t.Read(addend).AssertIs((r, c) => Phi(xs[r, c] + addends[r, c], 0.25, clip));

            var (dy, dx, mask, masked) = (t.New(rows, columns), t.New(rows, columns), t.Of(rows, 1, (r, _) => r % 2), t.New(rows, columns));
            var (dys, outputs) = (t.Read(dy), t.Read(addend));
            double Gradient(int r, int c)
            {
                var a = xs[r, c] + addends[r, c];
                return dys[r, c] * (outputs[r, c] > 0 ? 1 : 0.25) * (Math.Abs(a > 0 ? a : 0.25 * a) <= clip ? 1 : 0);
            }

            device.LeakyReluBackward(dy, addend, dx, mask, masked, phi);
            t.Read(dx).AssertIs(Gradient);
            t.Read(masked).AssertIs((r, c) => r % 2 * Gradient(r, c));
            device.LeakyReluBackward(dy, addend, dy, default, default, phi);
            t.Read(dy).AssertIs(Gradient);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Gaussian_samples(int rows, int columns) => Run((device, t) =>
    {
        foreach (var head in new[] { Identity, Tanh })
        {
            double Mean(Matrix raw, int r, int c) => head.TanhMean ? Math.Tanh(raw[r, c]) : raw[r, c];
            var (output, noise, sample) = (t.New(rows, 2 * columns, 2), t.New(rows, columns, 2), t.New(rows, columns));
            var (raw, draws) = (t.Read(output), t.Read(noise));
            device.SampleGaussianForward(output, noise, sample, head);
            t.Read(sample).AssertIs((r, c) => Mean(raw, r, c) + Math.Exp(Clamped(raw[r, columns + c]) / 2) * draws[r, c]);
            t.Read(output).AssertIs((r, c) => c < columns ? Mean(raw, r, c) : raw[r, c]);

            var other = t.New(rows, 2 * columns, 2);
            var otherRaw = t.Read(other);
            device.SampleGaussianForward(other, default, sample, head);
            t.Read(sample).AssertIs((r, c) => Mean(otherRaw, r, c));
            var third = t.New(rows, 2 * columns, 2);
            var thirdRaw = t.Read(third);
            device.SampleGaussianForward(third, default, default, head);
            t.Read(third).AssertIs((r, c) => c < columns ? Mean(thirdRaw, r, c) : thirdRaw[r, c]);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Gradients_through_gaussian_samples(int rows, int columns) => Run((device, t) =>
    {
        foreach (var head in new[] { Identity, Tanh })
        {
            foreach (var (second, sampled) in new[] { (true, true), (false, true), (true, false) })
            {
                var (d1, d2, noise) = (t.New(rows, columns), t.New(rows, columns), t.New(rows, columns, 2));
                var (dMoments, output) = (t.New(rows, 2 * columns), t.New(rows, 2 * columns, 2));
                var (d1s, d2s, draws, moments, outputs) = (t.Read(d1), t.Read(d2), t.Read(noise), t.Read(dMoments), t.Read(output));
                device.SampleGaussianBackward(d1, second ? d2 : default, sampled ? noise : default, dMoments, output, head);
                double Sample(int r, int c) => d1s[r, c] + (second ? d2s[r, c] : 0);
                t.Read(output).AssertIs((r, c) => c < columns
                    ? (moments[r, c] + Sample(r, c)) * (head.TanhMean ? 1 - outputs[r, c] * outputs[r, c] : 1)
                    : Gate(outputs[r, c])
                        * (moments[r, c] + (sampled ? 0.5 * Sample(r, c - columns) * draws[r, c - columns] * Math.Exp(Clamped(outputs[r, c]) / 2) : 0)));
            }
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Kullback_leibler_divergences_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        foreach (var learned in new[] { true, false })
        {
            var (q, p, kl) = (t.New(rows, 2 * columns, 2), t.New(rows, 2 * columns, 2), t.New(rows, 1));
            var (w, omega, dMoments) = (t.New(rows, 1), t.Scalar(0.75), t.New(rows, 2 * columns));
            var (qs, ps, ws) = (t.Read(q), t.Read(p), t.Read(w));
            double LambdaQ(int r, int c) => Clamped(qs[r, columns + c]);
            double LambdaP(int r, int c) => learned ? Clamped(ps[r, columns + c]) : 0;
            double Difference(int r, int c) => qs[r, c] - (learned ? ps[r, c] : 0);
            device.GaussianKlForward(q, learned ? p : default, kl, Identity);
            double Square(int r, int c) => Difference(r, c) * Difference(r, c) * Math.Exp(-LambdaP(r, c));
            double Rho(int r, int c) => Math.Exp(LambdaQ(r, c) - LambdaP(r, c));
            t.Read(kl).AssertIs((r, _) => 0.5 * Sum(columns, c => LambdaP(r, c) - LambdaQ(r, c) + Rho(r, c) + Square(r, c) - 1));

            device.GaussianKlBackward(q, learned ? p : default, w, omega, dMoments, Identity);
            double Weight(int r) => 0.75 * ws[r, 0];
            t.Read(dMoments).AssertIs((r, c) => c < columns
                ? Weight(r) * Difference(r, c) * Math.Exp(-LambdaP(r, c))
                : 0.5 * Weight(r) * (Rho(r, c - columns) - 1), 1e-6);
            if (!learned)
                continue;
            t.Read(p).AssertIs((r, c) => c < columns
                ? -Weight(r) * Difference(r, c) * Math.Exp(-LambdaP(r, c))
                : 0.5 * Weight(r) * (1 - Rho(r, c - columns) - Square(r, c - columns)) * Gate(ps[r, c]), 1e-6);
        }
    });

    [Theory]
    [InlineData(1e-2)]
    [InlineData(1e-4)]
    [InlineData(1e-6)]
    public void Divergences_of_gaussians_that_are_nearly_equal_keep_their_figures(double apart) => Run((device, t) =>
    {
        const int Rows = 5, Columns = 37;
        var (p, kl, w, omega, dMoments) = (t.New(Rows, 2 * Columns), t.New(Rows, 1), t.New(Rows, 1), t.Scalar(0.75), t.New(Rows, 2 * Columns));
        var ps = t.Read(p);
        var q = t.Of(Rows, 2 * Columns, (r, c) => ps[r, c] + apart * (2 * t.Random.NextDouble() - 1));
        var (qs, ws) = (t.Read(q), t.Read(w));
        double LogRho(int r, int c) => qs[r, Columns + c] - ps[r, Columns + c];
        double Difference(int r, int c) => qs[r, c] - ps[r, c];
        device.GaussianKlForward(q, p, kl, Identity);
        var actual = t.Read(kl);
        for (var r = 0; r < Rows; r++)
        {
            // Rounding of each term's largest part, which is the logarithm's.
            var expected = 0.5 * Sum(Columns, c => ExpM1(LogRho(r, c)) - LogRho(r, c) + Difference(r, c) * Difference(r, c) * Math.Exp(-ps[r, Columns + c]));
            Assert.Equal(expected, actual[r, 0], 1e-6 * expected + 1.2e-7 * Sum(Columns, c => Math.Abs(LogRho(r, c))));
        }

        device.GaussianKlBackward(q, p, w, omega, dMoments, Identity);
        var gradients = t.Read(dMoments);
        for (var r = 0; r < Rows; r++)
        {
            for (var c = 0; c < Columns; c++)
            {
                var expected = 0.5 * 0.75 * ws[r, 0] * ExpM1(LogRho(r, c));
                Assert.Equal(expected, gradients[r, Columns + c], 5e-7 * Math.Abs(expected) + 1e-45);
            }
        }

        // By its series where the difference would cancel.
        static double ExpM1(double x) => Math.Abs(x) < 0.05 ? x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))) : Math.Exp(x) - 1;
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Gaussian_log_densities(int rows, int columns) => Run((device, t) =>
    {
        foreach (var given in new[] { true, false })
        {
            var (target, output, result) = (t.New(rows, columns, 2), t.New(rows, 2 * columns, 2), t.New(rows, 1));
            var (targets, outputs) = (t.Read(target), t.Read(output));
            device.GaussianLogDensityForward(target, given ? output : default, result, -1, Identity);
            t.Read(result).AssertIs((r, _) => 0.5 * Sum(columns, c =>
            {
                var (mean, lambda) = given ? (outputs[r, c], Clamped(outputs[r, columns + c])) : (0, 0);
                return Math.Log(2 * Math.PI) + lambda + (targets[r, c] - mean) * (targets[r, c] - mean) * Math.Exp(-lambda);
            }));
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Gradients_of_gaussian_log_densities(int rows, int columns) => Run((device, t) =>
    {
        foreach (var (through, inPlace, wantsTarget, masked, accumulate, head) in new[]
        {
            (true, true, true, true, true, Tanh), (true, false, true, false, false, Identity), (false, false, true, false, false, Identity),
            (false, false, false, false, false, Tanh), (true, true, false, false, false, Identity),
        })
        {
            var (target, output, w, coefficient) = (t.New(rows, columns, 2), t.New(rows, 2 * columns, 2), t.New(rows, 1), t.Scalar(0.6));
            var (dOutput, dTarget, mask) = (inPlace ? output : t.New(rows, 2 * columns), t.New(rows, columns), t.Of(rows, 1, (r, _) => r % 2));
            var (targets, outputs, ws, before) = (t.Read(target), t.Read(output), t.Read(w), t.Read(dTarget));
            device.GaussianLogDensityBackward(target, output, w, coefficient, dOutput, through, wantsTarget ? dTarget : default, masked ? mask : default,
                accumulate, head);
            var cw = (int r) => 0.6f * ws[r, 0];
            double Residual(int r, int c) => targets[r, c] - outputs[r, c];
            double Precision(int r, int c) => Math.Exp(-Clamped(outputs[r, columns + c]));
            t.Read(dOutput).AssertIs((r, c) => c < columns
                ? -cw(r) * Residual(r, c) * Precision(r, c) * (through && head.TanhMean ? 1 - outputs[r, c] * outputs[r, c] : 1)
                : 0.5 * cw(r) * (1 - Residual(r, c - columns) * Residual(r, c - columns) * Precision(r, c - columns))
                    * (through ? Gate(outputs[r, c]) : 1), 4e-6);
            if (wantsTarget)
                t.Read(dTarget).AssertIs((r, c) => (accumulate ? before[r, c] : 0) + (masked ? r % 2 : 1) * cw(r) * Residual(r, c) * Precision(r, c), 4e-6);
        }
    });
}
