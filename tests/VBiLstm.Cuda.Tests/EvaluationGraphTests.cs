using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Tests;

/// <summary>Evaluations and generation from graphs: the bits of the operations called one by one, and new noise at every replay.</summary>
public class EvaluationGraphTests
{
    const int B = 3;

    public static TheoryData<ModelKind, CudaRecurrence> Cases => new(
        from kind in Enum.GetValues<ModelKind>() from recurrence in new[] { CudaRecurrence.Cudnn, CudaRecurrence.Kernels } select (kind, recurrence));

    static ModelConfiguration Model(ModelKind kind, OutputDistribution distribution = OutputDistribution.Bernoulli) => new()
    {
        Kind = kind,
        OutputDistribution = distribution,
        FrameSize = 7,
        VocabularySize = 9,
        EmbeddingSize = 6,
        LstmUnits = 12,
        MlpUnits = 10,
        LatentUnits = 5,
        ZoneoutHidden = 0.2,
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_evaluation_has_the_same_bits_with_and_without_graphs(ModelKind kind, CudaRecurrence recurrence)
    {
        var (expected, none) = Scores(kind, recurrence, graph: false);
        var (actual, captured) = Scores(kind, recurrence, graph: true);
        Assert.Equal(expected, actual);

        // Two lengths, noise drawn and zero.
        Assert.Equal((0, 4), (none, captured));
        Assert.All(actual, value => Assert.True(double.IsFinite(value)));
    }

    // All sums of rows, trajectory by trajectory, and how many graphs were captured.
    static (List<double> Scores, int Graphs) Scores(ModelKind kind, CudaRecurrence recurrence, bool graph)
    {
        var model = Model(kind);
        using var device = Gpu.Create(recurrence, graph: graph);
        using var parameters = new ModelParameters(device, model, training: false);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, 9, B, training: null);
        var scores = new List<double>();
        var (nll, kl, logWeight) = (new double[B], new double[B], new double[B]);
        var perLatent = new double[3 * model.LatentUnits];
        foreach (var (number, length) in new[] { 4, 9, 9, 4, 4 }.Index())
        {
            step.ResetState();
            step.Load(RandomSequences.Batch(model, length, B, number, ragged: true));
            foreach (var drawsNoise in new[] { true, false })
            {
                var trajectories = new List<double[]>();
                for (var k = 0; k < 3; k++)
                {
                    step.Score(StepSettings.OfEvaluation(7, k), drawsNoise);
                    step.SequenceScores(nll, kl, logWeight);
                    var z = model.LatentUnits;
                    step.LatentStatistics(0, B, perLatent.AsSpan(0, z), perLatent.AsSpan(z, z), perLatent.AsSpan(2 * z, z));
                    trajectories.Add([.. nll, .. kl, .. logWeight, .. perLatent]);
                }

                Assert.Equal(drawsNoise && step.Model.HasLatent, !trajectories[1].AsSpan(0, B).SequenceEqual(trajectories[2].AsSpan(0, B)));
                scores.AddRange(trajectories.SelectMany(values => values));
            }
        }

        return (scores, device.GraphNodes.Count(nodes => nodes.Nodes > 0));
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Generation_and_prior_mode_have_the_same_bits_with_and_without_graphs(ModelKind kind)
    {
        var (expected, none) = Generate(kind, graph: false);
        var (actual, captured) = Generate(kind, graph: true);
        Assert.Equal(expected, actual);
        Assert.Equal((0, 2), (none, captured));
    }

    // Frames, tokens and their scores under the process that drew them; how many graphs were captured.
    static (List<double> Values, int Graphs) Generate(ModelKind kind, bool graph)
    {
        using var device = Gpu.Create(graph: graph);
        var values = new List<double>();
        var graphs = 0;
        foreach (var distribution in new[] { OutputDistribution.Gaussian, OutputDistribution.Categorical })
        {
            var model = Model(kind, distribution);
            using var parameters = new ModelParameters(device, model, training: false);
            parameters.Initialise(1);
            using var prior = new PriorMode(device, parameters, B, sampled: true);
            values.AddRange(model.IsCategorical
                ? Generation.Tokens(prior, model, 8, 1, seed: 3).Select(token => (double)token)
                : Generation.Frames(prior, model, 8, seed: 3).Select(value => (double)value));
            values.AddRange(PriorModeScore.Score(prior, RandomSequences.Batch(model, 6, B, 1, ragged: true)));
            graphs += device.GraphNodes.Count(nodes => nodes.Nodes > 0);
        }

        return (values, graphs);
    }
}
