using VBiLstm.Configuration;

namespace VBiLstm.Tests.Reference;

/// <summary>The output distributions of model.md sections 2.3 and 13.</summary>
static class ReferenceOutputs
{
    /// <summary>O.</summary>
    public static int Width(ModelConfiguration model) => model.OutputDistribution switch
    {
        OutputDistribution.Categorical => model.VocabularySize,
        OutputDistribution.Bernoulli => model.FrameSize,
        OutputDistribution.Gaussian => 2 * model.FrameSize,
        OutputDistribution.GaussianMixture => model.MixtureComponents * (1 + 2 * model.FrameSize),
        _ => throw new ArgumentOutOfRangeException(nameof(model), model.OutputDistribution, null),
    };

    /// <summary>−log p(y | output) per row, [B, 1].</summary>
    public static Variable NegativeLogLikelihood(ModelConfiguration model, Variable output, Variable? frames, int[] tokens)
    {
        switch (model.OutputDistribution)
        {
            case OutputDistribution.Categorical:
                return output.LogSumExp() - output.Pick(tokens);
            case OutputDistribution.Bernoulli:
                return (output.SoftPlus() - frames! * output).RowSums();
            case OutputDistribution.Gaussian:
                return -1.0 * LogDensity(frames!, output.Part(0, model.FrameSize), Clamped(model, output.Part(model.FrameSize, model.FrameSize)));
            case OutputDistribution.GaussianMixture:
                var (k, d) = (model.MixtureComponents, model.FrameSize);
                var logits = output.Part(0, k);
                var joint = Enumerable.Range(0, k).Select(i => logits.Part(i, 1)
                    + LogDensity(frames!, output.Part(k + i * d, d), Clamped(model, output.Part(k + (k + i) * d, d))));
                return logits.LogSumExp() - Variable.SideBySide([.. joint]).LogSumExp();
            default:
                throw new ArgumentOutOfRangeException(nameof(model), model.OutputDistribution, null);
        }
    }

    /// <summary>log N(x; μ, e^λ) per row.</summary>
    public static Variable LogDensity(Variable x, Variable mean, Variable logVariance)
    {
        var constant = Variable.Of(1, 1, [Math.Log(2 * Math.PI)]);
        return -0.5 * (logVariance + (x - mean).Square() * (-1.0 * logVariance).Exp() + constant).RowSums();
    }

    static Variable Clamped(ModelConfiguration model, Variable logVariance) => logVariance.Clamp(model.OutputLogVarianceMin, model.OutputLogVarianceMax);
}
