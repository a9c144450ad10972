using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Devices;
using VBiLstm.Devices.Counting;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Tests;
using VBiLstm.Tests.Model;

namespace VBiLstm.Cuda.Tests.Profiling;

/// <summary>Counts of whole steps against closed forms.</summary>
public class StepBudgetTests
{
    const int T = 23, B = 6;

    static readonly ModelConfiguration Model = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 7,
        VocabularySize = 90,
        EmbeddingSize = 5,
        LstmUnits = 11,
        MlpUnits = 13,
        LatentUnits = 4,
    };

    static StepBudget Count(ModelConfiguration model, int timeSteps = T)
        => StepBudget.Count(new RunConfiguration { Model = model, Training = new TrainingConfiguration { BatchSize = B } }, timeSteps);

    static int Kernels(StepBudget budget, TrainingPhase phase) => budget.Phases.Where(counted => counted.Phase == phase).Sum(counted => counted.Kernels);

    public static TheoryData<ModelKind, OutputDistribution, PriorKind, double, GeneratorInput> Models()
    {
        var models = new TheoryData<ModelKind, OutputDistribution, PriorKind, double, GeneratorInput>();
        foreach (var kind in Enum.GetValues<ModelKind>())
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                foreach (var prior in Enum.GetValues<PriorKind>().Where(prior => kind != ModelKind.Srnn || prior == PriorKind.Learned))
                    foreach (var beta in new[] { 0, 0.5 })
                    {
                        models.Add(kind, distribution, prior, beta,
                            kind == ModelKind.VariationalBiLstm && beta > 0 ? GeneratorInput.HZBTilde : GeneratorInput.H);
                    }

        return models;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Arithmetic_is_that_of_the_formula(ModelKind kind, OutputDistribution distribution, PriorKind prior, double beta, GeneratorInput generatorInput)
    {
        var model = Model with { Kind = kind, OutputDistribution = distribution, Prior = prior, Beta = beta, GeneratorInput = generatorInput };

        // The formula counts T steps; the backward LSTM reads T + 1 tokens, frames need no gradient, and neither does the state after the last token that
        // a generator reads.
        long recurrent = 4L * model.LstmUnits * model.LstmUnits, input = 4L * model.LstmUnits * model.InputSize;
        var oneMoreToken = model.HasBackwardLstm ? 2.0 * B * (3 * recurrent + (model.IsCategorical ? 3 : 2) * input) : 0;
        var noStateAfterTheLast = kind is ModelKind.BiLstm or ModelKind.TwinNet ? 2.0 * B * model.LstmUnits * model.MlpUnits : 0;

        // The features of vrnn are those of T + 1 tokens.
        if (kind == ModelKind.Vrnn)
            oneMoreToken = 2.0 * B * (model.IsCategorical ? 3 : 2) * model.InputSize * model.MlpUnits;
        Assert.Equal(SequenceModel.Of(model).TrainingStepOperations(T, B) + oneMoreToken - noStateAfterTheLast, Count(model).FloatingPointOperations);
    }

    [Fact]
    public void Projecting_a_small_vocabulary_once_saves_its_projections()
    {
        const int V = 8;
        var model = Model with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = V };
        var formula = SequenceModel.Of(model).TrainingStepOperations(T, B);
        long recurrent = 4L * model.LstmUnits * model.LstmUnits, input = 4L * model.LstmUnits * model.EmbeddingSize;
        var expected = formula + 2.0 * 3 * (B * recurrent - 2 * T * B * input + 2 * V * input);
        Assert.Equal(expected, Count(model).FloatingPointOperations);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, 9, 10)]
    [InlineData(ModelKind.ZForcing, 6, 6)]
    [InlineData(ModelKind.Lstm, 2, 2)]
    [InlineData(ModelKind.BiLstm, 2, 2)]
    [InlineData(ModelKind.Vrnn, 7, 8)]
    [InlineData(ModelKind.Srnn, 7, 7)]
    public void Loops_have_so_many_kernels_a_time_step(ModelKind kind, int forward, int reverse)
    {
        var (shorter, longer) = (Count(Model with { Kind = kind }), Count(Model with { Kind = kind }, T + 1));
        int PerStep(TrainingPhase phase) => Kernels(longer, phase) - Kernels(shorter, phase);
        Assert.Equal((forward, reverse), (PerStep(TrainingPhase.F3), PerStep(TrainingPhase.B5)));

        // A recurrence outside the loops is a product and a cell in each direction: none, the backward LSTM, or srnn's both.
        var recurrences = kind switch { ModelKind.Lstm or ModelKind.Vrnn => 0, ModelKind.Srnn => 2, _ => 1 };
        Assert.Equal(2 * recurrences, PerStep(TrainingPhase.F1) + PerStep(TrainingPhase.F1BackwardLstm));
        Assert.Equal(2 * recurrences, PerStep(TrainingPhase.B7));
        Assert.Equal(longer.Kernels - shorter.Kernels, forward + reverse + 4 * recurrences);
    }

    [Fact]
    public void Kernels_of_every_phase()
    {
        var budget = Count(Model with { Beta = 1 });
        var expected = new Dictionary<TrainingPhase, int>
        {
            // ε, ε′, m.
            [TrainingPhase.F2Noise] = 3,

            // Two slots cleared, the input projection, a product and a cell for each token.
            [TrainingPhase.F1BackwardLstm] = 2 + 1 + 2 * (T + 1),
            [TrainingPhase.F2] = 2,
            [TrainingPhase.F3] = 9 * T,

            // Three nets of three kernels, four densities, four sums and J.
            [TrainingPhase.F4] = 9 + 4 + 5,

            // Density, weight gradient and bias sum of two layers, φ′, two products back, two clears.
            [TrainingPhase.B1] = 1 + 4 + 1 + 2 + 2,

            // KL; the net as above with one product back inside; the mask; the product into h.
            [TrainingPhase.B2] = 1 + 6 + 1 + 1,
            [TrainingPhase.B3] = 1 + 6 + 1,
            [TrainingPhase.B4] = 1,
            [TrainingPhase.B5] = 2 + 10 * T,

            // Four weights of the LSTM, two each of q's hidden layer, one each of q's output and both layers of ψ; a bias for each of the five.
            [TrainingPhase.B6] = 4 + 2 + 1 + 2 + 5,

            // A slot and two states cleared, the product from q, a cell and a product for each token, two weight gradients and a bias.
            [TrainingPhase.B7] = 1 + 1 + 2 + 2 * (T + 1) + 3,

            // The norm in two, the guard, Adam.
            [TrainingPhase.Adam] = 4,
        };
        Assert.Equal(expected, budget.Phases.ToDictionary(phase => phase.Phase, phase => phase.Kernels));
    }

    [Fact]
    public void Host_calls_and_bytes()
    {
        var budget = Count(Model);

        // At once eight coefficients of terms, five more scalars and the noise key, row ids, validity, loss weights and frames; one graph; the metrics.
        Assert.Equal(1 + 1 + 1, budget.HostLaunches);
        Assert.Equal(4 * (Lines(8 + 5 + 3) + Lines(B) + Lines((T + 1) * B) + Lines(T * B) + (T + 1) * B * 7), budget.UploadedBytes);
        Assert.Equal(4 * (8 + 2), budget.DownloadedBytes);

        // Each part begins at a multiple of 64 bytes.
        static int Lines(int words) => (words + 15) / 16 * 16;
    }

    [Fact]
    public void Every_paper_model_can_be_counted()
        => Assert.All(PaperModel.All, paper =>
        {
            var model = paper.Configuration.Model;
            var operations = StepBudget.Count(paper.Configuration, paper.TimeSteps).FloatingPointOperations;
            Assert.InRange(operations / SequenceModel.Of(model).TrainingStepOperations(paper.TimeSteps, paper.Configuration.Training.BatchSize), 0.9, 1.1);
        });
}
