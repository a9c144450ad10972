using VBiLstm.Configuration;

namespace VBiLstm.Training;

/// <summary>Step-varying weights of a run; steps count from 0.</summary>
static class Schedules
{
    /// <summary>Learning rate of <paramref name="step"/> in a run of <paramref name="totalSteps"/>: linear warm-up, then the schedule.</summary>
    public static double LearningRate(TrainingConfiguration training, long step, long totalSteps)
    {
        ArgumentNullException.ThrowIfNull(training);
        if (step < training.LearningRateWarmup)
            return training.LearningRate * (step + 1) / training.LearningRateWarmup;
        var span = Math.Max(1, totalSteps - training.LearningRateWarmup);
        var progress = Math.Min(1, (double)(step - training.LearningRateWarmup) / span);
        var (from, to) = (training.LearningRate, training.LearningRateFinal);
        return training.LearningRateSchedule switch
        {
            LearningRateSchedule.Cosine => to + (from - to) * 0.5 * (1 + CosineOfHalfTurns(progress)),
            LearningRateSchedule.Linear => from + (to - from) * progress,
            _ => from,
        };
    }

    // cos πx for x in [0, 1], as -sin π(x - ½) by its series. The C library's has other bits on other systems.
    static double CosineOfHalfTurns(double x)
    {
        var y = Math.PI * (x - 0.5);
        var sum = 1.0;
        for (var n = 20; n > 0; n -= 2)
            sum = 1 - y * y / (n * (n + 1)) * sum;
        return -y * sum;
    }

    /// <summary>ω of <paramref name="step"/>: kl_weight_initial · ω for kl_hold steps, then linearly to ω.</summary>
    public static double KlWeight(ModelConfiguration model, TrainingConfiguration training, long step)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(training);
        var warm = step - training.KlHold;
        if (warm >= training.KlWarmup)
            return model.KlWeight;
        var share = training.KlWeightInitial + (1 - training.KlWeightInitial) * Math.Max(0, warm) / Math.Max(1, training.KlWarmup);
        return model.KlWeight * share;
    }

    /// <summary>Share of α and β of <paramref name="step"/>: from 0 linearly to 1.</summary>
    public static double AuxiliaryShare(TrainingConfiguration training, long step)
    {
        ArgumentNullException.ThrowIfNull(training);
        return step >= training.AuxiliaryWarmup ? 1 : (double)step / training.AuxiliaryWarmup;
    }
}
