using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

public class OptimiserTests
{
    sealed record Buffers(Tensor Parameters, Tensor Gradients, Tensor First, Tensor Second, Tensor Scalars);

    static AdamArguments Arguments(Buffers b, double clip, bool halt = false) => new(
        b.Scalars.RowRange(0, 1), b.Scalars.RowRange(1, 1), b.Scalars.RowRange(2, 1), b.Scalars.RowRange(3, 1), b.Scalars.RowRange(4, 1),
        b.Scalars.RowRange(5, 1), 0.9f, 0.99f, 1e-5f, (float)clip, halt);

    [Theory]
    [InlineData(1, 0)]
    [InlineData(17, 0)]
    [InlineData(1025, 0.5)]
    [InlineData(40_001, 3)]
    public void Adam_and_clipping_follow_the_published_formulas(int count, double clip)
    {
        var random = new Random(1);
        using var device = new CpuDevice(2);
        using var arena = Arena.Create(
            device, "test", a => new Buffers(a.Take(1, count), a.Take(1, count), a.Take(1, count), a.Take(1, count), a.Take(6, 1)), out var b);
        var (x, m, v) = (new double[count], new double[count], new double[count]);
        var actual = new float[count];
        for (var step = 1; step <= 5; step++)
        {
            float[] g = [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.4))];
            device.Upload(g, b.Gradients);
            device.Upload([0, 1, 0.01f, (float)(1 - Math.Pow(0.9, step)), (float)(1 - Math.Pow(0.99, step)), 0], b.Scalars);
            device.GradientNorm(b.Gradients, b.Scalars.RowRange(0, 1));
            device.AdamStep(b.Parameters, b.Gradients, b.First, b.Second, Arguments(b, clip));

            var norm = Math.Sqrt(g.Sum(value => (double)value * value));
            var read = new float[1];
            device.Download(b.Scalars.RowRange(0, 1), read);
            Assert.Equal(norm, read[0], norm * 1e-6);
            var scale = clip > 0 ? Math.Min(1, clip / norm) : 1;
            device.Download(b.Parameters, actual);
            for (var i = 0; i < count; i++)
            {
                var gradient = scale * g[i];
                m[i] = 0.9 * m[i] + 0.1 * gradient;
                v[i] = 0.99 * v[i] + 0.01 * gradient * gradient;
                x[i] -= 0.01 * (m[i] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.99, step))) + 1e-5);
                Assert.Equal(x[i], actual[i], 1e-6);
            }
        }
    }

    [Theory]
    [InlineData(float.NaN, 1f)]
    [InlineData(float.PositiveInfinity, 1f)]
    [InlineData(1f, float.NaN)]
    public void Nothing_changes_where_norm_or_objective_is_not_finite(float norm, float objective)
    {
        using var device = new CpuDevice(1);
        using var arena = Arena.Create(device, "test", a => new Buffers(a.Take(1, 8), a.Take(1, 8), a.Take(1, 8), a.Take(1, 8), a.Take(6, 1)), out var b);
        float[] values = [1, 2, 3, 4, 5, 6, 7, 8];
        foreach (var tensor in new[] { b.Parameters, b.Gradients, b.First, b.Second })
            device.Upload(values, tensor);

        bool Changes(float stepNorm, float stepObjective, bool halt)
        {
            device.Upload([stepNorm, stepObjective, 0.1f, 0.1f, 0.1f], b.Scalars.RowRange(0, 5));
            device.AdamStep(b.Parameters, b.Gradients, b.First, b.Second, Arguments(b, 1, halt));
            return new[] { b.Parameters, b.First, b.Second }.Any(tensor =>
            {
                var read = new float[8];
                device.Download(tensor, read);
                return !read.SequenceEqual(values);
            });
        }

        Assert.False(Changes(norm, objective, halt: false));
        Assert.False(Changes(norm, objective, halt: true));
        Assert.False(Changes(1, 1, halt: true), "an update after a halt");
        device.Zero(b.Scalars);
        Assert.False(Changes(norm, objective, halt: false));
        Assert.True(Changes(1, 1, halt: false), "no update after a skipped step");
    }

    [Fact]
    public void Schedules_start_rise_and_end_where_they_should()
    {
        var training = new TrainingConfiguration
        {
            LearningRate = 2,
            LearningRateFinal = 0.5,
            LearningRateWarmup = 4,
            KlWarmup = 10,
            KlWeightInitial = 0.2,
            AuxiliaryWarmup = 5,
        };
        double Rate(LearningRateSchedule schedule, long step) => Schedules.LearningRate(training with { LearningRateSchedule = schedule }, step, 104);
        foreach (var schedule in Enum.GetValues<LearningRateSchedule>())
        {
            Assert.Equal(0.5, Rate(schedule, 0), 1e-12);
            Assert.Equal(2, Rate(schedule, 3), 1e-12);
            Assert.Equal(2, Rate(schedule, 4), 1e-12);
        }

        Assert.Equal(2, Rate(LearningRateSchedule.Constant, 103), 1e-12);
        Assert.Equal(1.25, Rate(LearningRateSchedule.Linear, 54), 1e-12);
        Assert.Equal(1.25, Rate(LearningRateSchedule.Cosine, 54), 1e-12);
        Assert.Equal(0.5, Rate(LearningRateSchedule.Cosine, 104), 1e-12);
        Assert.Equal(0.5 + 1.5 * (1 + Math.Cos(Math.PI / 4)) / 2, Rate(LearningRateSchedule.Cosine, 29), 1e-12);

        var model = new ModelConfiguration { KlWeight = 0.5 };
        Assert.Equal(0.1, Schedules.KlWeight(model, training, 0), 1e-12);
        Assert.Equal(0.3, Schedules.KlWeight(model, training, 5), 1e-12);
        Assert.Equal(0.5, Schedules.KlWeight(model, training, 10), 1e-12);
        Assert.Equal(0, Schedules.AuxiliaryShare(training, 0), 1e-12);
        Assert.Equal(0.4, Schedules.AuxiliaryShare(training, 2), 1e-12);
        Assert.Equal(1, Schedules.AuxiliaryShare(training, 5), 1e-12);
    }
}
