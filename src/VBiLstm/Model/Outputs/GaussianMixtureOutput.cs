using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Outputs;

/// <summary>
/// A mixture of K diagonal Gaussians over D real values, o = [K logits | K·D means | K·D log-variances], component by component (model.md section 13, as in
/// RNN-GMM and VRNN-GMM of Chung et al. 2015).
/// </summary>
sealed class GaussianMixtureOutput(ModelConfiguration model) : Output
{
    readonly GaussianHead _head = new ModelFunctions(model).Output;
    readonly int _components = model.MixtureComponents;

    public override int Width => _components * (1 + 2 * model.FrameSize);

    internal override Kink Kink => Kink.MixtureLogVariance;

    public override void NllForward(Device device, Tensor output, in Targets targets, Tensor nll)
        => device.GaussianMixtureNllForward(output, targets.Frames, nll, _head, _components);

    public override void NllBackward(Device device, Tensor output, in Targets targets, Tensor w, Tensor one)
        => device.GaussianMixtureNllBackward(output, targets.Frames, w, _head, _components);

    // One component for the whole frame. The temperature divides the logits and multiplies the deviations.
    public override void Sample(ReadOnlySpan<float> output, double temperature, ref CounterRandom random, Span<float> values)
    {
        var component = CategoricalOutput.Draw(output[.._components], temperature, ref random);
        var means = output.Slice(_components + component * values.Length, values.Length);
        var logVariances = output.Slice(_components + (_components + component) * values.Length, values.Length);
        for (var d = 0; d < values.Length; d++)
            values[d] = GaussianOutput.Draw(means[d], logVariances[d], model, temperature, ref random);
    }

    public override float RandomValue(ref CounterRandom random) => random.NextNormal();
}
