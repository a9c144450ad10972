using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        MultiplyCore(x, w, bias, y, accumulate: false);
        LeakyReluForwardCore(y, default, y, phi);
    }

    protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
        => ForRows(new ReluForward { X = x, Addend = addend, Y = y, Phi = phi }, x.Rows, x.Columns);

    protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => ForRows(new ReluBackward { DY = dy, Y = y, DX = dx, Mask = mask, MaskedDX = maskedDx, Phi = phi }, y.Rows, y.Columns);

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
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Values(x + j, addend == null ? null : addend + j, y + j, slope, clip, Lanes.Width);
                if (j < n)
                    Values(x + j, addend == null ? null : addend + j, y + j, slope, clip, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Values(float* x, float* addend, float* y, Vector<float> slope, Vector<float> clip, int left)
        {
            var a = Lanes.Load(x, left);
            if (addend != null)
                a += Lanes.Load(addend, left);

            // Selects, not Min and Max: a NaN must come through.
            var value = Vector.ConditionalSelect(Vector.LessThanOrEqual(a, Vector<float>.Zero), slope * a, a);
            value = Vector.ConditionalSelect(Vector.GreaterThan(value, clip), clip, value);
            value = Vector.ConditionalSelect(Vector.LessThan(value, -clip), -clip, value);
            Lanes.Store(value, y, left);
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
                var maskedDx = Mask.IsEmpty ? null : Row(MaskedDX, row);
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Gradients(dy + j, y + j, dx + j, mask, maskedDx == null ? null : maskedDx + j, slope, clip, Lanes.Width);
                if (j < n)
                    Gradients(dy + j, y + j, dx + j, mask, maskedDx == null ? null : maskedDx + j, slope, clip, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Gradients(float* dy, float* y, float* dx, Vector<float> mask, float* maskedDx, Vector<float> slope, Vector<float> clip, int left)
        {
            var value = Lanes.Load(y, left);
            var d = Lanes.Load(dy, left);
            d = Vector.ConditionalSelect(Vector.GreaterThan(value, Vector<float>.Zero), d, slope * d);

            // An output at ±C was clipped: the forward pass reaches it exactly only by clipping.
            d = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(Vector.Abs(value), clip), Vector<float>.Zero, d);
            Lanes.Store(d, dx, left);
            if (maskedDx != null)
                Lanes.Store(mask * d, maskedDx, left);
        }
    }
}
