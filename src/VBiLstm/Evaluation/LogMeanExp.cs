namespace VBiLstm.Evaluation;

/// <summary>log (1/K) Σ_k exp x_k, which neither overflows nor loses the largest terms.</summary>
static class LogMeanExp
{
    /// <summary>Of K values; −∞ where all are.</summary>
    public static double Of(ReadOnlySpan<double> values)
    {
        var largest = double.NegativeInfinity;
        foreach (var value in values)
            largest = Math.Max(largest, value);
        if (double.IsInfinity(largest))
            return largest;
        var sum = 0.0;
        foreach (var value in values)
            sum += Math.Exp(value - largest);
        return largest + Math.Log(sum / values.Length);
    }
}
