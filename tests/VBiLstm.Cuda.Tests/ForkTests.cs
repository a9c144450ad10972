using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Tests;
using VBiLstm.Tests.Devices;

namespace VBiLstm.Cuda.Tests;

/// <summary>Steps with branches on a stream of their own: the bits of those in one line, in any order that the streams and the graph's edges allow.</summary>
[Collection(nameof(SeedOfTheGpu))]
public class ForkTests
{
    const int Rows = 6, TimeSteps = 8, Steps = 4;

    static RunConfiguration Configuration(ModelKind kind, OutputDistribution outputs, int shards = 1) => new()
    {
        Model = new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = outputs,
            FrameSize = 8,
            VocabularySize = 12,
            EmbeddingSize = 8,
            LstmUnits = 16,
            MlpUnits = 16,
            LatentUnits = 8,
            Alpha = 0.3,
            Beta = 0.2,
            TwinWeight = 0.5,
            Prior = PriorKind.Learned,
        },
        Training = new TrainingConfiguration { BatchSize = Rows, Shards = shards, LearningRate = 0.01 },
    };

    // Parameters and metrics after steps of which the first is called, the second captured; ragged, and each carries the states of the one before.
    static float[] Train(Device device, RunConfiguration configuration)
    {
        var (model, training) = (configuration.Model, configuration.Training);
        using var parameters = new ModelParameters(device, model, training: true, training.Shards);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, TimeSteps, training.ShardSize, training);
        for (var i = 0; i < Steps; i++)
        {
            for (var shard = 0; shard < training.Shards; shard++)
            {
                step.Load(RandomSequences.Batch(model, TimeSteps, training.ShardSize, 10 * i + shard, ragged: true));
                step.Run(StepSettings.Of(configuration, i), shard);
            }

            step.CarryState();
        }

        var values = new float[parameters.Values.Count];
        device.Download(parameters.Values, values);
        return [.. values, step.ReadMetrics().Objective, step.ReadMetrics().GradientNorm];
    }

    static CudaOptions Options(CudaPrecision precision, CudaRecurrence recurrence, bool fork, bool graph = true)
        => Gpu.Options(recurrence, precision, graph) with
        {
            UseFork = fork,
            Products = precision == CudaPrecision.Bf16 ? CudaProducts.Kernels : CudaProducts.Automatic,
        };

    static float[] Train(CudaOptions options, RunConfiguration configuration)
    {
        using var device = new CudaDevice(options);
        return Train(device, configuration);
    }

    static void AtSeeds(int seeds, Action<int> run)
    {
        try
        {
            for (var seed = 0; seed <= (Gpu.IsSoftware ? seeds : 0); seed++)
            {
                if (Gpu.IsSoftware)
                    SoftwareGpu.Seed(seed);
                run(seed);
            }
        }
        finally
        {
            if (Gpu.IsSoftware)
                SoftwareGpu.Seed(0);
        }
    }

    public static TheoryData<ModelKind, OutputDistribution, CudaPrecision, CudaRecurrence> Models()
    {
        var models = new TheoryData<ModelKind, OutputDistribution, CudaPrecision, CudaRecurrence>();
        foreach (var kind in Enum.GetValues<ModelKind>())
        {
            models.Add(kind, OutputDistribution.Gaussian, CudaPrecision.Fp32, CudaRecurrence.Kernels);
            models.Add(kind, OutputDistribution.Categorical, CudaPrecision.Tf32, CudaRecurrence.Cudnn);
            models.Add(kind, OutputDistribution.Gaussian, CudaPrecision.Bf16, CudaRecurrence.Kernels);
        }

        return models;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Branches_do_not_change_a_bit(ModelKind kind, OutputDistribution outputs, CudaPrecision precision, CudaRecurrence recurrence)
    {
        var configuration = Configuration(kind, outputs);
        var expected = Train(Options(precision, recurrence, fork: false), configuration);
        AtSeeds(4, seed => Assert.Equal(expected, Train(Options(precision, recurrence, fork: true, graph: seed != 2), configuration)));
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.Srnn)]
    public void Nor_those_of_shards(ModelKind kind)
    {
        var configuration = Configuration(kind, OutputDistribution.Gaussian, shards: 3);
        var expected = Train(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: false), configuration);
        AtSeeds(3, _ => Assert.Equal(expected, Train(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: true), configuration)));
    }

    // Leaves a join out: that before the forward loop, or that before the sums. Later ones join what they should have joined.
    sealed class MissingJoin(Device inner, int missing) : DelegatingDevice(inner)
    {
        const int JoinsOfAStep = 3;
        int _joins;

        private protected override void JoinBranchesCore()
        {
            if (_joins++ % JoinsOfAStep != missing)
                Inner.JoinBranches();
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(0, false)]
    [InlineData(1, false)]
    public void A_missing_join_shows_in_some_order(int missing, bool graph)
    {
        if (!Gpu.IsSoftware)
            Assert.Skip("Only the software GPU can be told an order.");
        var configuration = Configuration(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian);
        var expected = Train(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: false), configuration);
        var differs = false;
        AtSeeds(24, _ =>
        {
            if (differs)
                return;
            using var device = new MissingJoin(new CudaDevice(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: true, graph)), missing);
            differs = !expected.SequenceEqual(Train(device, configuration));
        });
        Assert.True(differs);
    }

    [Fact]
    public void A_recording_that_does_not_join_fails_and_leaves_the_device_usable()
    {
        using var device = new CudaDevice(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: true));
        using var arena = Arena.Create(device, "a test", arena => arena.Take(4, 4), out var x);
        var joins = true;
        using var recording = device.Record(() =>
        {
            device.Fork(() => device.Zero(x));
            if (joins)
                device.JoinBranches();
        });
        recording.Replay();
        joins = false;
        Assert.Contains("was not joined", Assert.Throws<InvalidOperationException>(recording.Replay).Message, StringComparison.Ordinal);
        joins = true;
        AssertReplayClears(x, device, recording);
    }

    static void AssertReplayClears(Tensor x, Device device, Recording recording)
    {
        device.Upload(Enumerable.Repeat(1f, (int)x.Count).ToArray(), x);
        recording.Replay();
        var values = new float[x.Count];
        device.Download(x, values);
        Assert.Equal(new float[x.Count], values);
    }

    [Fact]
    public void An_exception_in_a_branch_comes_through_and_leaves_the_device_usable()
    {
        using var device = new CudaDevice(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: true));
        using var arena = Arena.Create(device, "a test", arena => arena.Take(4, 4), out var x);
        var fails = false;
        using var recording = device.Record(() =>
        {
            device.Fork(() =>
            {
                device.Zero(x);
                if (fails)
                    throw new TimeoutException();
            });
            device.JoinBranches();
        });
        recording.Replay();
        fails = true;
        Assert.Throws<TimeoutException>(recording.Replay);
        fails = false;
        AssertReplayClears(x, device, recording);
    }

    [Fact]
    public void The_name_says_that_there_are_none()
    {
        using var device = new CudaDevice(Options(CudaPrecision.Fp32, CudaRecurrence.Kernels, fork: false));
        Assert.Contains(", no fork", device.Name, StringComparison.Ordinal);
    }
}
