using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    const float Log2Pi = 1.8378770664093453f;

    private protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => ForElements(new SampleForward { Output = output, Noise = noise, Sample = sample, Head = head }, output.Rows, 4 * output.Columns);

    private protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output,
        GaussianHead head)
        => ForElements(new SampleBackward { DSample1 = dSample1, DSample2 = dSample2, Noise = noise, DMoments = dMoments, Output = output, Head = head },
            output.Rows, 4 * output.Columns);

    private protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
        => ForElements(new KlForward { Q = q, P = p, Kl = kl, Head = head }, q.Rows, 4 * q.Columns);

    private protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
        => ForElements(new KlBackward { Q = q, P = p, W = w, Omega = omega, DMoments = dMoments, Head = head }, q.Rows, 4 * q.Columns);

    private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => ForElements(new LogDensityForward { Target = target, Output = output, Result = result, Sign = sign, Head = head }, target.Rows, 8 * target.Columns);

    private protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput,
        bool throughOutput, Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => ForElements(new LogDensityBackward
        {
            Target = target,
            Output = output,
            W = w,
            Coefficient = coefficient,
            DOutput = dOutput,
            ThroughOutput = throughOutput,
            DTarget = dTarget,
            TargetMask = targetMask,
            AccumulateTarget = accumulateTarget,
            Head = head,
        }, target.Rows, 8 * target.Columns);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Clamp<T>(T logVariance, in GaussianHead head) where T : unmanaged, ILanes<T>
    {
        var low = T.Create(head.LogVarianceMin);
        var high = T.Create(head.LogVarianceMax);
        logVariance = T.Select(T.LessThan(logVariance, low), low, logVariance);
        return T.Select(T.GreaterThan(logVariance, high), high, logVariance);
    }

    // k of model.md section 1: passes a gradient only where the clamp did not act.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Gate<T>(T gradient, T logVariance, in GaussianHead head) where T : unmanaged, ILanes<T>
    {
        var inside = T.GreaterThanOrEqual(logVariance, T.Create(head.LogVarianceMin))
            & T.LessThanOrEqual(logVariance, T.Create(head.LogVarianceMax));
        return T.Select(inside, gradient, T.Zero);
    }

    struct SampleForward : IElementJob
    {
        public Tensor Output, Noise, Sample;
        public GaussianHead Head;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Output.Columns / 2;
            for (var row = start; row < end; row++)
            {
                float* mean = Row(Output, row), noise = Noise.IsEmpty ? null : Row(Noise, row), sample = Sample.IsEmpty ? null : Row(Sample, row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Draw<T>(n, mean + j, noise == null ? null : noise + j, sample == null ? null : sample + j, Head, T.Width);
                if (j < n)
                    Draw<T>(n, mean + j, noise == null ? null : noise + j, sample == null ? null : sample + j, Head, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Draw<T>(int n, float* mean, float* noise, float* sample, in GaussianHead head, int left) where T : unmanaged, ILanes<T>
        {
            var mu = Lanes.Load<T>(mean, left);
            if (head.TanhMean)
            {
                mu = VectorMath.Tanh(mu);
                Lanes.Store(mu, mean, left);
            }

            if (sample == null)
                return;
            if (noise != null)
                mu = T.MultiplyAdd(VectorMath.Exp(T.Create(0.5f) * Clamp(Lanes.Load<T>(mean + n, left), head)), Lanes.Load<T>(noise, left), mu);
            Lanes.Store(mu, sample, left);
        }
    }

    struct SampleBackward : IElementJob
    {
        public Tensor DSample1, DSample2, Noise, DMoments, Output;
        public GaussianHead Head;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Output.Columns / 2;
            for (var row = start; row < end; row++)
            {
                float* mean = Row(Output, row), dMean = Row(DMoments, row), noise = Noise.IsEmpty ? null : Row(Noise, row);
                float* dSample1 = Row(DSample1, row), dSample2 = DSample2.IsEmpty ? null : Row(DSample2, row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Moments<T>(n, dSample1 + j, dSample2 == null ? null : dSample2 + j, noise == null ? null : noise + j, dMean + j, mean + j, Head, T.Width);
                if (j < n)
                    Moments<T>(n, dSample1 + j, dSample2 == null ? null : dSample2 + j, noise == null ? null : noise + j, dMean + j, mean + j, Head, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Moments<T>(int n, float* dSample1, float* dSample2, float* noise, float* dMean, float* mean, in GaussianHead head, int left)
            where T : unmanaged, ILanes<T>
        {
            var half = T.Create(0.5f);
            var d = Lanes.Load<T>(dSample1, left);
            if (dSample2 != null)
                d += Lanes.Load<T>(dSample2, left);
            var mu = Lanes.Load<T>(mean, left);
            var lambda = Lanes.Load<T>(mean + n, left);
            var dMu = Lanes.Load<T>(dMean, left) + d;
            var dLambda = Lanes.Load<T>(dMean + n, left);
            if (noise != null)
                dLambda += half * d * Lanes.Load<T>(noise, left) * VectorMath.Exp(half * Clamp(lambda, head));
            if (head.TanhMean)
                dMu *= T.One - mu * mu;
            Lanes.Store(dMu, mean, left);
            Lanes.Store(Gate(dLambda, lambda, head), mean + n, left);
        }
    }

    struct KlForward : IElementJob
    {
        public Tensor Q, P, Kl;
        public GaussianHead Head;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Q.Columns / 2;
            for (var row = start; row < end; row++)
            {
                float* q = Row(Q, row), p = P.IsEmpty ? null : Row(P, row);
                var sum = T.Zero;
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    sum = T.Accumulate(sum, Term<T>(n, q + j, p == null ? null : p + j, Head, T.Width));
                if (j < n)
                    sum = T.Accumulate(sum, Lanes.Keep(Term<T>(n, q + j, p == null ? null : p + j, Head, n - j), n - j));
                *Row(Kl, row) = 0.5f * T.Sum(sum);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static T Term<T>(int n, float* q, float* p, in GaussianHead head, int left) where T : unmanaged, ILanes<T>
        {
            var difference = Lanes.Load<T>(q, left);
            var lambdaQ = Clamp(Lanes.Load<T>(q + n, left), head);
            var lambdaP = T.Zero;
            if (p != null)
            {
                difference -= Lanes.Load<T>(p, left);
                lambdaP = Clamp(Lanes.Load<T>(p + n, left), head);
            }

            // ρ − 1 − log ρ: near ρ = 1 exp(…) − 1 would cancel.
            var logRho = lambdaQ - lambdaP;
            return VectorMath.ExpM1(logRho) - logRho + difference * difference * VectorMath.Exp(-lambdaP);
        }
    }

    struct KlBackward : IElementJob
    {
        public Tensor Q, P, W, Omega, DMoments;
        public GaussianHead Head;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Q.Columns / 2;
            for (var row = start; row < end; row++)
            {
                var weight = T.Create(*Start(Omega) * *Row(W, row));
                float* q = Row(Q, row), p = P.IsEmpty ? null : Row(P, row), d = Row(DMoments, row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Gradients(n, q + j, p == null ? null : p + j, d + j, weight, Head, T.Width);
                if (j < n)
                    Gradients(n, q + j, p == null ? null : p + j, d + j, weight, Head, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Gradients<T>(int n, float* q, float* p, float* d, T weight, in GaussianHead head, int left) where T : unmanaged, ILanes<T>
        {
            var half = T.Create(0.5f);
            var difference = Lanes.Load<T>(q, left);
            var lambdaQ = Clamp(Lanes.Load<T>(q + n, left), head);
            var rawP = T.Zero;
            if (p != null)
            {
                difference -= Lanes.Load<T>(p, left);
                rawP = Lanes.Load<T>(p + n, left);
            }

            var lambdaP = p != null ? Clamp(rawP, head) : rawP;
            var inverse = VectorMath.Exp(-lambdaP);
            var rhoLessOne = VectorMath.ExpM1(lambdaQ - lambdaP);
            var dMu = weight * difference * inverse;
            Lanes.Store(dMu, d, left);
            Lanes.Store(half * weight * rhoLessOne, d + n, left);
            if (p == null)
                return;
            Lanes.Store(-dMu, p, left);
            Lanes.Store(Gate(-half * weight * (rhoLessOne + difference * difference * inverse), rawP, head), p + n, left);
        }
    }

    struct LogDensityForward : IElementJob
    {
        public Tensor Target, Output, Result;
        public float Sign;
        public GaussianHead Head;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Target.Columns;
            for (var row = start; row < end; row++)
            {
                float* target = Row(Target, row), output = Output.IsEmpty ? null : Row(Output, row);
                var sum = T.Zero;
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    sum = T.Accumulate(sum, Term<T>(n, target + j, output == null ? null : output + j, Head, T.Width));
                if (j < n)
                    sum = T.Accumulate(sum, Lanes.Keep(Term<T>(n, target + j, output == null ? null : output + j, Head, n - j), n - j));
                *Row(Result, row) = -0.5f * Sign * (n * Log2Pi + T.Sum(sum));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static T Term<T>(int n, float* target, float* output, in GaussianHead head, int left) where T : unmanaged, ILanes<T>
        {
            var r = Lanes.Load<T>(target, left);
            if (output == null)
                return r * r;
            r -= Lanes.Load<T>(output, left);
            var lambda = Clamp(Lanes.Load<T>(output + n, left), head);
            return lambda + r * r * VectorMath.Exp(-lambda);
        }
    }

    struct LogDensityBackward : IElementJob
    {
        public Tensor Target, Output, W, Coefficient, DOutput, DTarget, TargetMask;
        public bool ThroughOutput, AccumulateTarget;
        public GaussianHead Head;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = Target.Columns;
            for (var row = start; row < end; row++)
            {
                var weight = T.Create(*Start(Coefficient) * *Row(W, row));
                var targetWeight = T.Create(TargetMask.IsEmpty ? 1 : *Row(TargetMask, row));
                float* target = Row(Target, row), output = Row(Output, row), d = Row(DOutput, row), dTarget = DTarget.IsEmpty ? null : Row(DTarget, row);
                var j = 0;
                for (; j < Lanes.Whole<T>(n); j += T.Width)
                    Gradients(n, target + j, output + j, d + j, dTarget == null ? null : dTarget + j, weight, targetWeight, T.Width);
                if (j < n)
                    Gradients(n, target + j, output + j, d + j, dTarget == null ? null : dTarget + j, weight, targetWeight, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Gradients<T>(int n, float* target, float* output, float* d, float* dTarget, T weight, T targetWeight, int left)
            where T : unmanaged, ILanes<T>
        {
            var one = T.One;
            var mu = Lanes.Load<T>(output, left);
            var raw = Lanes.Load<T>(output + n, left);
            var inverse = VectorMath.Exp(-Clamp(raw, Head));
            var r = Lanes.Load<T>(target, left) - mu;
            var pull = weight * r * inverse;
            var dMu = -pull;
            var dLambda = T.Create(0.5f) * weight * (one - r * r * inverse);
            if (ThroughOutput)
            {
                dLambda = Gate(dLambda, raw, Head);
                if (Head.TanhMean)
                    dMu *= one - mu * mu;
            }

            Lanes.Store(dMu, d, left);
            Lanes.Store(dLambda, d + n, left);
            if (dTarget == null)
                return;
            pull *= targetWeight;
            if (AccumulateTarget)
                pull += Lanes.Load<T>(dTarget, left);
            Lanes.Store(pull, dTarget, left);
        }
    }
}
