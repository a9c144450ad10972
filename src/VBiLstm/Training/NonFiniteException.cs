namespace VBiLstm.Training;

/// <summary>A loss or a gradient that is not finite; the parameters are still those of the step before.</summary>
public sealed class NonFiniteException : Exception
{
    public NonFiniteException(long step, string term, string tensor)
        : base($"Step {step}: {term} is not finite (first in {tensor}). The parameters are those before this step. Try a lower training.learning_rate, a smaller training.clip_norm, or training.on_non_finite=skip.")
    {
        Step = step;
        Term = term;
        Tensor = tensor;
    }

    public long Step { get; }

    /// <summary>The term of the objective, or "the gradient".</summary>
    public string Term { get; }

    /// <summary>The first tensor, in the order of the computation, that holds a value that is not finite.</summary>
    public string Tensor { get; }
}
