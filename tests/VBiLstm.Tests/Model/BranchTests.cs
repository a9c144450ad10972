using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Tests.Devices;

namespace VBiLstm.Tests.Model;

/// <summary>The double reference again, with every branch as late as it may come.</summary>
public class LateBranchConfigurationTests : DeviceRandomConfigurationTests
{
    protected override Device CreateDevice(int seed) => new LateBranchDevice(new CpuDevice(1));

    protected override double Tolerance => 2e-5;
}

/// <summary>Branches of training steps: none depends on when it runs, and a join that is missing shows.</summary>
public class BranchTests
{
    const int Rows = 5, TimeSteps = 6;

    static readonly RunConfiguration Run = new()
    {
        Model = new ModelConfiguration
        {
            OutputDistribution = OutputDistribution.Gaussian,
            FrameSize = 3,
            LstmUnits = 7,
            MlpUnits = 6,
            LatentUnits = 4,
            Alpha = 0.3,
            Beta = 0.2,
            TwinWeight = 0.5,
            Prior = PriorKind.Learned,
        },
        Training = new TrainingConfiguration { BatchSize = Rows, LearningRate = 0.01 },
    };

    // The parameters after two steps on ragged batches, the second of which carries the states.
    static float[] Train(Device device, ModelConfiguration model)
    {
        var configuration = Run with { Model = model };
        using var parameters = new ModelParameters(device, model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, TimeSteps, Rows, configuration.Training);
        for (var i = 0; i < 2; i++)
        {
            step.Load(RandomSequences.Batch(model, TimeSteps - i, Rows, i, ragged: true));
            step.Run(StepSettings.Of(configuration, i));
            step.CarryState();
        }

        var values = new float[parameters.Values.Count];
        device.Download(parameters.Values, values);
        return values;
    }

    [Theory]
    [MemberData(nameof(DeviceRandomConfigurationTests.Kinds), MemberType = typeof(DeviceRandomConfigurationTests))]
    public void Early_and_late_branches_give_the_same_bits(ModelKind kind)
    {
        var model = Run.Model with { Kind = kind };
        using var early = new CpuDevice(1);
        using var late = new LateBranchDevice(new CpuDevice(1));
        Assert.Equal(Train(early, model), Train(late, model));
        Assert.True(late.Branches > 0);
    }

    // Joins of two steps: before the forward loop, before the sums, and before the update.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_missing_join_shows(int join)
    {
        using var early = new CpuDevice(1);
        using var late = new LateBranchDevice(new CpuDevice(1), join);
        Assert.NotEqual(Train(early, Run.Model), Train(late, Run.Model));
    }

    [Fact]
    public void A_branch_must_be_joined_before_a_recording_ends_and_before_the_host_reads_or_writes()
    {
        using var device = new CpuDevice(1);
        using var arena = Arena.Create(device, "a test", arena => (arena.Take(1, 2), arena.TakeIds(2)), out var tensors);
        var (x, ids) = tensors;
        void Fork() => device.Fork(() => device.Zero(x));

        using var recording = device.Record(Fork);
        Throws("Record", recording.Replay);
        Fork();
        Throws("Download", () => device.Download(x, new float[2]));
        Fork();
        Throws("Upload", () => device.Upload([1, 2], x));
        Fork();
        Throws("Upload", () => device.Upload([1, 2], ids));
        Fork();
        device.JoinBranches();
        device.Upload([1, 2], x);

        static void Throws(string operation, Action action)
            => Assert.StartsWith($"{operation}: a branch was not joined", Assert.Throws<InvalidOperationException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_branch_neither_forks_nor_joins()
    {
        using var device = new CpuDevice(1);
        Assert.Contains("Fork is no part", Assert.Throws<InvalidOperationException>(() => device.Fork(() => device.Fork(() => { }))).Message,
            StringComparison.Ordinal);
        Assert.Contains("JoinBranches is no part", Assert.Throws<InvalidOperationException>(() => device.Fork(device.JoinBranches)).Message,
            StringComparison.Ordinal);
        device.Fork(() => { });
        device.JoinBranches();
    }
}
