namespace VBiLstm.Tests.Oracle;

/// <summary>The error measure of the golden vectors: max |a − b| / max |b| over the valid entries; where max |b| = 0, a must be 0.</summary>
public static class Comparison
{
    /// <summary>Returns the error and where it is largest.</summary>
    /// <param name="actual">a.</param>
    /// <param name="expected">b.</param>
    /// <param name="rowValidity">One value per row of the last dimension; rows with 0 are left out. Null: all count.</param>
    public static (double Error, int Index) Error(ReadOnlySpan<double> actual, ReadOnlySpan<double> expected, double[]? rowValidity = null)
    {
        Assert.Equal(expected.Length, actual.Length);
        var width = rowValidity is null ? 1 : expected.Length / rowValidity.Length;
        double largest = 0, worst = 0;
        var index = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            if (rowValidity is not null && rowValidity[i / width] == 0)
                continue;
            largest = Math.Max(largest, Math.Abs(expected[i]));
            var difference = Math.Abs(actual[i] - expected[i]);
            if (!(difference <= worst))
                (worst, index) = (double.IsNaN(difference) ? double.PositiveInfinity : difference, i);
        }

        return (worst == 0 ? 0 : worst / largest, index);
    }

    public static void Within(double tolerance, string name, ReadOnlySpan<double> actual, ReadOnlySpan<double> expected, double[]? rowValidity = null)
    {
        var (error, index) = Error(actual, expected, rowValidity);
        Assert.True(error <= tolerance,
            $"{name}: relative error {error:E2} above {tolerance:E1} at [{index}]: {actual[index]:R} instead of {expected[index]:R}.");
    }
}
