using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    public override void LstmCellForward(Tensor gates, Tensor addend1, Tensor addend2, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h)
    {
        CheckShape(gates.Columns == 4 * h.Columns);
        ForRows(new CellForward { Gates = gates, Addend1 = addend1, Addend2 = addend2, CPrevious = cPrevious, Validity = validity, C = c, TanhC = tanhC, H = h },
            h.Rows, 16 * h.Columns);
    }

    public override void LstmCellBackward(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc)
    {
        CheckShape(gates.Columns == 4 * dc.Columns);
        ForRows(new CellBackward { Gates = gates, CPrevious = cPrevious, TanhC = tanhC, DH1 = dh1, DH2 = dh2, Validity = validity, DC = dc }, dc.Rows, 8 * dc.Columns);
    }

    struct CellForward : IRangeJob
    {
        public Tensor Gates, Addend1, Addend2, CPrevious, Validity, C, TanhC, H;

        public readonly void Execute(int start, int end)
        {
            var n = H.Columns;
            for (var row = start; row < end; row++)
            {
                var gates = Row(Gates, row);
                float* addend1 = Addend1.IsEmpty ? null : Row(Addend1, row), addend2 = Addend2.IsEmpty ? null : Row(Addend2, row);
                var v = new Vector<float>(Validity.IsEmpty ? 1 : *Row(Validity, row));
                float* cPrevious = Row(CPrevious, row), c = Row(C, row), tanhC = Row(TanhC, row), h = Row(H, row);
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var i = VectorMath.Sigmoid(PreActivation(gates, addend1, addend2, j, left));
                    var f = VectorMath.Sigmoid(PreActivation(gates, addend1, addend2, n + j, left));
                    var u = VectorMath.Tanh(PreActivation(gates, addend1, addend2, 2 * n + j, left));
                    var o = VectorMath.Sigmoid(PreActivation(gates, addend1, addend2, 3 * n + j, left));
                    var cell = Vector.MultiplyAddEstimate(f, Lanes.Load(cPrevious + j, left), i * u);
                    var theta = VectorMath.Tanh(cell);
                    Lanes.Store(i, gates + j, left);
                    Lanes.Store(f, gates + n + j, left);
                    Lanes.Store(u, gates + 2 * n + j, left);
                    Lanes.Store(o, gates + 3 * n + j, left);
                    Lanes.Store(theta, tanhC + j, left);
                    Lanes.Store(v * cell, c + j, left);
                    Lanes.Store(v * (o * theta), h + j, left);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> PreActivation(float* gates, float* addend1, float* addend2, int at, int left)
    {
        var a = Lanes.Load(gates + at, left);
        if (addend1 != null)
            a += Lanes.Load(addend1 + at, left);
        if (addend2 != null)
            a += Lanes.Load(addend2 + at, left);
        return a;
    }

    struct CellBackward : IRangeJob
    {
        public Tensor Gates, CPrevious, TanhC, DH1, DH2, Validity, DC;

        public readonly void Execute(int start, int end)
        {
            var n = DC.Columns;
            var one = Vector<float>.One;
            for (var row = start; row < end; row++)
            {
                var v = new Vector<float>(Validity.IsEmpty ? 1 : *Row(Validity, row));
                float* gates = Row(Gates, row), cPrevious = Row(CPrevious, row), tanhC = Row(TanhC, row), dc = Row(DC, row);
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var dh = Vector<float>.Zero;
                    if (!DH1.IsEmpty)
                        dh += Lanes.Load(Row(DH1, row) + j, left);
                    if (!DH2.IsEmpty)
                        dh += Lanes.Load(Row(DH2, row) + j, left);
                    dh *= v;
                    var i = Lanes.Load(gates + j, left);
                    var f = Lanes.Load(gates + n + j, left);
                    var u = Lanes.Load(gates + 2 * n + j, left);
                    var o = Lanes.Load(gates + 3 * n + j, left);
                    var theta = Lanes.Load(tanhC + j, left);
                    var dcHat = v * Lanes.Load(dc + j, left) + dh * o * (one - theta * theta);
                    Lanes.Store(dcHat * u * i * (one - i), gates + j, left);
                    Lanes.Store(dcHat * Lanes.Load(cPrevious + j, left) * f * (one - f), gates + n + j, left);
                    Lanes.Store(dcHat * i * (one - u * u), gates + 2 * n + j, left);
                    Lanes.Store(dh * theta * o * (one - o), gates + 3 * n + j, left);
                    Lanes.Store(dcHat * f, dc + j, left);
                }
            }
        }
    }
}
