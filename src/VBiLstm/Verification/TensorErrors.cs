namespace VBiLstm.Verification;

/// <summary>How far the values b of a tensor are from the values a of its reference.</summary>
readonly struct TensorErrors
{
    TensorErrors(double maximum, int worst, double largest, double relativeL2, long maximumUlps)
        => (Maximum, Worst, Largest, RelativeL2, MaximumUlps) = (maximum, worst, largest, relativeL2, maximumUlps);

    /// <summary>max |a − b|; infinite where either is not finite.</summary>
    public double Maximum { get; }

    /// <summary>Where that is; −1 where nothing differs.</summary>
    public int Worst { get; }

    /// <summary>max |a|.</summary>
    public double Largest { get; }

    public double RelativeL2 { get; }

    public long MaximumUlps { get; }

    public double OfLargest => Ratio(Maximum, Largest);

    /// <param name="reference">a.</param>
    /// <param name="actual">b, as long.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="countedRows">Whether each row counts; empty: all do.</param>
    public static TensorErrors Of(ReadOnlySpan<float> reference, ReadOnlySpan<float> actual, int columns, ReadOnlySpan<bool> countedRows)
    {
        double maximum = 0, largest = 0, differences = 0, squares = 0;
        long ulps = 0;
        var worst = -1;
        for (var i = 0; i < reference.Length; i++)
        {
            if (!countedRows.IsEmpty && !countedRows[i / columns])
                continue;
            var difference = Difference(reference[i], actual[i]);
            if (difference > maximum)
                (maximum, worst) = (difference, i);
            largest = Math.Max(largest, Math.Abs((double)reference[i]));
            differences += difference * difference;
            squares += (double)reference[i] * reference[i];
            ulps = Math.Max(ulps, Ulps(reference[i], actual[i]));
        }

        return new TensorErrors(maximum, worst, largest, Ratio(Math.Sqrt(differences), Math.Sqrt(squares)), ulps);
    }

    /// <summary>|a − b|; infinite where either is not finite.</summary>
    public static double Difference(float a, float b) => float.IsFinite(a) && float.IsFinite(b) ? Math.Abs((double)a - b) : double.PositiveInfinity;

    // Any difference from zeros, and any value that is not finite, is infinitely wrong.
    static double Ratio(double error, double size) => error == 0 ? 0 : double.IsFinite(error) ? error / size : double.PositiveInfinity;

    /// <summary>Numbers of float32 from a to b; negative ones count downwards from −0, which stands beside +0.</summary>
    public static long Ulps(float a, float b) => Math.Abs(Ordered(a) - Ordered(b));

    static long Ordered(float value)
    {
        var bits = BitConverter.SingleToInt32Bits(value);
        return bits >= 0 ? bits : -1L - (bits & int.MaxValue);
    }
}
