using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        MultiplyCore(x, w, bias, y, accumulate: false);
        LeakyReluForwardCore(y, default, y, phi);
    }

    private protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
        => ForElements(new ReluForward { X = x, Addend = addend, Y = y, Phi = phi }, x.Rows, x.Columns);

    private protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => ForElements(new ReluBackward { DY = dy, Y = y, DX = dx, Mask = mask, MaskedDX = maskedDx, Phi = phi }, y.Rows, y.Columns);

    struct ReluForward : IElementJob
    {
        public Tensor X, Addend, Y;
        public LeakyRelu Phi;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = X.Columns;
            var slope = T.Create(Phi.Slope);
            var clip = T.Create(Phi.Clip);
            for (var row = start; row < end; row++)
            {
                float* x = Row(X, row), y = Row(Y, row), addend = Addend.IsEmpty ? null : Row(Addend, Addend.Rows == 1 ? 0 : row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Values(x + j, addend == null ? null : addend + j, y + j, slope, clip, T.Width);
                if (j < n)
                    Values(x + j, addend == null ? null : addend + j, y + j, slope, clip, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Values<T>(float* x, float* addend, float* y, T slope, T clip, int left) where T : unmanaged, ILanes<T>
        {
            var a = Lanes.Load<T>(x, left);
            if (addend != null)
                a += Lanes.Load<T>(addend, left);

            // Selects, not Min and Max: a NaN must come through.
            var value = T.Select(T.LessThanOrEqual(a, T.Zero), slope * a, a);
            value = T.Select(T.GreaterThan(value, clip), clip, value);
            value = T.Select(T.LessThan(value, -clip), -clip, value);
            Lanes.Store(value, y, left);
        }
    }

    struct ReluBackward : IElementJob
    {
        public Tensor DY, Y, DX, Mask, MaskedDX;
        public LeakyRelu Phi;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Y.Columns;
            var slope = T.Create(Phi.Slope);
            var clip = T.Create(Phi.Clip);
            for (var row = start; row < end; row++)
            {
                float* dy = Row(DY, row), y = Row(Y, row), dx = Row(DX, row);
                var mask = T.Create(Mask.IsEmpty ? 1 : *Row(Mask, row));
                var maskedDx = Mask.IsEmpty ? null : Row(MaskedDX, row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Gradients(dy + j, y + j, dx + j, mask, maskedDx == null ? null : maskedDx + j, slope, clip, T.Width);
                if (j < n)
                    Gradients(dy + j, y + j, dx + j, mask, maskedDx == null ? null : maskedDx + j, slope, clip, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Gradients<T>(float* dy, float* y, float* dx, T mask, float* maskedDx, T slope, T clip, int left) where T : unmanaged, ILanes<T>
        {
            var value = Lanes.Load<T>(y, left);
            var d = Lanes.Load<T>(dy, left);
            d = T.Select(T.GreaterThan(value, T.Zero), d, slope * d);

            // An output at ±C was clipped: the forward pass reaches it exactly only by clipping.
            d = T.Select(T.GreaterThanOrEqual(T.Abs(value), clip), T.Zero, d);
            Lanes.Store(d, dx, left);
            if (maskedDx != null)
                Lanes.Store(mask * d, maskedDx, left);
        }
    }
}
