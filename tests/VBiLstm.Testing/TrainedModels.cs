using VBiLstm.Configuration;

namespace VBiLstm.Tests;

/// <summary>Kinds and output distributions that a training step exists for: what tests of whole steps run over.</summary>
public static class TrainedModels
{
    public static IReadOnlyList<ModelKind> Kinds { get; } = [ModelKind.VariationalBiLstm, ModelKind.ZForcing, ModelKind.Lstm, ModelKind.BiLstm, ModelKind.TwinNet];

    public static IReadOnlyList<OutputDistribution> Distributions { get; } = Enum.GetValues<OutputDistribution>();
}
