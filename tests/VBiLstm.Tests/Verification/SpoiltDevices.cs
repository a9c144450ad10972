using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Tests.Devices;

namespace VBiLstm.Tests.Verification;

/// <summary>Devices with one mistake each, of the kinds that kernels have.</summary>
static class SpoiltDevices
{
    /// <summary>By what they do wrong.</summary>
    public static IReadOnlyDictionary<string, Func<Device>> All { get; } = new Dictionary<string, Func<Device>>
    {
        ["noise off by one unit in the last place"] = () => new OneUlpOfNoise(),
        ["psi's bias forgotten"] = () => new NoPsiBias(),
        ["padding not masked in the backward LSTM"] = () => new NoValidity(),
        ["z takes the mean instead of a sample"] = () => new NoLatentNoise(),
        ["recurrent gates not added"] = () => new NoAddend(),
        ["KL not halved"] = () => new TwiceTheKl(),
        ["not a number in a loss"] = () => new NotANumber(),
        ["sums not weighted"] = () => new Unweighted(),
        ["gradient through h lost"] = () => new NoRecurrentGradient(),
        ["skip mask ignored"] = () => new NoSkipMask(),
        ["gradient norm too large"] = () => new LargeNorm(),
        ["Adam's second decay wrong"] = () => new OtherDecay(),
        ["half the learning rate"] = () => new HalfTheRate(),
        ["packed weights never refreshed"] = () => new StaleWeights(),
    };

    abstract class Spoilt() : DelegatingDevice(new CpuDevice(1))
    {
        protected void Change(Tensor tensor, Func<float, float> change)
        {
            var values = new float[tensor.Count];
            Download(tensor, values);
            Upload(Array.ConvertAll(values, value => change(value)), tensor);
        }
    }

    sealed class OneUlpOfNoise : Spoilt
    {
        public override void FillNormal(Tensor x, NoiseSource noise)
        {
            base.FillNormal(x, noise);
            Change(x.RowRange(x.Rows / 2, 1), MathF.BitIncrement);
        }
    }

    sealed class NoPsiBias : Spoilt
    {
        public override void MultiplyLeakyRelu(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
        {
            Multiply(x, w, default, y, accumulate: false);
            LeakyReluForward(y, default, y, phi);
        }
    }

    sealed class NoValidity : Spoilt
    {
        protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask)
            => base.LstmCellForwardCore(gates, addend, cPrevious, default, c, tanhC, h, updateMask);
    }

    sealed class NoLatentNoise : Spoilt
    {
        public override void SampleGaussianForward(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
            => base.SampleGaussianForward(output, head.TanhMean ? noise : default, sample, head);
    }

    sealed class NoAddend : Spoilt
    {
        protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask)
            => base.LstmCellForwardCore(gates, default, cPrevious, validity, c, tanhC, h, updateMask);
    }

    sealed class TwiceTheKl : Spoilt
    {
        public override void GaussianKlForward(Tensor q, Tensor p, Tensor kl, GaussianHead head)
        {
            base.GaussianKlForward(q, p, kl, head);
            Change(kl, value => 2 * value);
        }
    }

    sealed class NotANumber : Spoilt
    {
        public override void GaussianLogDensityForward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        {
            base.GaussianLogDensityForward(target, output, result, sign, head);
            if (sign < 0)
                Change(result.RowRange(0, 1), _ => float.NaN);
        }
    }

    sealed class Unweighted : Spoilt
    {
        public override void WeightedSum(Tensor values, Tensor w, Tensor result)
        {
            base.WeightedSum(values, w, result);
            if (values.Rows > 5)
                Change(result, value => value * values.Rows);
        }
    }

    sealed class NoRecurrentGradient : Spoilt
    {
        protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc, Tensor updateMask)
            => base.LstmCellBackwardCore(gates, cPrevious, tanhC, dh1, default, validity, dc, updateMask);
    }

    sealed class NoSkipMask : Spoilt
    {
        public override void LeakyReluBackward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        {
            base.LeakyReluBackward(dy, y, dx, mask, maskedDx, phi);
            if (!maskedDx.IsEmpty)
                Copy(dx, maskedDx);
        }
    }

    sealed class LargeNorm : Spoilt
    {
        public override void GradientNorm(Tensor gradients, Tensor result)
        {
            base.GradientNorm(gradients, result);
            Change(result, value => 1.001f * value);
        }
    }

    sealed class OtherDecay : Spoilt
    {
        public override void AdamStep(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
            => base.AdamStep(parameters, gradients, firstMoments, secondMoments, arguments with { Beta2 = 0.99f });
    }

    sealed class HalfTheRate : Spoilt
    {
        public override void AdamStep(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
        {
            Change(arguments.Rate, rate => rate / 2);
            base.AdamStep(parameters, gradients, firstMoments, secondMoments, arguments);
        }
    }

    sealed class StaleWeights : Spoilt
    {
        bool _fresh;

        public override void RefreshWeights(IReadOnlyList<Weight> weights)
        {
            if (!_fresh)
                base.RefreshWeights(weights);
            _fresh = true;
        }
    }
}
