using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Outputs;

/// <summary>
/// An output distribution p_η(y_t | o_t) of model.md section 2.3: how wide the generator's pre-activations o are, what they say of a target, and how a value is
/// drawn from them. One file for each; <see cref="Of"/> is where they are registered.
/// </summary>
abstract class Output
{
    /// <summary>The distribution that a configuration names.</summary>
    public static Output Of(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.OutputDistribution switch
        {
            OutputDistribution.Bernoulli => new BernoulliOutput(model.FrameSize),
            OutputDistribution.Categorical => new CategoricalOutput(model.VocabularySize),
            OutputDistribution.Gaussian => new GaussianOutput(model),
            OutputDistribution.GaussianMixture => new GaussianMixtureOutput(model),
            _ => throw new ConfigurationException($"model.output_distribution {model.OutputDistribution} has no implementation."),
        };
    }

    /// <summary>O: width of the pre-activations.</summary>
    public abstract int Width { get; }

    /// <summary>Where gradients through the pre-activations jump.</summary>
    internal virtual Kink Kink => Kink.None;

    /// <summary>−log p per row, nats. Shapes: output [R, O], nll [R, 1].</summary>
    public abstract void NllForward(Device device, Tensor output, in Targets targets, Tensor nll);

    /// <summary>The pre-activations become w · ∂(−log p)/∂o. Shapes: output [R, O], w [R, 1], one [1, 1] holding 1.</summary>
    public abstract void NllBackward(Device device, Tensor output, in Targets targets, Tensor w, Tensor one);

    /// <summary>Draws one frame [D], or one token id as its only value, from the pre-activations o [O] of one row.</summary>
    /// <param name="output">o.</param>
    /// <param name="temperature">1 draws from the model; smaller values sharpen it.</param>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="values">[D], or [1] for a token.</param>
    public abstract void Sample(ReadOnlySpan<float> output, double temperature, ref CounterRandom random, Span<float> values);

    /// <summary>A value of the kind that the data hold, for batches where only shapes matter.</summary>
    public abstract float RandomValue(ref CounterRandom random);
}
