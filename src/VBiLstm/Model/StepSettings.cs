using VBiLstm.Configuration;

namespace VBiLstm.Model;

/// <summary>What changes from one step to the next, uploaded at once.</summary>
/// <param name="Seed">With the step the key of the noise.</param>
/// <param name="Step">Steps done before this one; of an evaluation the number of the trajectory.</param>
/// <param name="LearningRate">Adam's.</param>
/// <param name="KlWeight">ω.</param>
/// <param name="Alpha">α.</param>
/// <param name="Beta">β.</param>
readonly record struct StepSettings(long Seed, long Step, double LearningRate, double KlWeight, double Alpha, double Beta)
{
    /// <summary>Of a step under the configuration's own rate and weights, without schedules.</summary>
    public static StepSettings Of(RunConfiguration configuration, long step)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var model = configuration.Model;
        return new StepSettings(configuration.Seed, step, configuration.Training.LearningRate, model.KlWeight, model.Alpha, model.Beta);
    }

    /// <summary>Of a forward pass alone, whose noise has this key; its terms are those of the bound.</summary>
    public static StepSettings OfEvaluation(long seed, long trajectory) => new(seed, trajectory, 0, 1, 0, 0);
}
