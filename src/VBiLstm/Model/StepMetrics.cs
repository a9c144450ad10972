namespace VBiLstm.Model;

/// <summary>
/// Sums of one step, weighted by w_t, so nats per sequence (model.md section 2.4). Terms that the model lacks are 0.
/// </summary>
/// <param name="Nll">−log p_η.</param>
/// <param name="Kl">KL(q ‖ p) before ω.</param>
/// <param name="LogPPsi">log p_ψ before α.</param>
/// <param name="LogPXi">log p_ξ before β; 0 where β is 0.</param>
/// <param name="Activity">|h|² before γ; 0 where γ is 0.</param>
/// <param name="Objective">J.</param>
/// <param name="GradientNorm">Euclidean norm of the whole gradient before clipping; 0 when not computed.</param>
public readonly record struct StepMetrics(float Nll, float Kl, float LogPPsi, float LogPXi, float Activity, float Objective, float GradientNorm)
{
    /// <summary>How many values there are.</summary>
    internal const int Count = 7;

    internal StepMetrics(ReadOnlySpan<float> values) : this(values[0], values[1], values[2], values[3], values[4], values[5], values[6])
    {
    }

    /// <summary>𝓛 of model.md section 2.4, nats per sequence: KL weight 1 and no auxiliary terms.</summary>
    public float Bound => -Nll - Kl;

    public bool IsFinite => float.IsFinite(Objective) && float.IsFinite(GradientNorm);
}
