using System.Numerics;
using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => ForRows(new MixtureForward { Output = output, Target = target, Nll = nll, Head = head, Components = components }, output.Rows, 4 * output.Columns);

    protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => ForRows(new MixtureBackward { Output = output, Target = target, W = w, Head = head, Components = components }, output.Rows, 8 * output.Columns);

    // joint_k = a_k + log N(target; μ_k, e^λ_k), the normaliser of a left out.
    static void JointLogDensities(float* output, float* target, int d, int components, in GaussianHead head, float* joint)
    {
        for (var k = 0; k < components; k++)
        {
            float* mean = output + components + (nint)k * d, logVariance = mean + (nint)components * d;
            var sum = Vector<float>.Zero;
            var j = 0;
            for (; j < Lanes.Whole(d); j += Lanes.Width)
                sum += Term(target + j, mean + j, logVariance + j, head, Lanes.Width);
            if (j < d)
                sum += Lanes.Keep(Term(target + j, mean + j, logVariance + j, head, d - j), d - j);
            joint[k] = output[k] - 0.5f * (d * Log2Pi + Vector.Sum(sum));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector<float> Term(float* target, float* mean, float* logVariance, in GaussianHead head, int left)
        {
            var r = Lanes.Load(target, left) - Lanes.Load(mean, left);
            var lambda = Clamp(Lanes.Load(logVariance, left), head);
            return lambda + r * r * VectorMath.Exp(-lambda);
        }
    }

    struct MixtureForward : IRangeJob
    {
        public Tensor Output, Target, Nll;
        public GaussianHead Head;
        public int Components;

        public readonly void Execute(int start, int end)
        {
            var joint = stackalloc float[Components];
            for (var row = start; row < end; row++)
            {
                var output = Row(Output, row);
                JointLogDensities(output, Row(Target, row), Target.Columns, Components, Head, joint);
                var (largestLogit, logits) = SoftmaxParts(output, Components);
                var (largestJoint, densities) = SoftmaxParts(joint, Components);
                *Row(Nll, row) = largestLogit - largestJoint + MathF.Log(logits / densities);
            }
        }
    }

    struct MixtureBackward : IRangeJob
    {
        public Tensor Output, Target, W;
        public GaussianHead Head;
        public int Components;

        public readonly void Execute(int start, int end)
        {
            var d = Target.Columns;
            var posterior = stackalloc float[Components];
            for (var row = start; row < end; row++)
            {
                float* output = Row(Output, row), target = Row(Target, row);
                var w = *Row(W, row);
                JointLogDensities(output, target, d, Components, Head, posterior);
                Logits(output, posterior, w);
                for (var k = 0; k < Components; k++)
                {
                    float* mean = output + Components + (nint)k * d, logVariance = mean + (nint)Components * d;
                    var weight = new Vector<float>(w * posterior[k]);
                    var j = 0;
                    for (; j < Lanes.Whole(d); j += Lanes.Width)
                        Moments(target + j, mean + j, logVariance + j, weight, Lanes.Width);
                    if (j < d)
                        Moments(target + j, mean + j, logVariance + j, weight, d - j);
                }
            }
        }

        // Joint log-densities become the components' posterior, logits their gradient.
        readonly void Logits(float* logits, float* joint, float w)
        {
            var (largestLogit, logitSum) = SoftmaxParts(logits, Components);
            var (largestJoint, jointSum) = SoftmaxParts(joint, Components);
            Vector<float> logitShift = new(largestLogit), jointShift = new(largestJoint), logitScale = new(1 / logitSum), jointScale = new(1 / jointSum);
            for (var j = 0; j < Components; j += Lanes.Width)
            {
                var left = Components - j;
                var prior = logitScale * VectorMath.Exp(Lanes.Load(logits + j, left) - logitShift);
                var posterior = jointScale * VectorMath.Exp(Lanes.Load(joint + j, left) - jointShift);
                Lanes.Store(posterior, joint + j, left);
                Lanes.Store(new Vector<float>(w) * (prior - posterior), logits + j, left);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Moments(float* target, float* mean, float* logVariance, Vector<float> weight, int left)
        {
            var one = Vector<float>.One;
            var mu = Lanes.Load(mean, left);
            var raw = Lanes.Load(logVariance, left);
            var inverse = VectorMath.Exp(-Clamp(raw, Head));
            var r = Lanes.Load(target, left) - mu;
            var dMu = -weight * r * inverse;
            if (Head.TanhMean)
                dMu *= one - mu * mu;
            Lanes.Store(dMu, mean, left);
            Lanes.Store(Gate(new Vector<float>(0.5f) * weight * (one - r * r * inverse), raw, Head), logVariance, left);
        }
    }
}
