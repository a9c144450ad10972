using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Tests;
using VBiLstm.Tests.Model;
using VBiLstm.Tests.Oracle;

namespace VBiLstm.Cuda.Tests;

/// <summary>
/// Loops over time as one cooperative kernel each: the bits of kernels for each time step, or, where a GPU has no room for one, those kernels and why.
/// </summary>
[Collection(nameof(AloneOnTheGpu))]
public class ResidentLoopTests
{
    const int TimeSteps = 4, Steps = 3;

    static readonly ModelConfiguration Usual = new()
    {
        Kind = ModelKind.VariationalBiLstm,
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 5,
        LstmUnits = 20,
        MlpUnits = 13,
        LatentUnits = 5,
        Alpha = 0.3,
        Beta = 0.2,
    };

    // Sizes off the grid of tiles and fragments of every kind, and every switch that reaches the loops. Rows up to 32, 64 and 128 take another path each.
    static readonly Dictionary<string, (ModelConfiguration Model, int Rows)> Cases = new()
    {
        ["usual"] = (Usual, 6),
        ["33 rows"] = (Usual with { LstmUnits = 9, MlpUnits = 8 }, 33),
        ["65 rows"] = (Usual with { LstmUnits = 8, MlpUnits = 7, LatentUnits = 2 }, 65),
        ["128 rows"] = (Usual with { LstmUnits = 8, MlpUnits = 7, LatentUnits = 2 }, 128),
        ["deep"] = (Usual with { LstmUnits = 72, MlpUnits = 152, LatentUnits = 17 }, 3),
        ["whole fragments"] = (Usual with { LstmUnits = 16, MlpUnits = 16, LatentUnits = 16 }, 16),
        ["mean"] = (Usual with { BTilde = BTildeMode.Mean, ReconstructionMean = ReconstructionMean.Tanh, SkipGradient = SkipGradientMode.Off }, 6),
        ["concatenated"] = (Usual with { GeneratorInput = GeneratorInput.HZBTilde, SkipGradient = SkipGradientMode.Both, TargetGradientB = true }, 6),
        ["regularised"] = (Usual with { RecurrentDropout = 0.3, WeightNoise = 0.05, InputDropout = 0.2, OutputDropout = 0.2, Prior = PriorKind.Fixed }, 6),
        ["ids"] = (Usual with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 11, EmbeddingSize = 6, Beta = 0, Alignment = 1 }, 6),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    static CudaOptions Options(CudaLoop loop, bool graph = true)
        => Gpu.Options(CudaRecurrence.Kernels, CudaPrecision.Bf16, graph) with { Products = CudaProducts.Kernels, Loop = loop };

    // Parameters and metrics after ragged steps, each of which carries the states of the one before; of the same length, the second of which is captured.
    static float[] Train(CudaOptions options, ModelConfiguration model, int rows, out string[] notices, out int nodes)
    {
        List<string> said = [];
        using var device = new CudaDevice(options) { Noticed = said.Add };
        var configuration = new RunConfiguration { Model = model, Training = new TrainingConfiguration { BatchSize = rows, LearningRate = 0.01 } };
        using var parameters = new ModelParameters(device, model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, TimeSteps, rows, configuration.Training);
        for (var i = 0; i < Steps; i++)
        {
            step.Load(RandomSequences.Batch(model, TimeSteps, rows, i, ragged: true));
            step.Run(StepSettings.Of(configuration, i));
            step.CarryState();
        }

        var values = new float[parameters.Values.Count];
        device.Download(parameters.Values, values);
        (notices, nodes) = ([.. said], options.UseGraph ? device.GraphNodes.First().Nodes : 0);
        return [.. values, step.ReadMetrics().Objective, step.ReadMetrics().GradientNorm];
    }

    static void With(string setting, int value, int usual, Action run)
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told what it is.");
        SoftwareGpuBuild.Require();
        SoftwareGpu.Set(setting, value);
        try
        {
            run();
        }
        finally
        {
            SoftwareGpu.Set(setting, usual);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void They_have_the_bits_of_time_steps_one_by_one(string name)
    {
        var (model, rows) = Cases[name];
        var expected = Train(Options(CudaLoop.Steps), model, rows, out _, out var nodes);
        Assert.All(expected, value => Assert.True(float.IsFinite(value)));
        var (notices, residentNodes) = (Array.Empty<string>(), 0);
        void TrainResident() => Assert.Equal(expected, Train(Options(CudaLoop.Resident), model, rows, out notices, out residentNodes));

        // Two of the software GPU's multiprocessors have no room for so many columns.
        if (name == "deep" && Gpu.IsSoftware)
            With("SOFTGPU_MULTIPROCESSORS", 9, 0, TrainResident);
        else
            TrainResident();
        Assert.Empty(notices);

        // Five kernels a time step forward and five in reverse became one each.
        Assert.Equal(nodes - (10 * TimeSteps) + 2, residentNodes);
    }

    [Fact]
    public void In_any_order_of_blocks_streams_and_threads_with_and_without_a_graph()
    {
        var expected = Train(Options(CudaLoop.Steps), Usual, 6, out _, out _);
        With("SOFTGPU_MULTIPROCESSORS", 5, 0, () =>
        {
            try
            {
                for (var seed = 0; seed <= 4; seed++)
                {
                    SoftwareGpu.Seed(seed);
                    Assert.Equal(expected, Train(Options(CudaLoop.Resident, graph: seed % 2 == 0), Usual, 6, out var notices, out _));
                    Assert.Empty(notices);
                }
            }
            finally
            {
                SoftwareGpu.Seed(0);
            }
        });
    }

    static void FallsBack(ModelConfiguration model, int rows, string reason)
    {
        var expected = Train(Options(CudaLoop.Steps), model, rows, out _, out var nodes);
        Assert.Equal(expected, Train(Options(CudaLoop.Resident), model, rows, out var notices, out var residentNodes));
        Assert.Contains(reason, Assert.Single(notices), StringComparison.Ordinal);
        Assert.Equal(nodes, residentNodes);
    }

    [Fact]
    public void A_gpu_without_cooperative_launches_runs_time_steps_and_says_so()
        => With("SOFTGPU_COOPERATIVE_LAUNCH", 0, 1, () => FallsBack(Usual, 6, "the GPU has no cooperative launches"));

    [Fact]
    public void So_does_one_without_room_for_the_weights()
        => With("SOFTGPU_SHARED_MEMORY", 96 << 10, 0,
            () => With("SOFTGPU_MULTIPROCESSORS", 1, 0, () => FallsBack(Usual with { LstmUnits = 64, MlpUnits = 64 }, 6, "its weights take")));

    [Fact]
    public void So_do_models_and_batches_that_the_kernels_do_not_know()
    {
        FallsBack(Usual with { ZoneoutHidden = 0.1 }, 6, "zoneout");
        FallsBack(Usual with { ZoneoutCell = 0.1 }, 6, "zoneout");
        FallsBack(Usual with { LstmUnits = 8, MlpUnits = 7, LatentUnits = 2 }, 129, "129 rows");
    }

    // What the twin of Bf16Tests has compared with the golden vectors operation by operation.
    [Theory]
    [MemberData(nameof(OracleCases.Files), MemberType = typeof(OracleCases))]
    public void Every_tensor_of_a_golden_case_has_the_bits_of_time_steps_one_by_one(string file)
    {
        var oracle = new OracleCase(file);
        IReadOnlyDictionary<string, double[]> Run(CudaLoop loop)
        {
            using var device = new CudaDevice(Options(loop));
            using var run = new OracleRun(device, oracle, inputGradient: true);
            return run.Run();
        }

        var (expected, actual) = (Run(CudaLoop.Steps), Run(CudaLoop.Resident));
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(expected, pair => Assert.Equal(pair.Value, actual[pair.Key]));
    }

    [Fact]
    public void An_evaluation_has_its_forward_loop_alone()
    {
        double[] Score(CudaLoop loop, out int nodes)
        {
            using var device = new CudaDevice(Options(loop));
            using var parameters = new ModelParameters(device, Usual, training: false);
            parameters.Initialise(1);
            using var step = new TrainingStep(device, parameters, TimeSteps, 6, training: null);
            step.Load(RandomSequences.Batch(Usual, TimeSteps, 6, 1, ragged: true));
            double[] nll = new double[6], kl = new double[6], logWeight = new double[6];
            for (var k = 0; k < 3; k++)
            {
                step.Score(StepSettings.OfEvaluation(7, k), drawsNoise: true);
                step.SequenceScores(nll, kl, logWeight);
            }

            nodes = device.GraphNodes.Max(graph => graph.Nodes);
            return [.. nll, .. kl, .. logWeight];
        }

        Assert.Equal(Score(CudaLoop.Steps, out var nodes), Score(CudaLoop.Resident, out var residentNodes));
        Assert.Equal(nodes - (5 * TimeSteps) + 1, residentNodes);
    }

    [Fact]
    public void In_other_precisions_they_are_refused()
        => Assert.Throws<ArgumentException>(() => new CudaDevice(Options(CudaLoop.Resident) with { Precision = CudaPrecision.Tf32 }));
}
