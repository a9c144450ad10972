using VBiLstm.Configuration;
using VBiLstm.Data;

namespace VBiLstm.Evaluation;

/// <summary>What an evaluation reports (model.md section 12); sums over steps are in nats per sequence, means over sequences.</summary>
public sealed record EvaluationResult
{
    /// <summary>Mean −log p_η.</summary>
    public required double Nll { get; init; }

    /// <summary>Mean KL(q ‖ p), weight 1; 0 without a channel and in prior mode.</summary>
    public required double Kl { get; init; }

    /// <summary>log p_η − KL: KL weight 1, no auxiliary terms.</summary>
    public double Bound => -Nll - Kl;

    /// <summary>Importance-weighted bound from <see cref="ImportanceSamples"/> trajectories per sequence; null when not asked for.</summary>
    public double? ImportanceWeightedBound { get; init; }

    /// <summary>K; 0 when not asked for.</summary>
    public int ImportanceSamples { get; init; }

    /// <summary>Trajectories per sequence of prior mode, of whose densities the mean was taken; 0 for the posterior.</summary>
    public int Trajectories { get; init; }

    /// <summary>Whether those were the particles of a filter.</summary>
    public bool IsFiltered { get; init; }

    /// <summary>Sequences scored.</summary>
    public required int Sequences { get; init; }

    /// <summary>Predicted tokens or frames.</summary>
    public required long Tokens { get; init; }

    /// <summary>The unit that the data set's tables use.</summary>
    public TaskUnit Unit { get; init; }

    /// <summary>
    /// False where <see cref="Bound"/> does not bound the log-likelihood of the model: latents at their means, or a generator that reads the future.
    /// </summary>
    public required bool IsBound { get; init; }

    /// <summary>Mean KL of each latent dimension, nats per step.</summary>
    public IReadOnlyList<double> KlPerLatent { get; init; } = [];

    /// <summary>Mean of each latent dimension over all sequences and steps, E_x E_q[z]; none in prior mode.</summary>
    public IReadOnlyList<double> LatentMeans { get; init; } = [];

    /// <summary>Latent dimensions with Var_x E_q[z] above 0.01, x running over all sequences and steps.</summary>
    public int ActiveUnits { get; init; }

    /// <summary>The figure in the unit that the task's tables use, with that unit and which way is better.</summary>
    /// <param name="model">Of which it is.</param>
    public (double Value, string Unit) InTaskUnit(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Unit switch
        {
            TaskUnit.Perplexity => (Math.Exp(-Bound * Sequences / Tokens), "perplexity (lower is better)"),
            TaskUnit.BitsPerCharacter => (-Bound * Sequences / Tokens / Math.Log(2), "bits per character (lower is better)"),
            TaskUnit.NatsPerImage => (-Bound, "nats per image (lower is better)"),
            _ => model.IsCategorical
                ? (-Bound * Sequences / Tokens / Math.Log(2), "bits per token (lower is better)")
                : (Bound, "nats per sequence (higher is better)"),
        };
    }
}
