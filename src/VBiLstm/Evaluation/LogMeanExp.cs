using System.Numerics.Tensors;

namespace VBiLstm.Evaluation;

/// <summary>log (1/K) Σ_k exp x_k, which neither overflows nor loses the largest terms.</summary>
static class LogMeanExp
{
    /// <summary>Of K values; −∞ where all are.</summary>
    public static double Of(ReadOnlySpan<double> values)
    {
        var largest = TensorPrimitives.Max(values);
        if (double.IsInfinity(largest))
            return largest;

        // One after the other: the bits of a vectorised sum depend on the processor.
        var sum = 0.0;
        foreach (var value in values)
            sum += Math.Exp(value - largest);
        return largest + Math.Log(sum / values.Length);
    }
}
