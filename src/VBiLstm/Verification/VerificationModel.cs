using VBiLstm.Configuration;

namespace VBiLstm.Verification;

/// <summary>What is compared where nobody names a configuration.</summary>
static class VerificationModel
{
    /// <summary>T.</summary>
    public const int TimeSteps = 12;

    /// <summary>
    /// Small, and with every part of the model at work: all five nets, skip gradient in both directions, gradients into both targets, tanh means, clipping
    /// of activations and of the gradient, sizes off the vectors' grid, and outputs that do not start near N(0, I).
    /// </summary>
    public static RunConfiguration Configuration { get; } = new()
    {
        Model = new ModelConfiguration
        {
            OutputDistribution = OutputDistribution.Gaussian,
            FrameSize = 20,
            VocabularySize = 50,
            EmbeddingSize = 20,
            LstmUnits = 40,
            MlpUnits = 24,
            LatentUnits = 12,
            SkipGradient = SkipGradientMode.Both,
            ReconstructionMean = ReconstructionMean.Tanh,
            GeneratorInput = GeneratorInput.HZBTilde,
            TargetGradientB = true,
            Alpha = 0.5,
            Beta = 0.5,
            Gamma = 0.01,
            ActivationClip = 1,
            LogVarianceMin = -0.5,
            LogVarianceMax = 0.5,
            OutputLogVarianceMin = -0.5,
            OutputLogVarianceMax = 0.5,
            OutputInitialisation = 0.3,
            ForgetGateBias = 1,
        },
        Training = new TrainingConfiguration { BatchSize = 8, ClipNorm = 1 },
    };
}
