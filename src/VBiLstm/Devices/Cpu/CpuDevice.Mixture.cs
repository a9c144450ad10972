using System.Runtime.CompilerServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => ForElements(new MixtureForward { Output = output, Target = target, Nll = nll, Head = head, Components = components }, output.Rows,
            4 * output.Columns);

    private protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => ForElements(new MixtureBackward { Output = output, Target = target, W = w, Head = head, Components = components }, output.Rows,
            8 * output.Columns);

    // joint_k = a_k + log N(target; μ_k, e^λ_k), the normaliser of a left out.
    static void JointLogDensities<T>(float* output, float* target, int d, int components, in GaussianHead head, float* joint)
        where T : unmanaged, ILanes<T>
    {
        for (var k = 0; k < components; k++)
        {
            float* mean = output + components + (nint)k * d, logVariance = mean + (nint)components * d;
            var sum = T.Zero;
            var j = 0;
            for (; j < Lanes.Whole<T>(d); j += T.Width)
                sum = T.Accumulate(sum, Term(target + j, mean + j, logVariance + j, head, T.Width));
            if (j < d)
                sum = T.Accumulate(sum, Lanes.Keep(Term(target + j, mean + j, logVariance + j, head, d - j), d - j));
            joint[k] = output[k] - 0.5f * (d * Log2Pi + T.Sum(sum));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static T Term(float* target, float* mean, float* logVariance, in GaussianHead head, int left)
        {
            var r = Lanes.Load<T>(target, left) - Lanes.Load<T>(mean, left);
            var lambda = Clamp(Lanes.Load<T>(logVariance, left), head);
            return lambda + r * r * VectorMath.Exp(-lambda);
        }
    }

    struct MixtureForward : IElementJob
    {
        public Tensor Output, Target, Nll;
        public GaussianHead Head;
        public int Components;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var joint = stackalloc float[Components];
            for (var row = start; row < end; row++)
            {
                var output = Row(Output, row);
                JointLogDensities<T>(output, Row(Target, row), Target.Columns, Components, Head, joint);
                var (largestLogit, logits) = SoftmaxParts<T>(output, Components);
                var (largestJoint, densities) = SoftmaxParts<T>(joint, Components);
                *Row(Nll, row) = largestLogit - largestJoint + VectorMath.Log<T>(logits / densities);
            }
        }
    }

    struct MixtureBackward : IElementJob
    {
        public Tensor Output, Target, W;
        public GaussianHead Head;
        public int Components;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var d = Target.Columns;
            var posterior = stackalloc float[Components];
            for (var row = start; row < end; row++)
            {
                float* output = Row(Output, row), target = Row(Target, row);
                var w = *Row(W, row);
                JointLogDensities<T>(output, target, d, Components, Head, posterior);
                Logits<T>(output, posterior, w);
                for (var k = 0; k < Components; k++)
                {
                    float* mean = output + Components + (nint)k * d, logVariance = mean + (nint)Components * d;
                    var weight = T.Create(w * posterior[k]);
                    var j = 0;
                    for (; j < Lanes.Whole<T>(d); j += T.Width)
                        Moments(target + j, mean + j, logVariance + j, weight, T.Width);
                    if (j < d)
                        Moments(target + j, mean + j, logVariance + j, weight, d - j);
                }
            }
        }

        // Joint log-densities become the components' posterior, logits their gradient.
        readonly void Logits<T>(float* logits, float* joint, float w) where T : unmanaged, ILanes<T>
        {
            var (largestLogit, logitSum) = SoftmaxParts<T>(logits, Components);
            var (largestJoint, jointSum) = SoftmaxParts<T>(joint, Components);
            var (logitShift, jointShift) = (T.Create(largestLogit), T.Create(largestJoint));
            var (logitScale, jointScale) = (T.Create(1 / logitSum), T.Create(1 / jointSum));
            for (var j = 0; j < Components; j += T.Width)
            {
                var left = Components - j;
                var prior = logitScale * VectorMath.Exp(Lanes.Load<T>(logits + j, left) - logitShift);
                var posterior = jointScale * VectorMath.Exp(Lanes.Load<T>(joint + j, left) - jointShift);
                Lanes.Store(posterior, joint + j, left);
                Lanes.Store(T.Create(w) * (prior - posterior), logits + j, left);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Moments<T>(float* target, float* mean, float* logVariance, T weight, int left) where T : unmanaged, ILanes<T>
        {
            var one = T.One;
            var mu = Lanes.Load<T>(mean, left);
            var raw = Lanes.Load<T>(logVariance, left);
            var inverse = VectorMath.Exp(-Clamp(raw, Head));
            var r = Lanes.Load<T>(target, left) - mu;
            var dMu = -weight * r * inverse;
            if (Head.TanhMean)
                dMu *= one - mu * mu;
            Lanes.Store(dMu, mean, left);
            Lanes.Store(Gate(T.Create(0.5f) * weight * (one - r * r * inverse), raw, Head), logVariance, left);
        }
    }
}
