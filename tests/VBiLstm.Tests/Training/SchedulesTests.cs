using VBiLstm.Configuration;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

public class SchedulesTests
{
    static readonly TrainingConfiguration Constant = new() { LearningRate = 0.5, LearningRateFinal = 0.1 };

    static double Rate(TrainingConfiguration training, long step, long total = 24) => Schedules.LearningRate(training, step, total);

    [Theory]
    [InlineData(LearningRateSchedule.Constant)]
    [InlineData(LearningRateSchedule.Cosine)]
    [InlineData(LearningRateSchedule.Linear)]
    public void The_rate_rises_linearly_to_its_full_value_at_the_end_of_the_warm_up(LearningRateSchedule schedule)
    {
        var training = Constant with { LearningRateSchedule = schedule, LearningRateWarmup = 4 };
        Assert.Equal([0.125, 0.25, 0.375, 0.5, 0.5], Enumerable.Range(0, 5).Select(step => Rate(training, step)));
    }

    [Fact]
    public void A_constant_rate_stays() => Assert.All(new long[] { 0, 1, 20, 24, 1000 }, step => Assert.Equal(0.5, Rate(Constant, step)));

    [Theory]
    [InlineData(4, 0.5)]
    [InlineData(9, 0.4)]
    [InlineData(14, 0.3)]
    [InlineData(24, 0.1)]
    [InlineData(30, 0.1)]
    public void A_linear_rate_falls_in_proportion_from_the_warm_up_to_the_end(long step, double expected)
        => Assert.Equal(expected, Rate(Constant with { LearningRateSchedule = LearningRateSchedule.Linear, LearningRateWarmup = 4 }, step), 1e-12);

    [Theory]
    [InlineData(4, 0.5)]
    [InlineData(9, 0.3 + 0.2 * 0.70710678118654752)]
    [InlineData(14, 0.3)]
    [InlineData(19, 0.3 - 0.2 * 0.70710678118654752)]
    [InlineData(24, 0.1)]
    [InlineData(30, 0.1)]
    public void A_cosine_rate_falls_by_half_a_turn_from_the_warm_up_to_the_end(long step, double expected)
        => Assert.Equal(expected, Rate(Constant with { LearningRateSchedule = LearningRateSchedule.Cosine, LearningRateWarmup = 4 }, step), 1e-12);

    [Fact]
    public void A_warm_up_as_long_as_the_run_or_longer_leaves_a_rate()
    {
        var training = Constant with { LearningRateSchedule = LearningRateSchedule.Linear, LearningRateWarmup = 10 };
        Assert.Equal(0.5, Rate(training, 9, total: 10));
        Assert.Equal(0.5, Rate(training, 10, total: 10));
        Assert.Equal(0.25, Rate(training, 4, total: 5));
    }

    [Theory]
    [InlineData(0, 0.06)]
    [InlineData(1, 0.12)]
    [InlineData(2, 0.18)]
    [InlineData(3, 0.24)]
    [InlineData(4, 0.3)]
    [InlineData(100, 0.3)]
    public void The_kl_weight_rises_linearly_from_its_initial_share(long step, double expected)
    {
        var training = new TrainingConfiguration { KlWarmup = 4, KlWeightInitial = 0.2 };
        Assert.Equal(expected, Schedules.KlWeight(new ModelConfiguration { KlWeight = 0.3 }, training, step), 1e-12);
    }

    [Theory]
    [InlineData(0, 4, 0, 0)]
    [InlineData(2, 4, 0, 0)]
    [InlineData(3, 4, 0, 0)]
    [InlineData(4, 4, 0, 0.25)]
    [InlineData(6, 4, 0, 0.75)]
    [InlineData(7, 4, 0, 1)]
    [InlineData(2, 4, 0.5, 0.5)]
    [InlineData(5, 4, 0.5, 0.75)]
    [InlineData(2, 0, 0.1, 0.1)]
    [InlineData(3, 0, 0.1, 1)]
    public void The_kl_weight_is_held_for_three_steps_before_it_rises(long step, int warmup, double initial, double expected)
    {
        var training = new TrainingConfiguration { KlHold = 3, KlWarmup = warmup, KlWeightInitial = initial };
        Assert.Equal(expected, Schedules.KlWeight(new ModelConfiguration(), training, step), 1e-12);
    }

    [Fact]
    public void Without_warm_up_the_kl_weight_is_the_model_s_from_the_first_step()
        => Assert.Equal(0.3, Schedules.KlWeight(new ModelConfiguration { KlWeight = 0.3 }, new TrainingConfiguration { KlWeightInitial = 0.2 }, 0));

    [Theory]
    [InlineData(4, 0, 0)]
    [InlineData(4, 1, 0.25)]
    [InlineData(4, 3, 0.75)]
    [InlineData(4, 4, 1)]
    [InlineData(4, 9, 1)]
    [InlineData(0, 0, 1)]
    public void The_auxiliary_costs_rise_linearly_from_nothing(int warmup, long step, double expected)
        => Assert.Equal(expected, Schedules.AuxiliaryShare(new TrainingConfiguration { AuxiliaryWarmup = warmup }, step), 1e-12);
}
