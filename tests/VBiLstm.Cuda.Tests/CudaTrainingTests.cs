using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Tests;
using VBiLstm.Training;

namespace VBiLstm.Cuda.Tests;

/// <summary>Whole trainings on a GPU: the CPU's figures, and the same bits whatever may come in another order.</summary>
[Collection(nameof(SeedOfTheGpu))]
public class CudaTrainingTests
{
    static readonly RunConfiguration Run = new()
    {
        Seed = 5,
        Model = new ModelConfiguration { LstmUnits = 24, MlpUnits = 20, LatentUnits = 6, Alpha = 0.01, Beta = 0.01 },
        Data = new DataConfiguration { Binarisation = Binarisation.Stochastic },
        Training = new TrainingConfiguration { BatchSize = 10, Steps = 6, LearningRate = 3e-3, EvaluateEvery = 0, CheckpointEvery = 4 },
    };

    sealed class CancelAfter(long step, CancellationTokenSource source) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == step)
                source.Cancel();
        }

        public void OnEvaluation(Training.EvaluationReport report)
        {
        }
    }

    static RunFolder Train(string folder, Device device, RunConfiguration configuration, long cancelAfter = -1, bool resume = false)
    {
        using var data = SmallImages.Open(configuration.Data, configuration.Seed);
        var run = new RunFolder(folder);
        using var source = new CancellationTokenSource();
        using (device)
        using (var trainer = resume
            ? new Trainer(configuration, data, device, run, CheckpointFolder.Read(run.Last, withMoments: true))
            : new Trainer(configuration, data, device, run))
            trainer.Run(new CancelAfter(cancelAfter, source), source.Token);
        return run;
    }

    static byte[] Weights(RunFolder run) => File.ReadAllBytes(Path.Combine(run.Last, "weights.safetensors"));

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.BiLstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Every_step_has_the_cpu_s_metrics(ModelKind kind)
    {
        using var folder = new TemporaryFolder();
        var configuration = Run with { Model = Run.Model with { Kind = kind }, Training = Run.Training with { Steps = 12 } };
        var expected = MetricsLog.Read(Train(folder.At("cpu"), new CpuDevice(2), configuration).Metrics).ToList();
        var actual = MetricsLog.Read(Train(folder.At("gpu"), Gpu.Create(), configuration).Metrics).ToList();
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i].Step, actual[i].Step);
            foreach (var (name, value) in expected[i].Values)
                Assert.Equal(value, actual[i].Values[name], 1e-4 * Math.Max(1, Math.Abs(value)));
        }
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.BiLstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Graph_recurrence_resume_and_order_of_execution_do_not_change_a_bit(ModelKind kind)
    {
        using var folder = new TemporaryFolder();
        var configuration = Run with { Model = Run.Model with { Kind = kind } };
        List<(CudaRecurrence, CudaPrecision)> ways = [(CudaRecurrence.Cudnn, CudaPrecision.Fp32), (CudaRecurrence.Kernels, CudaPrecision.Fp32)];

        // Every kernel of bf16 is in these two; on the software GPU they are slow.
        if (kind is ModelKind.VariationalBiLstm or ModelKind.Lstm)
            ways.Add((CudaRecurrence.Kernels, CudaPrecision.Bf16));
        foreach (var (recurrence, precision) in ways)
        {
            var name = $"{recurrence}-{precision}";
            var whole = Weights(Train(folder.At($"{name}-whole"), Gpu.Create(recurrence, precision), configuration));
            Assert.Equal(whole, Weights(Train(folder.At($"{name}-no-graph"), Gpu.Create(recurrence, precision, graph: false), configuration)));
            var stopped = Train(folder.At($"{name}-stopped"), Gpu.Create(recurrence, precision), configuration, cancelAfter: 3);
            Assert.NotEqual(whole, Weights(stopped));
            Assert.Equal(whole, Weights(Train(stopped.Path, Gpu.Create(recurrence, precision), configuration, resume: true)));
        }
    }

    [Theory]
    [InlineData(CudaPrecision.Fp32, 20)]
    [InlineData(CudaPrecision.Bf16, 4)]
    public void Any_order_that_the_streams_allow_gives_the_same_bits(CudaPrecision precision, int seeds)
    {
        if (!Gpu.IsSoftware)
            Assert.Skip("Only the software GPU can be told an order.");
        SoftwareGpuBuild.Require();
        using var folder = new TemporaryFolder();

        // One step call by call, one captured and launched, one launched again.
        var configuration = Run with { Training = Run.Training with { Steps = 3 } };
        try
        {
            var expected = Weights(Train(folder.At("0"), Gpu.Create(precision: precision), configuration));
            for (var seed = 1; seed <= seeds; seed++)
            {
                SoftwareGpu.Seed(seed);
                Assert.Equal(expected, Weights(Train(folder.At($"{seed}"), Gpu.Create(precision: precision, graph: seed % 4 != 0), configuration)));
            }
        }
        finally
        {
            SoftwareGpu.Seed(0);
        }
    }

    [Theory]
    [InlineData(OnNonFinite.Stop)]
    [InlineData(OnNonFinite.Skip)]
    public void A_non_finite_step_leaves_the_parameters_although_the_next_one_is_under_way(OnNonFinite action)
    {
        using var folder = new TemporaryFolder();
        var configuration = Run with
        {
            Training = Run.Training with { LearningRate = 1e30, ClipNorm = 0, Steps = 8, CheckpointEvery = 4, OnNonFinite = action },
        };
        var e = Assert.Throws<NonFiniteException>(() => Train(folder.Path, Gpu.Create(), configuration));

        // Skipping goes on to the end, where the diverged run has no figure.
        var stops = action == OnNonFinite.Stop;
        Assert.Equal(stops, e.Tensor.Length > 0);
        Assert.Equal(stops, e.Term != "the validation bound");
        var step = stops ? e.Step - 1 : 4;
        var saved = CheckpointFolder.Read(new RunFolder(folder.Path).Last, withMoments: true);
        Assert.Equal(step, saved.State.Step);
        Assert.All(saved.Weights, tensor => Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value))));
    }
}
