using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

public abstract partial class DeviceOperationTests
{
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Lstm_cells_forward_and_backward(int rows, int h) => Run((device, t) =>
    {
        foreach (var (hasAddend, hasValidity, hasSecond, hasMask) in new[]
        {
            (true, true, true, false), (false, false, false, false), (true, false, true, false), (true, true, true, true), (false, false, true, true),
        })
        {
            // Recurrent dropout: c = f c_prev + i (m u), the gates keep u.
            var mask = t.Of(rows, h, (_, _) => hasMask ? t.Random.Next(2) / 0.75 : 1);
            var masks = t.Read(mask);
            var (gates, addend, previous) = (t.New(rows, 4 * h, 3), t.New(rows, 4 * h, 3), t.New(rows, h, 2));
            var validity = t.Of(rows, 1, (r, _) => hasValidity ? (r + 1) % 2 : 1);
            var (c, tanhC, hidden) = (t.New(rows, h), t.New(rows, h), t.New(rows, h));
            var (a, addends, previousCells) = (t.Read(gates), t.Read(addend), t.Read(previous));
            double Raw(int r, int gate, int j) => a[r, gate * h + j] + (hasAddend ? addends[r, gate * h + j] : 0);
            double Gate(int r, int gate, int j) => gate == 2 ? Math.Tanh(Raw(r, gate, j)) : Sigmoid(Raw(r, gate, j));
            double V(int r) => hasValidity ? (r + 1) % 2 : 1;
            double Cell(int r, int j) => Gate(r, 1, j) * previousCells[r, j] + Gate(r, 0, j) * masks[r, j] * Gate(r, 2, j);
            device.LstmCellForward(gates, hasAddend ? addend : default, previous, hasValidity ? validity : default, c, tanhC, hidden, hasMask ? mask : default);
            t.Read(gates).AssertIs((r, j) => Gate(r, j / h, j % h));

            // A cell alone may be a small difference of its two terms.
            var tolerance = rows * h == 1 ? 2e-5 : 2e-6;
            t.Read(c).AssertIs((r, j) => V(r) * Cell(r, j), tolerance);
            t.Read(tanhC).AssertIs((r, j) => Math.Tanh(Cell(r, j)), tolerance);
            t.Read(hidden).AssertIs((r, j) => V(r) * Gate(r, 3, j) * Math.Tanh(Cell(r, j)), tolerance);

            var (dh1, dh2, dc) = (t.New(rows, h), t.New(rows, h), t.New(rows, h));
            var (dh1s, dh2s, dcs) = (t.Read(dh1), t.Read(dh2), t.Read(dc));
            double DH(int r, int j) => V(r) * (dh1s[r, j] + (hasSecond ? dh2s[r, j] : 0));
            double DC(int r, int j)
            {
                var theta = Math.Tanh(Cell(r, j));
                return V(r) * dcs[r, j] + DH(r, j) * Gate(r, 3, j) * (1 - theta * theta);
            }

            device.LstmCellBackward(gates, previous, tanhC, dh1, hasSecond ? dh2 : default, hasValidity ? validity : default, dc, hasMask ? mask : default);
            t.Read(dc).AssertIs((r, j) => DC(r, j) * Gate(r, 1, j), 4e-6);
            t.Read(gates).AssertIs((r, column) =>
            {
                var (gate, j) = (column / h, column % h);
                var (i, f, u, o) = (Gate(r, 0, j), Gate(r, 1, j), Gate(r, 2, j), Gate(r, 3, j));
                return gate switch
                {
                    0 => DC(r, j) * masks[r, j] * u * i * (1 - i),
                    1 => DC(r, j) * previousCells[r, j] * f * (1 - f),
                    2 => DC(r, j) * i * masks[r, j] * (1 - u * u),
                    _ => DH(r, j) * Math.Tanh(Cell(r, j)) * o * (1 - o),
                };
            }, 4e-6);
        }
    });
}
