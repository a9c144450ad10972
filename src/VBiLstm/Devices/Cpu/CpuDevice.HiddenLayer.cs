using System.Numerics;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    public override void LeakyReluForward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
    {
        CheckShape(x.Rows == y.Rows && x.Columns == y.Columns && (addend.IsEmpty || (addend.Columns == x.Columns && (addend.Rows == x.Rows || addend.Rows == 1))));
        ForRows(new ReluForward { X = x, Addend = addend, Y = y, Phi = phi }, x.Rows, x.Columns);
    }

    public override void LeakyReluBackward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        CheckShape(dy.Rows == y.Rows && dy.Columns == y.Columns && dx.Rows == y.Rows && dx.Columns == y.Columns);
        ForRows(new ReluBackward { DY = dy, Y = y, DX = dx, Mask = mask, MaskedDX = maskedDx, Phi = phi }, y.Rows, y.Columns);
    }

    struct ReluForward : IRangeJob
    {
        public Tensor X, Addend, Y;
        public LeakyRelu Phi;

        public readonly void Execute(int start, int end)
        {
            var n = X.Columns;
            var slope = new Vector<float>(Phi.Slope);
            var clip = new Vector<float>(Phi.Clip);
            for (var row = start; row < end; row++)
            {
                float* x = Row(X, row), y = Row(Y, row), addend = Addend.IsEmpty ? null : Row(Addend, Addend.Rows == 1 ? 0 : row);
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var a = Lanes.Load(x + j, n - j);
                    if (addend != null)
                        a += Lanes.Load(addend + j, n - j);

                    // Selects, not Min and Max: a NaN must come through.
                    var value = Vector.ConditionalSelect(Vector.LessThanOrEqual(a, Vector<float>.Zero), slope * a, a);
                    value = Vector.ConditionalSelect(Vector.GreaterThan(value, clip), clip, value);
                    value = Vector.ConditionalSelect(Vector.LessThan(value, -clip), -clip, value);
                    Lanes.Store(value, y + j, n - j);
                }
            }
        }
    }

    struct ReluBackward : IRangeJob
    {
        public Tensor DY, Y, DX, Mask, MaskedDX;
        public LeakyRelu Phi;

        public readonly void Execute(int start, int end)
        {
            var n = Y.Columns;
            var slope = new Vector<float>(Phi.Slope);
            var clip = new Vector<float>(Phi.Clip);
            for (var row = start; row < end; row++)
            {
                float* dy = Row(DY, row), y = Row(Y, row), dx = Row(DX, row);
                var mask = new Vector<float>(Mask.IsEmpty ? 1 : *Row(Mask, row));
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var value = Lanes.Load(y + j, n - j);
                    var d = Lanes.Load(dy + j, n - j);
                    d = Vector.ConditionalSelect(Vector.GreaterThan(value, Vector<float>.Zero), d, slope * d);

                    // An output at ±C was clipped: the forward pass reaches it exactly only by clipping.
                    d = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(Vector.Abs(value), clip), Vector<float>.Zero, d);
                    Lanes.Store(d, dx + j, n - j);
                    if (!Mask.IsEmpty)
                        Lanes.Store(mask * d, Row(MaskedDX, row) + j, n - j);
                }
            }
        }
    }
}
