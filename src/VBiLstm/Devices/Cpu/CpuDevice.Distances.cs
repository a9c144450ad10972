using System.Numerics;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    protected override void NormStabiliserForwardCore(Tensor h, Tensor result)
        => ForRows(new StabiliserForward { H = h, Result = result }, result.Rows, 4 * h.Columns);

    protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
        => ForRows(new StabiliserBackward { H = h, W = w, Coefficient = coefficient, DH = dh }, h.Rows, 8 * h.Columns);

    protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result)
        => ForRows(new EuclideanForward { X = x, Target = target, Result = result }, x.Rows, 2 * x.Columns);

    protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
        => ForRows(new EuclideanBackward { X = x, Target = target, W = w, Coefficient = coefficient, DX = dx }, x.Rows, 4 * x.Columns);

    static double Norm(float* h, int n) => Math.Sqrt(SquareSum(h, n));

    static float Distance(float* x, float* target, int n)
    {
        var sum = Vector<float>.Zero;
        for (var j = 0; j < n; j += Lanes.Width)
        {
            var difference = Lanes.Load(x + j, n - j) - Lanes.Load(target + j, n - j);
            sum = Vector.MultiplyAddEstimate(difference, difference, sum);
        }

        return MathF.Sqrt(Vector.Sum(sum));
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

    struct StabiliserBackward : IRangeJob
    {
        public Tensor H, W, DH;
        public float Coefficient;

        // A state is the later one of a step and the earlier one of the next.
        public readonly void Execute(int start, int end)
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
                var scale = new Vector<float>((float)(2 * Coefficient * slope / norm));
                for (var j = 0; j < n; j += Lanes.Width)
                    Lanes.Store(Vector.MultiplyAddEstimate(scale, Lanes.Load(h + j, n - j), Lanes.Load(dh + j, n - j)), dh + j, n - j);
            }
        }
    }

    struct EuclideanForward : IRangeJob
    {
        public Tensor X, Target, Result;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
                *Row(Result, row) = Distance(Row(X, row), Row(Target, row), X.Columns);
        }
    }

    struct EuclideanBackward : IRangeJob
    {
        public Tensor X, Target, W, Coefficient, DX;

        public readonly void Execute(int start, int end)
        {
            var n = X.Columns;
            for (var row = start; row < end; row++)
            {
                float* x = Row(X, row), target = Row(Target, row), dx = Row(DX, row);
                var distance = Distance(x, target, n);

                // The norm has no gradient at zero; of its subgradients zero is the one that leaves what fits alone.
                var scale = new Vector<float>(distance == 0 ? 0 : *Start(Coefficient) * *Row(W, row) / distance);
                for (var j = 0; j < n; j += Lanes.Width)
                    Lanes.Store(scale * (Lanes.Load(x + j, n - j) - Lanes.Load(target + j, n - j)), dx + j, n - j);
            }
        }
    }
}
