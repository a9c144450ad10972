using VBiLstm.Configuration;
using VBiLstm.Model.Models;
using VBiLstm.Model.Outputs;

namespace VBiLstm.Tests.Model;

/// <summary>Whatever a configuration can name has an implementation, and nothing else is taken for one (docs/extending.md).</summary>
public class RegistrationTests
{
    public static TheoryData<OutputDistribution> Distributions => [.. Enum.GetValues<OutputDistribution>()];

    public static TheoryData<ModelKind> Kinds => [.. Enum.GetValues<ModelKind>()];

    [Theory]
    [MemberData(nameof(Distributions))]
    public void Every_output_distribution_has_an_implementation(OutputDistribution distribution)
        => Assert.True(Output.Of(Model(ModelKind.Lstm, distribution)).Width > 0);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_kind_of_model_has_an_implementation(ModelKind kind)
    {
        var model = SequenceModel.Of(Model(kind, OutputDistribution.Bernoulli));
        Assert.True(model.ForwardMultiplyAdds > 0);
        Assert.Equal(kind, model.Configuration.Kind);
    }

    [Fact]
    public void A_distribution_that_nothing_knows_is_refused()
        => Assert.Contains("999", Assert.Throws<ConfigurationException>(() => Output.Of(Model(ModelKind.Lstm, (OutputDistribution)999))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_kind_that_nothing_knows_is_refused()
        => Assert.Contains("999", Assert.Throws<ConfigurationException>(() => SequenceModel.Of(Model((ModelKind)999, OutputDistribution.Bernoulli))).Message,
            StringComparison.Ordinal);

    static ModelConfiguration Model(ModelKind kind, OutputDistribution distribution) => new()
    {
        Kind = kind,
        OutputDistribution = distribution,
        FrameSize = 3,
        VocabularySize = 5,
        EmbeddingSize = 4,
        LstmUnits = 6,
        MlpUnits = 7,
        LatentUnits = 2,
    };
}
