using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll)
        => ForRows(new BernoulliForward { Logits = logits, Y = y, Nll = nll }, logits.Rows, 8 * logits.Columns);

    protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w)
        => ForRows(new BernoulliBackward { Logits = logits, Y = y, W = w }, logits.Rows, 8 * logits.Columns);

    protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
        => ForRows(new CategoricalForward { Logits = logits, Y = y, Nll = nll }, logits.Rows, 4 * logits.Columns);

    protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
        => ForRows(new CategoricalBackward { Logits = logits, Y = y, W = w }, logits.Rows, 4 * logits.Columns);

    protected override void SquaredNormForwardCore(Tensor h, Tensor result) => ForRows(new NormForward { H = h, Result = result }, h.Rows, h.Columns);

    protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
        => ForRows(new NormBackward { H = h, W = w, Gamma = gamma, DH = dh }, h.Rows, h.Columns);

    struct BernoulliForward : IRangeJob
    {
        public Tensor Logits, Y, Nll;

        public readonly void Execute(int start, int end)
        {
            var n = Logits.Columns;
            for (var row = start; row < end; row++)
            {
                float* logits = Row(Logits, row), y = Row(Y, row);
                var sum = Vector<float>.Zero;
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    sum += Term(logits + j, y + j, Lanes.Width);
                if (j < n)
                    sum += Lanes.Keep(Term(logits + j, y + j, n - j), n - j);
                *Row(Nll, row) = Vector.Sum(sum);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector<float> Term(float* logits, float* y, int left)
        {
            var o = Lanes.Load(logits, left);

            // softplus(o) = max(o, 0) + log(1 + e^-|o|) neither overflows nor cancels; the select keeps a NaN.
            var positive = Vector.ConditionalSelect(Vector.LessThan(o, Vector<float>.Zero), Vector<float>.Zero, o);
            return positive - Lanes.Load(y, left) * o + VectorMath.Log1P(VectorMath.Exp(-Vector.Abs(o)));
        }
    }

    struct BernoulliBackward : IRangeJob
    {
        public Tensor Logits, Y, W;

        public readonly void Execute(int start, int end)
        {
            var n = Logits.Columns;
            for (var row = start; row < end; row++)
            {
                float* logits = Row(Logits, row), y = Row(Y, row);
                var w = new Vector<float>(*Row(W, row));
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Gradient(logits + j, y + j, w, Lanes.Width);
                if (j < n)
                    Gradient(logits + j, y + j, w, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Gradient(float* logits, float* y, Vector<float> w, int left)
            => Lanes.Store(w * (VectorMath.Sigmoid(Lanes.Load(logits, left)) - Lanes.Load(y, left)), logits, left);
    }

    // The largest logit and the sum of exp(o - largest): the two parts of logsumexp, safe from overflow.
    static (float Largest, float Sum) SoftmaxParts(float* logits, int n)
    {
        // A NaN may be lost here; the sum keeps it.
        var lanes = new Vector<float>(float.NegativeInfinity);
        var whole = Lanes.Whole(n);
        for (var j = 0; j < whole; j += Lanes.Width)
            lanes = Vector.MaxNative(lanes, Vector.Load(logits + j));
        var largest = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes.Width; lane++)
            largest = MathF.Max(largest, lanes[lane]);
        for (var j = whole; j < n; j++)
            largest = MathF.Max(largest, logits[j]);
        var shift = new Vector<float>(largest);
        var sum = Vector<float>.Zero;
        for (var j = 0; j < whole; j += Lanes.Width)
            sum += VectorMath.Exp(Vector.Load(logits + j) - shift);
        if (whole < n)
            sum += Lanes.Keep(VectorMath.Exp(Lanes.Load(logits + whole, n - whole) - shift), n - whole);
        return (largest, Vector.Sum(sum));
    }

    struct CategoricalForward : IRangeJob
    {
        public Tensor Logits, Nll;
        public IdTensor Y;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
            {
                var logits = Row(Logits, row);
                var (largest, sum) = SoftmaxParts(logits, Logits.Columns);
                *Row(Nll, row) = largest + MathF.Log(sum) - logits[((int*)Y.Address)[row]];
            }
        }
    }

    struct CategoricalBackward : IRangeJob
    {
        public Tensor Logits, W;
        public IdTensor Y;

        public readonly void Execute(int start, int end)
        {
            var n = Logits.Columns;
            for (var row = start; row < end; row++)
            {
                var logits = Row(Logits, row);
                var w = *Row(W, row);
                var (largest, sum) = SoftmaxParts(logits, n);
                var shift = new Vector<float>(largest);
                var scale = new Vector<float>(w / sum);
                var whole = Lanes.Whole(n);
                for (var j = 0; j < whole; j += Lanes.Width)
                    (scale * VectorMath.Exp(Vector.Load(logits + j) - shift)).Store(logits + j);
                if (whole < n)
                    Lanes.Store(scale * VectorMath.Exp(Lanes.Load(logits + whole, n - whole) - shift), logits + whole, n - whole);
                logits[((int*)Y.Address)[row]] -= w;
            }
        }
    }

    struct NormForward : IRangeJob
    {
        public Tensor H, Result;

        public readonly void Execute(int start, int end)
        {
            var n = H.Columns;
            for (var row = start; row < end; row++)
            {
                var h = Row(H, row);
                var sum = Vector<float>.Zero;
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var value = Lanes.Load(h + j, n - j);
                    sum = Vector.MultiplyAddEstimate(value, value, sum);
                }

                *Row(Result, row) = Vector.Sum(sum);
            }
        }
    }

    struct NormBackward : IRangeJob
    {
        public Tensor H, W, DH;
        public float Gamma;

        public readonly void Execute(int start, int end)
        {
            var n = H.Columns;
            for (var row = start; row < end; row++)
            {
                float* h = Row(H, row), dh = Row(DH, row);
                var scale = new Vector<float>(2 * Gamma * *Row(W, row));
                for (var j = 0; j < n; j += Lanes.Width)
                    Lanes.Store(Vector.MultiplyAddEstimate(scale, Lanes.Load(h + j, n - j), Lanes.Load(dh + j, n - j)), dh + j, n - j);
            }
        }
    }
}
