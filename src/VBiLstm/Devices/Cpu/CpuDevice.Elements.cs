namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void AddCore(Tensor x, Tensor addend, Tensor y) => ForElements(new Sum { X = x, Addend = addend, Y = y }, x.Rows, x.Columns);

    private protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate)
        => ForElements(new Product { X = x, Mask = mask, Y = y, Accumulate = accumulate }, x.Rows, x.Columns);

    private protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
        => ForElements(new MixForward { Previous = previous, Candidate = candidate, Keep = keep, Y = y }, y.Rows, 2 * y.Columns);

    private protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => ForElements(new MixGradients { DY1 = dy1, DY2 = dy2, Keep = keep, DPrevious = dPrevious, DCandidate = dCandidate, Accumulate = accumulatePrevious },
            dCandidate.Rows, 2 * dCandidate.Columns);

    struct Sum : IElementJob
    {
        public Tensor X, Addend, Y;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = X.Columns;
            for (var row = start; row < end; row++)
            {
                float* x = Row(X, row), addend = Row(Addend, row % Addend.Rows), y = Row(Y, row);
                for (var j = 0; j < n; j += T.Width)
                    Lanes.Store(Lanes.Load<T>(x + j, n - j) + Lanes.Load<T>(addend + j, n - j), y + j, n - j);
            }
        }
    }

    struct Product : IElementJob
    {
        public Tensor X, Mask, Y;
        public bool Accumulate;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = X.Columns;
            for (var row = start; row < end; row++)
            {
                float* x = Row(X, row), mask = Row(Mask, row % Mask.Rows), y = Row(Y, row);
                for (var j = 0; j < n; j += T.Width)
                {
                    var value = Lanes.Load<T>(x + j, n - j) * Lanes.Load<T>(mask + j, n - j);
                    if (Accumulate)
                        value += Lanes.Load<T>(y + j, n - j);
                    Lanes.Store(value, y + j, n - j);
                }
            }
        }
    }

    struct MixForward : IElementJob
    {
        public Tensor Previous, Candidate, Keep, Y;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Y.Columns;
            for (var row = start; row < end; row++)
            {
                float* previous = Row(Previous, row), candidate = Row(Candidate, row), keep = Row(Keep, row % Keep.Rows), y = Row(Y, row);
                for (var j = 0; j < n; j += T.Width)
                {
                    // As a sum of two products, which is exact where keep is 0 or 1.
                    var k = Lanes.Load<T>(keep + j, n - j);
                    Lanes.Store(k * Lanes.Load<T>(previous + j, n - j) + (T.One - k) * Lanes.Load<T>(candidate + j, n - j), y + j, n - j);
                }
            }
        }
    }

    struct MixGradients : IElementJob
    {
        public Tensor DY1, DY2, Keep, DPrevious, DCandidate;
        public bool Accumulate;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = DCandidate.Columns;
            for (var row = start; row < end; row++)
            {
                float* dy1 = DY1.IsEmpty ? null : Row(DY1, row), dy2 = DY2.IsEmpty ? null : Row(DY2, row);
                float* keep = Row(Keep, row % Keep.Rows), dPrevious = DPrevious.IsEmpty ? null : Row(DPrevious, row), dCandidate = Row(DCandidate, row);
                for (var j = 0; j < n; j += T.Width)
                {
                    var d = T.Zero;
                    if (dy1 != null)
                        d += Lanes.Load<T>(dy1 + j, n - j);
                    if (dy2 != null)
                        d += Lanes.Load<T>(dy2 + j, n - j);
                    var k = Lanes.Load<T>(keep + j, n - j);
                    if (dPrevious != null)
                        Lanes.Store(Accumulate ? Lanes.Load<T>(dPrevious + j, n - j) + k * d : k * d, dPrevious + j, n - j);
                    Lanes.Store((T.One - k) * d, dCandidate + j, n - j);
                }
            }
        }
    }
}
