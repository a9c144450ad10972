namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void NormStabiliserForwardCore(Tensor h, Tensor result)
        => ForRows(new StabiliserForward { H = h, Result = result }, result.Rows, 4 * h.Columns);

    private protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
        => ForElements(new StabiliserBackward { H = h, W = w, Coefficient = coefficient, DH = dh }, h.Rows, 8 * h.Columns);

    private protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result)
        => ForElements(new EuclideanForward { X = x, Target = target, Result = result }, x.Rows, 2 * x.Columns);

    private protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
        => ForElements(new EuclideanBackward { X = x, Target = target, W = w, Coefficient = coefficient, DX = dx }, x.Rows, 4 * x.Columns);

    static double Norm(float* h, int n) => Math.Sqrt(SquareSum(h, n));

    static float Distance<T>(float* x, float* target, int n) where T : unmanaged, ILanes<T>
    {
        var sum = T.Zero;
        for (var j = 0; j < n; j += T.Width)
        {
            var difference = Lanes.Load<T>(x + j, n - j) - Lanes.Load<T>(target + j, n - j);
            sum = T.AccumulateSquares(sum, difference);
        }

        return MathF.Sqrt(T.Sum(sum));
    }

    struct StabiliserForward : IRangeJob
    {
        public Tensor H, Result;

        public readonly void Execute(int start, int end)
        {
            var batch = H.Rows - Result.Rows;
            for (var row = start; row < end; row++)
            {
                var difference = Norm(Row(H, row + batch), H.Columns) - Norm(Row(H, row), H.Columns);
                *Row(Result, row) = (float)(difference * difference);
            }
        }
    }

    struct StabiliserBackward : IElementJob
    {
        public Tensor H, W, DH;
        public float Coefficient;

        // A state is the later one of a step and the earlier one of the next.
        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = H.Columns;
            var batch = H.Rows - W.Rows;
            for (var row = start; row < end; row++)
            {
                float* h = Row(H, row), dh = Row(DH, row);
                var norm = Norm(h, n);
                if (norm == 0)
                    continue;
                var slope = 0.0;
                if (row >= batch)
                    slope += *Row(W, row - batch) * (norm - Norm(Row(H, row - batch), n));
                if (row < W.Rows)
                    slope -= *Row(W, row) * (Norm(Row(H, row + batch), n) - norm);
                var scale = T.Create((float)(2 * Coefficient * slope / norm));
                for (var j = 0; j < n; j += T.Width)
                    Lanes.Store(T.MultiplyAdd(scale, Lanes.Load<T>(h + j, n - j), Lanes.Load<T>(dh + j, n - j)), dh + j, n - j);
            }
        }
    }

    struct EuclideanForward : IElementJob
    {
        public Tensor X, Target, Result;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            for (var row = start; row < end; row++)
                *Row(Result, row) = Distance<T>(Row(X, row), Row(Target, row), X.Columns);
        }
    }

    struct EuclideanBackward : IElementJob
    {
        public Tensor X, Target, W, Coefficient, DX;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = X.Columns;
            for (var row = start; row < end; row++)
            {
                float* x = Row(X, row), target = Row(Target, row), dx = Row(DX, row);
                var distance = Distance<T>(x, target, n);

                // The norm has no gradient at zero; of its subgradients zero is the one that leaves what fits alone.
                var scale = T.Create(distance == 0 ? 0 : *Start(Coefficient) * *Row(W, row) / distance);
                for (var j = 0; j < n; j += T.Width)
                    Lanes.Store(scale * (Lanes.Load<T>(x + j, n - j) - Lanes.Load<T>(target + j, n - j)), dx + j, n - j);
            }
        }
    }
}
