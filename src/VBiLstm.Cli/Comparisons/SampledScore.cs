using VBiLstm.Comparisons;

namespace VBiLstm.Cli.Comparisons;

/// <summary>A score of a model's latents, nats per sequence, and what it is.</summary>
/// <param name="Label">As columns and legends say it.</param>
/// <param name="Of">Null where a run does not have it.</param>
sealed record SampledScore(string Label, Func<ComparisonResult, double?> Of)
{
    /// <summary>All but the bound itself, from the posterior's to the prior's.</summary>
    public static IReadOnlyList<SampledScore> All { get; } =
    [
        new("posterior, K samples (bound)", result => result.ImportanceWeighted),
        new("prior, K particles (bound)", result => result.ParticleFilter),
        new("prior, K trajectories (bound)", result => result.PriorTrajectories),
        new("prior, one trajectory (bound)", result => result.Samples > 0 ? null : result.PriorModeSampled),
        new("prior, mean (not a bound)", result => result.PriorModeMean),
    ];

    /// <summary>Whether these runs of a model have latents and the score.</summary>
    public bool IsKnown(IEnumerable<ComparedRun> runs) => runs.All(run => run.Result.HasChannel && Of(run.Result) is not null);
}
