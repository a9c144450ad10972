using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll)
        => ForElements(new BernoulliForward { Logits = logits, Y = y, Nll = nll }, logits.Rows, 8 * logits.Columns);

    private protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w)
        => ForElements(new BernoulliBackward { Logits = logits, Y = y, W = w }, logits.Rows, 8 * logits.Columns);

    private protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
        => ForElements(new CategoricalForward { Logits = logits, Y = y, Nll = nll }, logits.Rows, 4 * logits.Columns);

    private protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
        => ForElements(new CategoricalBackward { Logits = logits, Y = y, W = w }, logits.Rows, 4 * logits.Columns);

    private protected override void SquaredNormForwardCore(Tensor h, Tensor result)
        => ForElements(new NormForward { H = h, Result = result }, h.Rows, h.Columns);

    private protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
        => ForElements(new NormBackward { H = h, W = w, Gamma = gamma, DH = dh }, h.Rows, h.Columns);

    struct BernoulliForward : IElementJob
    {
        public Tensor Logits, Y, Nll;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Logits.Columns;
            for (var row = start; row < end; row++)
            {
                float* logits = Row(Logits, row), y = Row(Y, row);
                var sum = T.Zero;
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    sum = T.Accumulate(sum, Term<T>(logits + j, y + j, T.Width));
                if (j < n)
                    sum = T.Accumulate(sum, Lanes.Keep(Term<T>(logits + j, y + j, n - j), n - j));
                *Row(Nll, row) = T.Sum(sum);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static T Term<T>(float* logits, float* y, int left) where T : unmanaged, ILanes<T>
        {
            var o = Lanes.Load<T>(logits, left);

            // softplus(o) = max(o, 0) + log(1 + e^-|o|) neither overflows nor cancels; the select keeps a NaN.
            var positive = T.Select(T.LessThan(o, T.Zero), T.Zero, o);
            return positive - Lanes.Load<T>(y, left) * o + VectorMath.Log1P(VectorMath.Exp(-T.Abs(o)));
        }
    }

    struct BernoulliBackward : IElementJob
    {
        public Tensor Logits, Y, W;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Logits.Columns;
            for (var row = start; row < end; row++)
            {
                float* logits = Row(Logits, row), y = Row(Y, row);
                var w = T.Create(*Row(W, row));
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Gradient(logits + j, y + j, w, T.Width);
                if (j < n)
                    Gradient(logits + j, y + j, w, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Gradient<T>(float* logits, float* y, T w, int left) where T : unmanaged, ILanes<T>
            => Lanes.Store(w * (VectorMath.Sigmoid(Lanes.Load<T>(logits, left)) - Lanes.Load<T>(y, left)), logits, left);
    }

    // The largest logit and the sum of exp(o - largest): the two parts of logsumexp, safe from overflow.
    static (float Largest, float Sum) SoftmaxParts<T>(float* logits, int n) where T : unmanaged, ILanes<T>
    {
        // A NaN may be lost here; the sum keeps it.
        var lanes = T.Create(float.NegativeInfinity);
        var whole = Lanes.Whole<T>(n);
        for (var j = 0; j < whole; j += T.Width)
            lanes = T.MaxNative(lanes, T.Load(logits + j));
        var largest = T.Largest(lanes);
        for (var j = whole; j < n; j++)
            largest = MathF.Max(largest, logits[j]);
        var shift = T.Create(largest);
        var sum = T.Zero;
        for (var j = 0; j < whole; j += T.Width)
            sum = T.Accumulate(sum, VectorMath.Exp(T.Load(logits + j) - shift));
        if (whole < n)
            sum = T.Accumulate(sum, Lanes.Keep(VectorMath.Exp(Lanes.Load<T>(logits + whole, n - whole) - shift), n - whole));
        return (largest, T.Sum(sum));
    }

    struct CategoricalForward : IElementJob
    {
        public Tensor Logits, Nll;
        public IdTensor Y;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            for (var row = start; row < end; row++)
            {
                var logits = Row(Logits, row);
                var (largest, sum) = SoftmaxParts<T>(logits, Logits.Columns);
                *Row(Nll, row) = largest + VectorMath.Log<T>(sum) - logits[((int*)Y.Address)[row]];
            }
        }
    }

    struct CategoricalBackward : IElementJob
    {
        public Tensor Logits, W;
        public IdTensor Y;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Logits.Columns;
            for (var row = start; row < end; row++)
            {
                var logits = Row(Logits, row);
                var w = *Row(W, row);
                var (largest, sum) = SoftmaxParts<T>(logits, n);
                var shift = T.Create(largest);
                var scale = T.Create(w / sum);
                var whole = Lanes.Whole<T>(n);
                for (var j = 0; j < whole; j += T.Width)
                    T.Store(scale * VectorMath.Exp(T.Load(logits + j) - shift), logits + j);
                if (whole < n)
                    Lanes.Store(scale * VectorMath.Exp(Lanes.Load<T>(logits + whole, n - whole) - shift), logits + whole, n - whole);
                logits[((int*)Y.Address)[row]] -= w;
            }
        }
    }

    struct NormForward : IElementJob
    {
        public Tensor H, Result;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = H.Columns;
            for (var row = start; row < end; row++)
            {
                var h = Row(H, row);
                var sum = T.Zero;
                for (var j = 0; j < n; j += T.Width)
                {
                    var value = Lanes.Load<T>(h + j, n - j);
                    sum = T.AccumulateSquares(sum, value);
                }

                *Row(Result, row) = T.Sum(sum);
            }
        }
    }

    struct NormBackward : IElementJob
    {
        public Tensor H, W, DH;
        public float Gamma;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = H.Columns;
            for (var row = start; row < end; row++)
            {
                float* h = Row(H, row), dh = Row(DH, row);
                var scale = T.Create(2 * Gamma * *Row(W, row));
                for (var j = 0; j < n; j += T.Width)
                    Lanes.Store(T.MultiplyAdd(scale, Lanes.Load<T>(h + j, n - j), Lanes.Load<T>(dh + j, n - j)), dh + j, n - j);
            }
        }
    }
}
