using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Sums_of_rows_that_repeat(int rows, int columns) => Run((device, t) =>
    {
        foreach (var blocks in new[] { 1, 3, rows })
        {
            // As many rows as there are, one for every time step, or one for all.
            var (total, repeated) = blocks == rows ? (rows, 1) : (rows * blocks, rows);
            var (x, addend, y) = (t.New(total, columns), t.New(repeated, columns), t.New(total, columns));
            var (xs, addends) = (t.Read(x), t.Read(addend));
            double Total(int r, int c) => xs[r, c] + addends[r % repeated, c];
            device.Add(x, addend, y);
            t.Read(y).AssertIs(Total, 1e-7);
            device.Add(x, addend, x);
            t.Read(x).AssertIs(Total, 1e-7);
            if (repeated != total)
                continue;
            device.Add(y, addend, addend);
            t.Read(addend).AssertIs((r, c) => Total(r, c) + addends[r, c], 2e-7);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Products_with_masks_of_elements(int rows, int columns) => Run((device, t) =>
    {
        foreach (var steps in new[] { 1, 4 })
        {
            var (x, y, mask) = (t.New(rows * steps, columns), t.New(rows * steps, columns), t.Of(rows, columns, (_, _) => t.Random.Next(2) / 0.75));
            var (xs, ys, masks) = (t.Read(x), t.Read(y), t.Read(mask));
            double Product(int r, int c) => xs[r, c] * masks[r % rows, c];
            device.MultiplyElements(x, mask, y, accumulate: true);
            t.Read(y).AssertIs((r, c) => ys[r, c] + Product(r, c), 2e-7);
            device.MultiplyElements(x, mask, y, accumulate: false);
            t.Read(y).AssertIs(Product, 1e-7);
            device.MultiplyElements(x, mask, x, accumulate: false);
            t.Read(x).AssertIs(Product, 1e-7);
        }
    });

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Mixtures_of_states_and_their_gradients(int rows, int columns) => Run((device, t) =>
    {
        foreach (var (drawn, keepRows) in new[] { (true, rows), (false, rows), (false, 1) })
        {
            var keep = t.Of(keepRows, columns, (_, _) => drawn ? t.Random.Next(2) : 0.3);
            var (previous, candidate, y) = (t.New(rows, columns), t.New(rows, columns), t.New(rows, columns));
            var (previouses, candidates, keeps) = (t.Read(previous), t.Read(candidate), t.Read(keep));
            double Keep(int r, int c) => keeps[r % keepRows, c];
            double Mixed(int r, int c) => Keep(r, c) * previouses[r, c] + (1 - Keep(r, c)) * candidates[r, c];

            // Drawn masks choose, exactly.
            var tolerance = drawn ? 0 : 2e-7;
            device.Mix(previous, candidate, keep, y);
            t.Read(y).AssertIs(Mixed, tolerance);
            device.Mix(previous, candidate, keep, candidate);
            t.Read(candidate).AssertIs(Mixed, tolerance);

            var (dy1, dy2, dPrevious, dCandidate) = (t.New(rows, columns), t.New(rows, columns), t.New(rows, columns), t.New(rows, columns));
            var (dy1s, dy2s, before) = (t.Read(dy1), t.Read(dy2), t.Read(dPrevious));
            device.MixBackward(dy1, dy2, keep, dPrevious, dCandidate, accumulatePrevious: true);
            t.Read(dPrevious).AssertIs((r, c) => before[r, c] + Keep(r, c) * (dy1s[r, c] + dy2s[r, c]), 4e-7);
            t.Read(dCandidate).AssertIs((r, c) => (1 - Keep(r, c)) * (dy1s[r, c] + dy2s[r, c]), 4e-7);
            device.MixBackward(dy1, default, keep, dPrevious, dCandidate, accumulatePrevious: false);
            t.Read(dPrevious).AssertIs((r, c) => Keep(r, c) * dy1s[r, c], 2e-7);
            t.Read(dCandidate).AssertIs((r, c) => (1 - Keep(r, c)) * dy1s[r, c], 2e-7);
            device.MixBackward(default, dy2, keep, default, dy2, accumulatePrevious: false);
            t.Read(dy2).AssertIs((r, c) => (1 - Keep(r, c)) * dy2s[r, c], 2e-7);
            device.MixBackward(dy1, default, keep, dy1, dCandidate, accumulatePrevious: false);
            t.Read(dy1).AssertIs((r, c) => Keep(r, c) * dy1s[r, c], 2e-7);
        }
    });
}
