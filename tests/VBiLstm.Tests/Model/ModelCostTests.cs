using VBiLstm.Configuration;
using VBiLstm.Model;
using VBiLstm.Model.Models;

namespace VBiLstm.Tests.Model;

/// <summary>The arithmetic that rates are computed from.</summary>
public class ModelCostTests
{
    [Fact]
    public void The_speech_model_costs_what_model_md_says()
    {
        var model = new ModelConfiguration
        {
            OutputDistribution = OutputDistribution.Gaussian,
            FrameSize = 200,
            LstmUnits = 2048,
            MlpUnits = 1024,
            LatentUnits = 128,
            Beta = 1,
        };
        Assert.InRange(SequenceModel.Of(model).ForwardMultiplyAdds, 72.5e6, 73.5e6);
    }

    public static TheoryData<ModelKind, OutputDistribution, PriorKind, GeneratorInput, double> Models()
    {
        var data = new TheoryData<ModelKind, OutputDistribution, PriorKind, GeneratorInput, double>();
        foreach (var kind in Enum.GetValues<ModelKind>())
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                foreach (var prior in Enum.GetValues<PriorKind>())
                    foreach (var beta in new[] { 0, 0.5 })
                    {
                        data.Add(kind, distribution, prior,
                            kind == ModelKind.VariationalBiLstm && beta == 0 ? GeneratorInput.HZBTilde : GeneratorInput.H, beta);
                    }

        return data;
    }

    // One row of one time step passes once through every matrix but the embedding, which is looked up, and an unused xi net.
    [Theory]
    [MemberData(nameof(Models))]
    public void A_forward_pass_uses_every_weight_once(
        ModelKind kind, OutputDistribution distribution, PriorKind prior, GeneratorInput generatorInput, double beta)
    {
        var model = new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = distribution,
            Prior = prior,
            PriorInput = kind is ModelKind.VariationalBiLstm or ModelKind.ZForcing && prior == PriorKind.Learned && beta > 0 ? PriorInput.HX : PriorInput.H,
            GeneratorInput = generatorInput,
            BackwardPrediction = kind == ModelKind.ZForcing && beta > 0,
            Beta = beta,
            FrameSize = distribution == OutputDistribution.Categorical ? 0 : 7,
            VocabularySize = distribution == OutputDistribution.Categorical ? 11 : 0,
            EmbeddingSize = 3,
            LstmUnits = 5,
            MlpUnits = 13,
            LatentUnits = 2,
        };
        var used = new ParameterLayout(model).All.Where(parameter => !parameter.IsBias && parameter.Name != "embedding.weight"
            && (beta > 0 || !parameter.Name.StartsWith("xi.", StringComparison.Ordinal)));
        var forward = used.Sum(parameter => parameter.Rows * parameter.Columns);
        Assert.Equal(forward, SequenceModel.Of(model).ForwardMultiplyAdds);

        // Backwards each matrix meets the gradient of its output twice; frames themselves need no gradient, where nothing that has one stands beside them.
        bool ReadsFrames(string name) => kind switch
        {
            ModelKind.Vrnn => name == "feature_x.weight",
            ModelKind.Srnn => name == "forward_lstm.weight_input",
            _ => name.EndsWith("lstm.weight_input", StringComparison.Ordinal) || name == "prior.hidden.weight_x",
        };
        var frames = distribution == OutputDistribution.Categorical
            ? 0
            : used.Where(parameter => ReadsFrames(parameter.Name)).Sum(parameter => parameter.Rows * parameter.Columns);
        Assert.Equal(2.0 * 4 * 6 * (3 * forward - frames), SequenceModel.Of(model).TrainingStepOperations(4, 6));
    }
}
