using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

public class StepBenchmarkTests
{
    static readonly RunConfiguration Small = new()
    {
        Model = new ModelConfiguration { FrameSize = 3, LstmUnits = 4, MlpUnits = 5, LatentUnits = 2 },
        Training = new TrainingConfiguration { BatchSize = 2, LearningRate = 0.01 },
    };

    [Theory]
    [InlineData(new double[] { 7 }, 7)]
    [InlineData(new double[] { 9, 1, 2 }, 2)]
    [InlineData(new double[] { 4, 10, 1, 2 }, 3)]
    [InlineData(new double[] { 5, 3 }, 4)]
    public void The_median_is_the_middle_or_between_the_two_in_the_middle(double[] values, double expected)
        => Assert.Equal(expected, StepBenchmark.Median(values));

    [Fact]
    public void Steps_train_with_noise_of_their_own_recorded_or_not()
    {
        using var device = new CpuDevice(1);
        using var recorded = new StepBenchmark(device, Small, 6);
        using var unrecorded = new StepBenchmark(device, Small, 6);
        var objectives = Enumerable.Range(0, 60).Select(_ => recorded.Run()).ToList();
        Assert.Equal(60, objectives.Distinct().Count());
        Assert.True(objectives[^10..].Average() < objectives[..10].Average() - 0.5, "the objective of one batch falls as it is learnt");
        for (var step = 0; step < 60; step++)
            unrecorded.Run(recorded: false);
        Assert.Equal(recorded.Run(), unrecorded.Run());

        using var fresh = new StepBenchmark(device, Small, 6);
        Assert.Equal(objectives[0], fresh.Differentiate());

        // The same noise again, as no step is counted.
        Assert.Equal(recorded.Differentiate(), recorded.Differentiate());
    }

    [Fact]
    public void A_measurement_has_the_phases_of_the_model_in_their_order()
    {
        using var device = new CpuDevice(1);
        using var benchmark = new StepBenchmark(device, Small, 6);
        var times = benchmark.Measure(TimeSpan.Zero, TestContext.Current.CancellationToken);
        Assert.Equal(5, times.Steps);
        Assert.True(times.Seconds > 0);
        var phases = times.Phases.Select(phase => phase.Phase).ToList();
        Assert.Equal(phases.Order(), phases);
        Assert.Equal(Enum.GetValues<TrainingPhase>().Except([TrainingPhase.B3, TrainingPhase.ShardSum, TrainingPhase.RankSum]), phases);
        Assert.All(times.Phases, phase => Assert.True(phase.Seconds > 0));
    }

    // A quarter of a second goes by from reading to reading.
    sealed class TickingClock(Action<int>? onReading = null) : TimeProvider
    {
        public int Readings { get; private set; }

        public override long TimestampFrequency => 4;

        public override long GetTimestamp()
        {
            Readings++;
            onReading?.Invoke(Readings);
            return Readings;
        }
    }

    [Fact]
    public void A_step_lasts_from_its_begin_to_its_end_and_a_phase_until_the_next()
    {
        using var device = new CpuDevice(1);
        using var benchmark = new StepBenchmark(device, Small, 6) { Clock = new TickingClock() };
        var times = benchmark.Measure(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(0.25, times.Seconds);

        // The forward LSTM's projections (F2) fork between the backward LSTM's and its recurrence (F1), so that both phases begin twice.
        Assert.All(times.Phases, phase => Assert.Equal(phase.Phase is TrainingPhase.F1 or TrainingPhase.F2 ? 0.5 : 0.25, phase.Seconds));
    }

    // Warming up takes 40 readings, whole steps as many, phases the rest.
    [Theory]
    [InlineData(10)]
    [InlineData(60)]
    [InlineData(100)]
    public void A_measurement_is_cancelled_at_the_next_step_of_each_of_its_parts(int reading)
    {
        using var device = new CpuDevice(1);
        using var source = new CancellationTokenSource();
        var clock = new TickingClock(number =>
        {
            if (number == reading)
                source.Cancel();
        });
        using var benchmark = new StepBenchmark(device, Small, 6) { Clock = clock };
        Assert.Throws<OperationCanceledException>(() => benchmark.Measure(TimeSpan.FromSeconds(30), source.Token));

        // A step and its phases, but no more, may have been under way.
        Assert.InRange(clock.Readings, reading, reading + Enum.GetValues<TrainingPhase>().Length + 1);
    }

    [Fact]
    public void A_measurement_can_be_cancelled_and_a_wrong_field_is_refused()
    {
        using var device = new CpuDevice(1);
        using var benchmark = new StepBenchmark(device, Small, 6);
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => benchmark.Measure(TimeSpan.Zero, source.Token));
        var wrong = Small with { Model = Small.Model with { LstmUnits = 0 } };
        Assert.Contains("model.lstm_units", Assert.Throws<ConfigurationException>(() => new StepBenchmark(device, wrong, 6)).Message, StringComparison.Ordinal);
    }
}
