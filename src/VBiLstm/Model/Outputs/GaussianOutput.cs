using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Outputs;

/// <summary>D real values with a diagonal covariance, o = [μ; ℓ]: −log p = ½ Σ_d log 2π + λ_d + (y_d − μ_d)² e^−λ_d with λ = cl(ℓ).</summary>
sealed class GaussianOutput(ModelConfiguration model) : Output
{
    readonly GaussianHead _head = new ModelFunctions(model).Output;

    public override int Width => 2 * model.FrameSize;

    internal override Kink Kink => Kink.OutputLogVariance;

    public override void NllForward(Device device, Tensor output, in Targets targets, Tensor nll)
        => device.GaussianLogDensityForward(targets.Frames, output, nll, -1, _head);

    public override void NllBackward(Device device, Tensor output, in Targets targets, Tensor w, Tensor one)
        => device.GaussianLogDensityBackward(targets.Frames, output, w, one, output, throughOutput: true, default, default, accumulateTarget: false, _head);

    // The temperature multiplies the deviations.
    public override void Sample(ReadOnlySpan<float> output, double temperature, ref CounterRandom random, Span<float> values)
    {
        for (var d = 0; d < values.Length; d++)
            values[d] = Draw(output[d], output[model.FrameSize + d], model, temperature, ref random);
    }

    /// <summary>A value of N(mean, (temperature e^(λ/2))²), λ the clamped log-variance.</summary>
    internal static float Draw(float mean, float logVariance, ModelConfiguration model, double temperature, ref CounterRandom random)
        => (float)(mean + temperature * Math.Exp(Math.Clamp(logVariance, model.OutputLogVarianceMin, model.OutputLogVarianceMax) / 2) * random.NextNormal());

    public override float RandomValue(ref CounterRandom random) => random.NextNormal();
}
