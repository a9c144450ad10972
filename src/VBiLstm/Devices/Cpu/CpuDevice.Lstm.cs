using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
    {
        var job = new CellForward
        {
            Gates = gates,
            Addend = addend,
            CPrevious = cPrevious,
            Validity = validity,
            C = c,
            TanhC = tanhC,
            H = h,
            UpdateMask = updateMask,
        };
        ForElements(job, h.Rows, 16 * h.Columns);
    }

    private protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
    {
        var job = new CellBackward
        {
            Gates = gates,
            CPrevious = cPrevious,
            TanhC = tanhC,
            DH1 = dh1,
            DH2 = dh2,
            Validity = validity,
            DC = dc,
            UpdateMask = updateMask,
        };
        ForElements(job, dc.Rows, 8 * dc.Columns);
    }

    struct CellForward : IElementJob
    {
        public Tensor Gates, Addend, CPrevious, Validity, C, TanhC, H, UpdateMask;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = H.Columns;
            for (var row = start; row < end; row++)
            {
                var gates = Row(Gates, row);
                var addend = Addend.IsEmpty ? null : Row(Addend, row);
                var v = T.Create(Validity.IsEmpty ? 1 : *Row(Validity, row));
                float* cPrevious = Row(CPrevious, row), c = Row(C, row), tanhC = Row(TanhC, row), h = Row(H, row);
                var mask = RowOrNull(UpdateMask, row);

                // Gates first: in short loops the processor works on several vectors at once.
                Sigmoids<T>(gates, addend, 0, 2 * n);
                Tanhs<T>(gates, addend, 2 * n, 3 * n);
                Sigmoids<T>(gates, addend, 3 * n, 4 * n);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    State(n, gates + j, cPrevious + j, At(mask, j), v, c + j, tanhC + j, h + j, T.Width);
                if (j < n)
                    State(n, gates + j, cPrevious + j, At(mask, j), v, c + j, tanhC + j, h + j, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void State<T>(int n, float* gates, float* cPrevious, float* mask, T v, float* c, float* tanhC, float* h, int left) where T : unmanaged, ILanes<T>
        {
            var cell = Lanes.Load<T>(gates, left) * Lanes.Load<T>(gates + 2 * n, left);
            if (mask != null)
                cell *= Lanes.Load<T>(mask, left);
            cell = T.MultiplyAdd(Lanes.Load<T>(gates + n, left), Lanes.Load<T>(cPrevious, left), cell);
            var theta = VectorMath.Tanh(cell);
            Lanes.Store(theta, tanhC, left);
            Lanes.Store(v * cell, c, left);
            Lanes.Store(v * (Lanes.Load<T>(gates + 3 * n, left) * theta), h, left);
        }

        static void Sigmoids<T>(float* gates, float* addend, int start, int end) where T : unmanaged, ILanes<T>
        {
            var at = start;
            for (; at < start + Lanes.Whole<T>(end - start); at += T.Width)
                Lanes.Store(VectorMath.Sigmoid(PreActivation<T>(gates, addend, at, T.Width)), gates + at, T.Width);
            if (at < end)
                Lanes.Store(VectorMath.Sigmoid(PreActivation<T>(gates, addend, at, end - at)), gates + at, end - at);
        }

        static void Tanhs<T>(float* gates, float* addend, int start, int end) where T : unmanaged, ILanes<T>
        {
            var at = start;
            for (; at < start + Lanes.Whole<T>(end - start); at += T.Width)
                Lanes.Store(VectorMath.Tanh(PreActivation<T>(gates, addend, at, T.Width)), gates + at, T.Width);
            if (at < end)
                Lanes.Store(VectorMath.Tanh(PreActivation<T>(gates, addend, at, end - at)), gates + at, end - at);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static T PreActivation<T>(float* gates, float* addend, int at, int left) where T : unmanaged, ILanes<T>
        {
            var a = Lanes.Load<T>(gates + at, left);
            if (addend != null)
                a += Lanes.Load<T>(addend + at, left);
            return a;
        }
    }

    struct CellBackward : IElementJob
    {
        public Tensor Gates, CPrevious, TanhC, DH1, DH2, Validity, DC, UpdateMask;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = DC.Columns;
            for (var row = start; row < end; row++)
            {
                var v = T.Create(Validity.IsEmpty ? 1 : *Row(Validity, row));
                float* gates = Row(Gates, row), cPrevious = Row(CPrevious, row), tanhC = Row(TanhC, row), dc = Row(DC, row);
                float* dh1 = RowOrNull(DH1, row), dh2 = RowOrNull(DH2, row), mask = RowOrNull(UpdateMask, row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    GateGradients(n, gates + j, cPrevious + j, tanhC + j, At(dh1, j), At(dh2, j), At(mask, j), v, dc + j, T.Width);
                if (j < n)
                    GateGradients(n, gates + j, cPrevious + j, tanhC + j, At(dh1, j), At(dh2, j), At(mask, j), v, dc + j, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void GateGradients<T>(int n, float* gates, float* cPrevious, float* tanhC, float* dh1, float* dh2, float* mask, T v, float* dc,
            int left) where T : unmanaged, ILanes<T>
        {
            var one = T.One;
            var dh = T.Zero;
            if (dh1 != null)
                dh += Lanes.Load<T>(dh1, left);
            if (dh2 != null)
                dh += Lanes.Load<T>(dh2, left);
            dh *= v;
            var i = Lanes.Load<T>(gates, left);
            var f = Lanes.Load<T>(gates + n, left);
            var u = Lanes.Load<T>(gates + 2 * n, left);
            var o = Lanes.Load<T>(gates + 3 * n, left);
            var theta = Lanes.Load<T>(tanhC, left);
            var dcHat = v * Lanes.Load<T>(dc, left) + dh * o * (one - theta * theta);
            var dUpdate = mask == null ? dcHat : dcHat * Lanes.Load<T>(mask, left);
            Lanes.Store(dUpdate * u * i * (one - i), gates, left);
            Lanes.Store(dcHat * Lanes.Load<T>(cPrevious, left) * f * (one - f), gates + n, left);
            Lanes.Store(dUpdate * i * (one - u * u), gates + 2 * n, left);
            Lanes.Store(dh * theta * o * (one - o), gates + 3 * n, left);
            Lanes.Store(dcHat * f, dc, left);
        }
    }
}
