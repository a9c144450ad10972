namespace VBiLstm.Evaluation;

/// <summary>What one sequence of a split scores; sums over its steps, nats.</summary>
/// <param name="Index">Number of the sequence in the split.</param>
/// <param name="Nll">−log p_η.</param>
/// <param name="Kl">KL(q ‖ p), weight 1; 0 without a channel.</param>
/// <param name="ImportanceWeightedBound">Null when not asked for.</param>
public readonly record struct SequenceScore(int Index, double Nll, double Kl, double? ImportanceWeightedBound)
{
    /// <summary>log p_η − KL.</summary>
    public double Bound => -Nll - Kl;
}
