using System.Runtime.InteropServices;
using VBiLstm.Configuration;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>What is another value in every step.</summary>
public class StepScalarsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(999)]
    [InlineData(123_456)]
    [InlineData(10_000_000)]
    public void Adams_corrections_are_one_minus_the_powers_of_beta(long t)
    {
        var training = Preset.Get("digits").Configuration.Training with { AdamBeta1 = 0.9, AdamBeta2 = 0.999 };
        var words = new int[StepScalars.Words];
        StepScalars.Write(new StepSettings(1, t - 1, 0.001, 1, 0, 0), Preset.Get("digits").Configuration.Model, training, words);
        var corrections = MemoryMarshal.Cast<int, float>(words)[(StepMetrics.Terms + 3)..];
        Assert.Equal(1 - Math.Pow(0.9, t), corrections[0], 6e-8);
        Assert.InRange(corrections[1] / (1 - Math.Pow(0.999, t)), 1 - 6e-8, 1 + 6e-8);
    }
}
