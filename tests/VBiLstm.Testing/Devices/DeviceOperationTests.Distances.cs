using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    /// <summary>Steps, batch and columns.</summary>
    public static TheoryData<int, int, int> SequenceSizes => new()
    {
        { 1, 1, 1 }, { 4, 3, 5 }, { 2, 17, 33 }, { 11, 1, 200 }, { 1, 33, 1025 }, { 40, 26, 7 },
    };

    [Theory]
    [MemberData(nameof(SequenceSizes))]
    public void Norm_stabilisers_and_their_gradients(int steps, int batch, int columns) => Run((device, t) =>
    {
        // States change little, so that the norms' difference cancels; one of them is zero.
        var rows = steps * batch;
        var start = t.Random.NextDouble();
        var h = t.Of(rows + batch, columns, (r, c) => r == batch - 1 ? 0 : 1 + start + c % 3 + 1e-3 * t.Random.NextDouble());
        var (result, w, dh) = (t.New(rows, 1), t.New(rows, 1), t.New(rows + batch, columns));
        var (hs, ws, before) = (t.Read(h), t.Read(w), t.Read(dh));
        double[] norms = [.. Enumerable.Range(0, rows + batch).Select(r => Math.Sqrt(Sum(columns, c => hs[r, c] * hs[r, c])))];
        double Difference(int r) => norms[r + batch] - norms[r];
        device.NormStabiliserForward(h, result);
        var stabilisers = t.Read(result);
        for (var r = 0; r < rows; r++)
            Assert.Equal(Difference(r) * Difference(r), stabilisers[r, 0], 1e-6 * Difference(r) * Difference(r));

        device.Zero(dh);
        device.NormStabiliserBackward(h, w, 0.7f, dh);
        var gradient = t.Read(dh);
        for (var r = 0; r < rows + batch; r++)
        {
            var slope = norms[r] == 0 ? 0
                : 2 * 0.7f * ((r >= batch ? ws[r - batch, 0] * Difference(r - batch) : 0) - (r < rows ? ws[r, 0] * Difference(r) : 0)) / norms[r];
            for (var c = 0; c < columns; c++)
                Assert.Equal(slope * hs[r, c], gradient[r, c], 1e-6 * Math.Abs(slope * hs[r, c]));
        }

        t.Upload(dh, before);
        device.NormStabiliserBackward(h, w, 0.7f, dh);
        t.Read(dh).AssertIs((r, c) => before[r, c] + gradient[r, c]);
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Distances_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        // The first row is where it should be.
        var (x, result, w, coefficient, dx) = (t.New(rows, columns), t.New(rows, 1), t.New(rows, 1), t.Scalar(0.4), t.New(rows, columns));
        var xs = t.Read(x);
        var target = t.Of(rows, columns, (r, c) => r == 0 ? xs[r, c] : 2 * t.Random.NextDouble() - 1);
        var (targets, ws) = (t.Read(target), t.Read(w));
        double Distance(int r) => Math.Sqrt(Sum(columns, c => (xs[r, c] - targets[r, c]) * (xs[r, c] - targets[r, c])));
        double Gradient(int r, int c) => r == 0 ? 0 : 0.4f * ws[r, 0] * (xs[r, c] - targets[r, c]) / Distance(r);
        device.DistanceForward(x, target, result);
        t.Read(result).AssertIs((r, _) => Distance(r));
        device.DistanceBackward(x, target, w, coefficient, dx);
        t.Read(dx).AssertIs(Gradient);
        device.DistanceBackward(x, target, w, coefficient, x);
        t.Read(x).AssertIs(Gradient);
    });
}
