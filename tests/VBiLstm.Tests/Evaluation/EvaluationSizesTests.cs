using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Tests.Evaluation;

/// <summary>How much of an evaluation is computed side by side.</summary>
public class EvaluationSizesTests
{
    static readonly ModelConfiguration Model = new()
    {
        OutputDistribution = OutputDistribution.Bernoulli,
        FrameSize = 28,
        LstmUnits = 64,
        MlpUnits = 64,
        LatentUnits = 16,
    };

    [Theory]
    [InlineData(28, 8, 40, 0)]
    [InlineData(28, 8, 3, 0)]
    [InlineData(28, 1, 1, 50)]
    [InlineData(28, 32, 1, 53)]
    [InlineData(28, 700, 4, 7)]
    [InlineData(2000, 32, 10, 50)]
    [InlineData(2000, 500, 10, 5)]
    public void It_stays_within_the_memory_of_training_and_the_work(int timeSteps, int shardSize, int shards, int importanceSamples)
    {
        using var device = new CpuDevice(1);
        var sizes = EvaluationSizes.Choose(device, Model, timeSteps, shardSize, shards, importanceSamples);
        var side = sizes.Shards * sizes.Samples;
        Assert.InRange(sizes.Shards, 1, shards);
        Assert.InRange(sizes.Samples, 1, Math.Max(1, importanceSamples));
        if (side == 1)
            return;
        Assert.InRange(side * shardSize, 1, EvaluationSizes.MaximumRows);
        var bytes = TrainingStep.Measure(device, Model, timeSteps, side * shardSize, training: false);
        Assert.InRange(bytes, 0, Math.Max(256_000_000, TrainingStep.Measure(device, Model, timeSteps, shardSize, training: true)));
    }

    [Fact]
    public void Trajectories_come_first_and_leave_few_rows_empty()
    {
        using var device = new CpuDevice(1);

        // At most 16 rows of a sequence: 50 trajectories in 5 passes of 10.
        Assert.Equal(new EvaluationSizes(1, 10), EvaluationSizes.Choose(device, Model, 28, 32, 20, 50));

        // 9 shards of 32, of which a CPU takes 4: three passes of 3.
        Assert.Equal(new EvaluationSizes(3, 1), EvaluationSizes.Choose(device, Model, 28, 32, 9, 0));
        Assert.Equal(1, EvaluationSizes.Choose(device, Model with { Kind = ModelKind.Lstm }, 28, 32, 9, 50).Samples);
    }
}
