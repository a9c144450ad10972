using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Tests;
using VBiLstm.Training;

namespace VBiLstm.Cuda.Tests;

/// <summary><c>bilstm</c> on sequences of equal lengths, whose two directions are one recurrence of cuDNN's; elsewhere they are two.</summary>
[Collection(nameof(AloneOnTheGpu))]
public class BidirectionalTests
{
    // No multiple of the 8 that cuDNN's faster algorithms want, and one.
    static readonly int[] RowCounts = [5, 8];

    static readonly int[] Lengths = [6, 6, 6, 3, 3, 3, 1, 1, 6];

    static RunConfiguration Configuration(OutputDistribution distribution, int rows, double zoneout = 0, double inputDropout = 0) => new()
    {
        Model = new ModelConfiguration
        {
            Kind = ModelKind.BiLstm,
            OutputDistribution = distribution,
            FrameSize = 7,
            VocabularySize = 9,
            EmbeddingSize = 6,
            LstmUnits = 12,
            MlpUnits = 10,
            LatentUnits = 5,
            ZoneoutHidden = zoneout,
            InputDropout = inputDropout,
        },
        Training = new TrainingConfiguration { BatchSize = rows, LearningRate = 1e-2 },
    };

    // The last row is padding in every second batch.
    static SequenceBatch Batch(RunConfiguration configuration, int steps, int number)
    {
        var rows = configuration.Training.BatchSize;
        var batch = RandomSequences.Batch(configuration.Model, steps, rows, number);
        if (number % 2 == 1)
            (batch.Sequences, batch.Lengths[^1]) = (rows - 1, 0);
        return batch;
    }

    // Parameters after a step on a batch of each length, all metrics on the way, and scores of two trajectories of each length.
    static float[] Train(Device device, RunConfiguration configuration, bool equalLengths = true)
    {
        using var parameters = new ModelParameters(device, configuration.Model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, Lengths.Max(), configuration.Training.BatchSize, configuration.Training,
            equalLengths: equalLengths);
        List<float> values = [];
        foreach (var (number, length) in Lengths.Index())
        {
            step.Load(Batch(configuration, length, number));
            step.Run(StepSettings.Of(configuration, number));
            var metrics = step.ReadMetrics();
            values.AddRange([(float)metrics.Objective, (float)metrics.GradientNorm]);
        }

        var rows = configuration.Training.BatchSize;
        var (nll, kl, logWeight) = (new double[rows], new double[rows], new double[rows]);
        foreach (var (number, length) in Lengths.Index())
        {
            step.Load(Batch(configuration, length, number));
            step.Score(StepSettings.OfEvaluation(7, 0), drawsNoise: true);
            step.SequenceScores(nll, kl, logWeight);
            values.AddRange(nll.Take(rows - number % 2).Select(value => (float)value));
        }

        var trained = new float[parameters.Values.Count];
        device.Download(parameters.Values, trained);
        return [.. values, .. trained];
    }

    static float[] Train(CudaOptions options, RunConfiguration configuration, bool equalLengths = true)
    {
        using var device = new CudaDevice(options);
        return Train(device, configuration, equalLengths);
    }

    static T Refusing<T>(Func<T> run)
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told to refuse.");
        using (Gpu.Create(CudaRecurrence.Kernels))
            SoftwareGpu.Set("SOFTGPU_FAIL_CUDNN", 3);
        try
        {
            return run();
        }
        finally
        {
            SoftwareGpu.Set("SOFTGPU_FAIL_CUDNN", 0);
        }
    }

    static void IsNear(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-4 * Math.Max(1, Math.Abs(expected[i])));
    }

    [Theory]
    [InlineData(OutputDistribution.Bernoulli)]
    [InlineData(OutputDistribution.Gaussian)]
    [InlineData(OutputDistribution.Categorical)]
    public void Training_and_scores_are_the_cpu_s_with_and_without_graphs(OutputDistribution distribution)
    {
        foreach (var rows in RowCounts)
        {
            var configuration = Configuration(distribution, rows);
            using var cpu = new CpuDevice(2);
            var expected = Train(cpu, configuration);
            var called = Train(Gpu.Options(CudaRecurrence.Cudnn, graph: false), configuration);
            IsNear(expected, called);
            Assert.Equal(called, Train(Gpu.Options(CudaRecurrence.Cudnn), configuration));
        }
    }

    [Fact]
    public void Branches_and_the_order_of_execution_do_not_change_a_bit()
    {
        var configuration = Configuration(OutputDistribution.Categorical, rows: 5);
        var options = Gpu.Options(CudaRecurrence.Cudnn);
        var expected = Train(options with { UseFork = false }, configuration);
        try
        {
            for (var seed = 0; seed <= (Gpu.IsSoftware ? 4 : 0); seed++)
            {
                if (Gpu.IsSoftware)
                    SoftwareGpu.Seed(seed);
                Assert.Equal(expected, Train(options, configuration));
            }
        }
        finally
        {
            if (Gpu.IsSoftware)
                SoftwareGpu.Seed(0);
        }
    }

    [Fact]
    public void A_refusal_of_bidirectional_networks_is_met_where_they_are_used_and_nowhere_else()
    {
        var configuration = Configuration(OutputDistribution.Bernoulli, rows: 5);
        var options = Gpu.Options(CudaRecurrence.Cudnn);
        Refusing(() =>
        {
            var refusal = Assert.ThrowsAny<CudaException>(() => Train(options, configuration)).Message;
            Assert.Contains("CUDNN_STATUS_NOT_SUPPORTED", refusal, StringComparison.Ordinal);

            // Of other lengths, with inputs of their own, and with another cell.
            Train(options, configuration, equalLengths: false);
            Train(options, Configuration(OutputDistribution.Bernoulli, rows: 5, inputDropout: 0.2));
            Train(options, Configuration(OutputDistribution.Bernoulli, rows: 5, zoneout: 0.2));
            Train(options, configuration with { Model = configuration.Model with { Kind = ModelKind.TwinNet } });
            return true;
        });
    }

    [Fact]
    public void A_cudnn_that_refuses_them_runs_two_recurrences_and_a_notice_says_so()
    {
        var configuration = Configuration(OutputDistribution.Bernoulli, rows: 5);
        var expected = Train(Gpu.Options(CudaRecurrence.Cudnn), configuration, equalLengths: false);
        var (actual, notices) = Refusing(() =>
        {
            using var device = Gpu.Create(CudaRecurrence.Automatic);
            return (Train(device, configuration), device.Notices);
        });
        Assert.Equal(expected, actual);
        var notice = Assert.Single(notices);
        Assert.Contains("both directions", notice, StringComparison.Ordinal);
        Assert.Contains("CUDNN_STATUS_NOT_SUPPORTED", notice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_runs_both_directions_as_one_where_the_data_have_one_length()
    {
        var configuration = Configuration(OutputDistribution.Bernoulli, rows: 4);
        configuration = configuration with { Model = configuration.Model with { FrameSize = 4 }, Training = configuration.Training with { Steps = 2 } };
        Refusing(() =>
        {
            Assert.ThrowsAny<CudaException>(() => Run([4, 4, 4, 4, 4], [3, 3]));
            Run([4, 4, 3, 4, 4], [3, 3]);
            Run([4, 4, 4, 4, 4], [3, 2]);
            return true;
        });

        void Run(int[] train, int[] validation)
        {
            using var data = new DataSplits(new Frames(train), new Frames(validation), new Frames(validation), "frames");
            using var device = Gpu.Create(CudaRecurrence.Cudnn);
            using var trainer = new Trainer(configuration with { Data = configuration.Data with { Source = data.Source } }, data, device);
            trainer.Run();
        }
    }

    // Frames of ones, of given lengths.
    sealed class Frames(int[] lengths) : SequenceDataset
    {
        public override int Count => lengths.Length;

        public override int FrameSize => 4;

        public override int VocabularySize => 0;

        public override int MaximumLength => lengths.Max();

        public override int Length(int index) => lengths[index];

        public override void Fill(int index, long epoch, SequenceBatch batch, int row)
            => BatchFilling.FillRow(batch, row, [.. Enumerable.Repeat(1f, (lengths[index] + 1) * FrameSize)], behindZeros: false);
    }
}
