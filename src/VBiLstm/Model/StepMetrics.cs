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
    /// <summary>How many terms there are.</summary>
    internal static int Terms { get; } = Enum.GetValues<ObjectiveTerm>().Length;

    /// <summary>How many values there are in device memory: the terms, J and the norm.</summary>
    internal static int Count => Terms + 2;

    internal static StepMetrics Of(ReadOnlySpan<float> values) => new(
        values[(int)ObjectiveTerm.Nll], values[(int)ObjectiveTerm.Kl], values[(int)ObjectiveTerm.LogPPsi], values[(int)ObjectiveTerm.LogPXi],
        values[(int)ObjectiveTerm.Activity], values[Terms], values[Terms + 1])
    {
        NormDifference = values[(int)ObjectiveTerm.NormStabiliser],
        BackwardNll = values[(int)ObjectiveTerm.BackwardNll],
        TwinDistance = values[(int)ObjectiveTerm.TwinDistance],
    };

    /// <summary>(|h_t| − |h_{t-1}|)² before the norm stabiliser's weight; 0 where that is 0.</summary>
    public float NormDifference { get; init; }

    /// <summary>−log p of twin-net's backward path.</summary>
    public float BackwardNll { get; init; }

    /// <summary>|g(h) − b| of twin-net before its weight.</summary>
    public float TwinDistance { get; init; }

    /// <summary>𝓛 of model.md section 2.4, nats per sequence: KL weight 1 and no auxiliary terms.</summary>
    public float Bound => -Nll - Kl;

    /// <summary>Whether the objective and the gradient's norm are finite; otherwise the step changed no parameter.</summary>
    public bool IsFinite => float.IsFinite(Objective) && float.IsFinite(GradientNorm);
}
