using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    const float Log2Pi = 1.8378770664093453f;

    protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => ForRows(new SampleForward { Output = output, Noise = noise, Sample = sample, Head = head }, output.Rows, 4 * output.Columns);

    protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
        => ForRows(new SampleBackward { DSample1 = dSample1, DSample2 = dSample2, Noise = noise, DMoments = dMoments, Output = output, Head = head },
            output.Rows, 4 * output.Columns);

    protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
        => ForRows(new KlForward { Q = q, P = p, Kl = kl, Head = head }, q.Rows, 4 * q.Columns);

    protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
        => ForRows(new KlBackward { Q = q, P = p, W = w, Omega = omega, DMoments = dMoments, Head = head }, q.Rows, 4 * q.Columns);

    protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => ForRows(new LogDensityForward { Target = target, Output = output, Result = result, Sign = sign, Head = head }, target.Rows, 8 * target.Columns);

    protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => ForRows(new LogDensityBackward
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
    static Vector<float> Clamp(Vector<float> logVariance, in GaussianHead head)
    {
        var low = new Vector<float>(head.LogVarianceMin);
        var high = new Vector<float>(head.LogVarianceMax);
        logVariance = Vector.ConditionalSelect(Vector.LessThan(logVariance, low), low, logVariance);
        return Vector.ConditionalSelect(Vector.GreaterThan(logVariance, high), high, logVariance);
    }

    // k of model.md section 1: passes a gradient only where the clamp did not act.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> Gate(Vector<float> gradient, Vector<float> logVariance, in GaussianHead head)
    {
        var inside = Vector.GreaterThanOrEqual(logVariance, new Vector<float>(head.LogVarianceMin))
            & Vector.LessThanOrEqual(logVariance, new Vector<float>(head.LogVarianceMax));
        return Vector.ConditionalSelect(inside, gradient, Vector<float>.Zero);
    }

    struct SampleForward : IRangeJob
    {
        public Tensor Output, Noise, Sample;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Output.Columns / 2;
            for (var row = start; row < end; row++)
            {
                float* mean = Row(Output, row), noise = Noise.IsEmpty ? null : Row(Noise, row), sample = Sample.IsEmpty ? null : Row(Sample, row);
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Draw(n, mean + j, noise == null ? null : noise + j, sample == null ? null : sample + j, Head, Lanes.Width);
                if (j < n)
                    Draw(n, mean + j, noise == null ? null : noise + j, sample == null ? null : sample + j, Head, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Draw(int n, float* mean, float* noise, float* sample, in GaussianHead head, int left)
        {
            var mu = Lanes.Load(mean, left);
            if (head.TanhMean)
            {
                mu = VectorMath.Tanh(mu);
                Lanes.Store(mu, mean, left);
            }

            if (sample == null)
                return;
            if (noise != null)
                mu = Vector.MultiplyAddEstimate(VectorMath.Exp(new Vector<float>(0.5f) * Clamp(Lanes.Load(mean + n, left), head)), Lanes.Load(noise, left), mu);
            Lanes.Store(mu, sample, left);
        }
    }

    struct SampleBackward : IRangeJob
    {
        public Tensor DSample1, DSample2, Noise, DMoments, Output;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Output.Columns / 2;
            for (var row = start; row < end; row++)
            {
                float* mean = Row(Output, row), dMean = Row(DMoments, row), noise = Noise.IsEmpty ? null : Row(Noise, row);
                float* dSample1 = Row(DSample1, row), dSample2 = DSample2.IsEmpty ? null : Row(DSample2, row);
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Moments(n, dSample1 + j, dSample2 == null ? null : dSample2 + j, noise == null ? null : noise + j, dMean + j, mean + j, Head, Lanes.Width);
                if (j < n)
                    Moments(n, dSample1 + j, dSample2 == null ? null : dSample2 + j, noise == null ? null : noise + j, dMean + j, mean + j, Head, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Moments(int n, float* dSample1, float* dSample2, float* noise, float* dMean, float* mean, in GaussianHead head, int left)
        {
            var half = new Vector<float>(0.5f);
            var d = Lanes.Load(dSample1, left);
            if (dSample2 != null)
                d += Lanes.Load(dSample2, left);
            var mu = Lanes.Load(mean, left);
            var lambda = Lanes.Load(mean + n, left);
            var dMu = Lanes.Load(dMean, left) + d;
            var dLambda = Lanes.Load(dMean + n, left);
            if (noise != null)
                dLambda += half * d * Lanes.Load(noise, left) * VectorMath.Exp(half * Clamp(lambda, head));
            if (head.TanhMean)
                dMu *= Vector<float>.One - mu * mu;
            Lanes.Store(dMu, mean, left);
            Lanes.Store(Gate(dLambda, lambda, head), mean + n, left);
        }
    }

    struct KlForward : IRangeJob
    {
        public Tensor Q, P, Kl;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Q.Columns / 2;
            for (var row = start; row < end; row++)
            {
                float* q = Row(Q, row), p = P.IsEmpty ? null : Row(P, row);
                var sum = Vector<float>.Zero;
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    sum += Term(n, q + j, p == null ? null : p + j, Head, Lanes.Width);
                if (j < n)
                    sum += Lanes.Keep(Term(n, q + j, p == null ? null : p + j, Head, n - j), n - j);
                *Row(Kl, row) = 0.5f * Vector.Sum(sum);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector<float> Term(int n, float* q, float* p, in GaussianHead head, int left)
        {
            var difference = Lanes.Load(q, left);
            var lambdaQ = Clamp(Lanes.Load(q + n, left), head);
            var lambdaP = Vector<float>.Zero;
            if (p != null)
            {
                difference -= Lanes.Load(p, left);
                lambdaP = Clamp(Lanes.Load(p + n, left), head);
            }

            return lambdaP - lambdaQ + VectorMath.Exp(lambdaQ - lambdaP) + difference * difference * VectorMath.Exp(-lambdaP) - Vector<float>.One;
        }
    }

    struct KlBackward : IRangeJob
    {
        public Tensor Q, P, W, Omega, DMoments;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Q.Columns / 2;
            for (var row = start; row < end; row++)
            {
                var weight = new Vector<float>(*Start(Omega) * *Row(W, row));
                float* q = Row(Q, row), p = P.IsEmpty ? null : Row(P, row), d = Row(DMoments, row);
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Gradients(n, q + j, p == null ? null : p + j, d + j, weight, Head, Lanes.Width);
                if (j < n)
                    Gradients(n, q + j, p == null ? null : p + j, d + j, weight, Head, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Gradients(int n, float* q, float* p, float* d, Vector<float> weight, in GaussianHead head, int left)
        {
            var half = new Vector<float>(0.5f);
            var one = Vector<float>.One;
            var difference = Lanes.Load(q, left);
            var lambdaQ = Clamp(Lanes.Load(q + n, left), head);
            var rawP = Vector<float>.Zero;
            if (p != null)
            {
                difference -= Lanes.Load(p, left);
                rawP = Lanes.Load(p + n, left);
            }

            var lambdaP = p != null ? Clamp(rawP, head) : rawP;
            var inverse = VectorMath.Exp(-lambdaP);
            var rho = VectorMath.Exp(lambdaQ - lambdaP);
            var dMu = weight * difference * inverse;
            Lanes.Store(dMu, d, left);
            Lanes.Store(half * weight * (rho - one), d + n, left);
            if (p == null)
                return;
            Lanes.Store(-dMu, p, left);
            Lanes.Store(Gate(half * weight * (one - rho - difference * difference * inverse), rawP, head), p + n, left);
        }
    }

    struct LogDensityForward : IRangeJob
    {
        public Tensor Target, Output, Result;
        public float Sign;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Target.Columns;
            for (var row = start; row < end; row++)
            {
                float* target = Row(Target, row), output = Output.IsEmpty ? null : Row(Output, row);
                var sum = Vector<float>.Zero;
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    sum += Term(n, target + j, output == null ? null : output + j, Head, Lanes.Width);
                if (j < n)
                    sum += Lanes.Keep(Term(n, target + j, output == null ? null : output + j, Head, n - j), n - j);
                *Row(Result, row) = -0.5f * Sign * (n * Log2Pi + Vector.Sum(sum));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector<float> Term(int n, float* target, float* output, in GaussianHead head, int left)
        {
            var r = Lanes.Load(target, left);
            if (output == null)
                return r * r;
            r -= Lanes.Load(output, left);
            var lambda = Clamp(Lanes.Load(output + n, left), head);
            return lambda + r * r * VectorMath.Exp(-lambda);
        }
    }

    struct LogDensityBackward : IRangeJob
    {
        public Tensor Target, Output, W, Coefficient, DOutput, DTarget, TargetMask;
        public bool ThroughOutput, AccumulateTarget;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Target.Columns;
            for (var row = start; row < end; row++)
            {
                var weight = new Vector<float>(*Start(Coefficient) * *Row(W, row));
                var targetWeight = new Vector<float>(TargetMask.IsEmpty ? 1 : *Row(TargetMask, row));
                float* target = Row(Target, row), output = Row(Output, row), d = Row(DOutput, row), dTarget = DTarget.IsEmpty ? null : Row(DTarget, row);
                var j = 0;
                for (; j < Lanes.Whole(n); j += Lanes.Width)
                    Gradients(n, target + j, output + j, d + j, dTarget == null ? null : dTarget + j, weight, targetWeight, Lanes.Width);
                if (j < n)
                    Gradients(n, target + j, output + j, d + j, dTarget == null ? null : dTarget + j, weight, targetWeight, n - j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Gradients(int n, float* target, float* output, float* d, float* dTarget, Vector<float> weight, Vector<float> targetWeight, int left)
        {
            var one = Vector<float>.One;
            var mu = Lanes.Load(output, left);
            var raw = Lanes.Load(output + n, left);
            var inverse = VectorMath.Exp(-Clamp(raw, Head));
            var r = Lanes.Load(target, left) - mu;
            var pull = weight * r * inverse;
            var dMu = -pull;
            var dLambda = new Vector<float>(0.5f) * weight * (one - r * r * inverse);
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
                pull += Lanes.Load(dTarget, left);
            Lanes.Store(pull, dTarget, left);
        }
    }
}
