using VBiLstm.Configuration;
using VBiLstm.Model;
using VBiLstm.Model.Models;

namespace VBiLstm.Cli;

/// <summary>Names as the configuration spells them.</summary>
static class Names
{
    public static string Of(ModelKind kind) => kind switch
    {
        ModelKind.VariationalBiLstm => "variational-bilstm",
        ModelKind.ZForcing => "z-forcing",
        ModelKind.Lstm => "lstm",
        ModelKind.BiLstm => "bilstm",
        ModelKind.Vrnn => "vrnn",
        ModelKind.Srnn => "srnn",
        ModelKind.TwinNet => "twin-net",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    public static string Of(OutputDistribution distribution) => distribution switch
    {
        OutputDistribution.Bernoulli => "bernoulli",
        OutputDistribution.Categorical => "categorical",
        OutputDistribution.Gaussian => "gaussian",
        OutputDistribution.GaussianMixture => "gaussian-mixture",
        _ => throw new ArgumentOutOfRangeException(nameof(distribution), distribution, null),
    };

    /// <summary>As docs/model.md names it.</summary>
    public static string Of(TrainingPhase phase) => phase switch
    {
        TrainingPhase.F2Noise => "F2′",
        TrainingPhase.F1BackwardLstm => "F1′",
        _ => phase.ToString(),
    };

    /// <summary>Kind and sizes in one line.</summary>
    public static string Describe(ModelConfiguration model)
        => $"{Of(model.Kind)}, H {model.LstmUnits}, M {model.MlpUnits}{(SequenceModel.Of(model).HasLatent ? $", Z {model.LatentUnits}" : "")}";

    /// <summary>The output distribution and its size.</summary>
    public static string Outputs(ModelConfiguration model)
        => $"{Of(model.OutputDistribution)} {(model.IsCategorical ? $"V {model.VocabularySize}" : $"D {model.FrameSize}")}";
}
