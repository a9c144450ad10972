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

    abstract class Spoilt() : InLineDevice(new CpuDevice(1))
    {
        protected void Change(Tensor tensor, Func<float, float> change)
        {
            var values = new float[tensor.Count];
            DownloadCore(tensor, values);
            UploadCore(Array.ConvertAll(values, value => change(value)), tensor);
        }
    }

    sealed class OneUlpOfNoise : Spoilt
    {
        private protected override void FillNormalCore(Tensor x, NoiseSource noise)
        {
            base.FillNormalCore(x, noise);
            Change(x.RowRange(x.Rows / 2, 1), MathF.BitIncrement);
        }
    }

    sealed class NoPsiBias : Spoilt
    {
        private protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
        {
            Multiply(x, w, default, y, accumulate: false);
            LeakyReluForward(y, default, y, phi);
        }
    }

    sealed class NoValidity : Spoilt
    {
        private protected override void LstmCellForwardCore(
            Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask)
            => base.LstmCellForwardCore(gates, addend, cPrevious, default, c, tanhC, h, updateMask);
    }

    sealed class NoLatentNoise : Spoilt
    {
        private protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
            => base.SampleGaussianForwardCore(output, head.TanhMean ? noise : default, sample, head);
    }

    sealed class NoAddend : Spoilt
    {
        private protected override void LstmCellForwardCore(
            Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask)
            => base.LstmCellForwardCore(gates, default, cPrevious, validity, c, tanhC, h, updateMask);
    }

    sealed class TwiceTheKl : Spoilt
    {
        private protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
        {
            base.GaussianKlForwardCore(q, p, kl, head);
            Change(kl, value => 2 * value);
        }
    }

    sealed class NotANumber : Spoilt
    {
        private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        {
            base.GaussianLogDensityForwardCore(target, output, result, sign, head);
            if (sign < 0)
                Change(result.RowRange(0, 1), _ => float.NaN);
        }
    }

    sealed class Unweighted : Spoilt
    {
        private protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result)
        {
            base.WeightedSumCore(values, w, result);
            if (values.Rows > 5)
                Change(result, value => value * values.Rows);
        }
    }

    sealed class NoRecurrentGradient : Spoilt
    {
        private protected override void LstmCellBackwardCore(
            Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc, Tensor updateMask)
            => base.LstmCellBackwardCore(gates, cPrevious, tanhC, dh1, default, validity, dc, updateMask);
    }

    sealed class NoSkipMask : Spoilt
    {
        private protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        {
            base.LeakyReluBackwardCore(dy, y, dx, mask, maskedDx, phi);
            if (!maskedDx.IsEmpty)
                Copy(dx, maskedDx);
        }
    }

    sealed class LargeNorm : Spoilt
    {
        private protected override void GradientNormCore(Tensor gradients, Tensor result)
        {
            base.GradientNormCore(gradients, result);
            Change(result, value => 1.001f * value);
        }
    }

    sealed class OtherDecay : Spoilt
    {
        private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
            => base.AdamStepCore(parameters, gradients, firstMoments, secondMoments, arguments with { Beta2 = 0.99f });
    }

    sealed class HalfTheRate : Spoilt
    {
        private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
        {
            Change(arguments.Rate, rate => rate / 2);
            base.AdamStepCore(parameters, gradients, firstMoments, secondMoments, arguments);
        }
    }

    sealed class StaleWeights : Spoilt
    {
        bool _fresh;

        private protected override void RefreshWeightsCore(IReadOnlyList<Weight> weights)
        {
            if (!_fresh)
                base.RefreshWeightsCore(weights);
            _fresh = true;
        }
    }
}
