using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    const float Log2Pi = 1.8378770664093453f;

    public override void SampleGaussianForward(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        CheckShape(sample.IsEmpty || (output.Columns == 2 * sample.Columns && output.Rows == sample.Rows));
        ForRows(new SampleForward { Output = output, Noise = noise, Sample = sample, Head = head }, output.Rows, 4 * output.Columns);
    }

    public override void SampleGaussianBackward(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
    {
        CheckShape(output.Columns == 2 * dSample1.Columns && output.Rows == dSample1.Rows && dMoments.Columns == output.Columns);
        ForRows(new SampleBackward { DSample1 = dSample1, DSample2 = dSample2, Noise = noise, DMoments = dMoments, Output = output, Head = head },
            output.Rows, 4 * output.Columns);
    }

    public override void GaussianKlForward(Tensor q, Tensor p, Tensor kl, GaussianHead head)
    {
        CheckShape(q.Rows == kl.Rows && (p.IsEmpty || (p.Rows == q.Rows && p.Columns == q.Columns)));
        ForRows(new KlForward { Q = q, P = p, Kl = kl, Head = head }, q.Rows, 4 * q.Columns);
    }

    public override void GaussianKlBackward(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
    {
        CheckShape(q.Rows == w.Rows && dMoments.Columns == q.Columns && (p.IsEmpty || (p.Rows == q.Rows && p.Columns == q.Columns)));
        ForRows(new KlBackward { Q = q, P = p, W = w, Omega = omega, DMoments = dMoments, Head = head }, q.Rows, 4 * q.Columns);
    }

    public override void GaussianLogDensityForward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
    {
        CheckShape(target.Rows == result.Rows && (output.IsEmpty || output.Columns == 2 * target.Columns));
        ForRows(new LogDensityForward { Target = target, Output = output, Result = result, Sign = sign, Head = head }, target.Rows, 8 * target.Columns);
    }

    public override void GaussianLogDensityBackward(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
    {
        CheckShape(target.Rows == w.Rows && output.Columns == 2 * target.Columns && dOutput.Columns == output.Columns);
        ForRows(new LogDensityBackward
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
    }

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
            var half = new Vector<float>(0.5f);
            for (var row = start; row < end; row++)
            {
                float* mean = Row(Output, row), logVariance = mean + n;
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var mu = Lanes.Load(mean + j, left);
                    if (Head.TanhMean)
                    {
                        mu = VectorMath.Tanh(mu);
                        Lanes.Store(mu, mean + j, left);
                    }

                    if (Sample.IsEmpty)
                        continue;
                    if (!Noise.IsEmpty)
                        mu = Vector.MultiplyAddEstimate(VectorMath.Exp(half * Clamp(Lanes.Load(logVariance + j, left), Head)), Lanes.Load(Row(Noise, row) + j, left), mu);
                    Lanes.Store(mu, Row(Sample, row) + j, left);
                }
            }
        }
    }

    struct SampleBackward : IRangeJob
    {
        public Tensor DSample1, DSample2, Noise, DMoments, Output;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Output.Columns / 2;
            var half = new Vector<float>(0.5f);
            for (var row = start; row < end; row++)
            {
                float* mean = Row(Output, row), logVariance = mean + n, dMean = Row(DMoments, row), dLogVariance = dMean + n;
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var d = Lanes.Load(Row(DSample1, row) + j, left);
                    if (!DSample2.IsEmpty)
                        d += Lanes.Load(Row(DSample2, row) + j, left);
                    var mu = Lanes.Load(mean + j, left);
                    var lambda = Lanes.Load(logVariance + j, left);
                    var dMu = Lanes.Load(dMean + j, left) + d;
                    var dLambda = Lanes.Load(dLogVariance + j, left);
                    if (!Noise.IsEmpty)
                        dLambda += half * d * Lanes.Load(Row(Noise, row) + j, left) * VectorMath.Exp(half * Clamp(lambda, Head));
                    if (Head.TanhMean)
                        dMu *= Vector<float>.One - mu * mu;
                    Lanes.Store(dMu, mean + j, left);
                    Lanes.Store(Gate(dLambda, lambda, Head), logVariance + j, left);
                }
            }
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
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var difference = Lanes.Load(q + j, left);
                    var lambdaQ = Clamp(Lanes.Load(q + n + j, left), Head);
                    var lambdaP = Vector<float>.Zero;
                    if (p != null)
                    {
                        difference -= Lanes.Load(p + j, left);
                        lambdaP = Clamp(Lanes.Load(p + n + j, left), Head);
                    }

                    var term = lambdaP - lambdaQ + VectorMath.Exp(lambdaQ - lambdaP) + difference * difference * VectorMath.Exp(-lambdaP) - Vector<float>.One;
                    sum += Lanes.Keep(term, left);
                }

                *Row(Kl, row) = 0.5f * Vector.Sum(sum);
            }
        }
    }

    struct KlBackward : IRangeJob
    {
        public Tensor Q, P, W, Omega, DMoments;
        public GaussianHead Head;

        public readonly void Execute(int start, int end)
        {
            var n = Q.Columns / 2;
            var half = new Vector<float>(0.5f);
            var one = Vector<float>.One;
            for (var row = start; row < end; row++)
            {
                var weight = new Vector<float>(*Start(Omega) * *Row(W, row));
                float* q = Row(Q, row), p = P.IsEmpty ? null : Row(P, row), d = Row(DMoments, row);
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var difference = Lanes.Load(q + j, left);
                    var lambdaQ = Clamp(Lanes.Load(q + n + j, left), Head);
                    var rawP = Vector<float>.Zero;
                    if (p != null)
                    {
                        difference -= Lanes.Load(p + j, left);
                        rawP = Lanes.Load(p + n + j, left);
                    }

                    var lambdaP = p != null ? Clamp(rawP, Head) : rawP;
                    var inverse = VectorMath.Exp(-lambdaP);
                    var rho = VectorMath.Exp(lambdaQ - lambdaP);
                    var dMu = weight * difference * inverse;
                    Lanes.Store(dMu, d + j, left);
                    Lanes.Store(half * weight * (rho - one), d + n + j, left);
                    if (p == null)
                        continue;
                    Lanes.Store(-dMu, p + j, left);
                    Lanes.Store(Gate(half * weight * (one - rho - difference * difference * inverse), rawP, Head), p + n + j, left);
                }
            }
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
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var r = Lanes.Load(target + j, left);
                    var lambda = Vector<float>.Zero;
                    if (output != null)
                    {
                        r -= Lanes.Load(output + j, left);
                        lambda = Clamp(Lanes.Load(output + n + j, left), Head);
                    }

                    sum += Lanes.Keep(lambda + r * r * VectorMath.Exp(-lambda), left);
                }

                *Row(Result, row) = -0.5f * Sign * (n * Log2Pi + Vector.Sum(sum));
            }
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
            var one = Vector<float>.One;
            for (var row = start; row < end; row++)
            {
                var scale = *Start(Coefficient) * *Row(W, row);
                var weight = new Vector<float>(scale);
                var targetWeight = new Vector<float>(TargetMask.IsEmpty ? 1 : *Row(TargetMask, row));
                float* target = Row(Target, row), output = Row(Output, row), d = Row(DOutput, row);
                for (var j = 0; j < n; j += Lanes.Width)
                {
                    var left = n - j;
                    var mu = Lanes.Load(output + j, left);
                    var raw = Lanes.Load(output + n + j, left);
                    var inverse = VectorMath.Exp(-Clamp(raw, Head));
                    var r = Lanes.Load(target + j, left) - mu;
                    var pull = weight * r * inverse;
                    var dMu = -pull;
                    var dLambda = new Vector<float>(0.5f) * weight * (one - r * r * inverse);
                    if (ThroughOutput)
                    {
                        dLambda = Gate(dLambda, raw, Head);
                        if (Head.TanhMean)
                            dMu *= one - mu * mu;
                    }

                    Lanes.Store(dMu, d + j, left);
                    Lanes.Store(dLambda, d + n + j, left);
                    if (DTarget.IsEmpty)
                        continue;
                    var dTarget = Row(DTarget, row) + j;
                    pull *= targetWeight;
                    if (AccumulateTarget)
                        pull += Lanes.Load(dTarget, left);
                    Lanes.Store(pull, dTarget, left);
                }
            }
        }
    }
}
