using VBiLstm.Configuration;
using VBiLstm.Model.Outputs;
using VBiLstm.Noise;

namespace VBiLstm.Tests.Model;

/// <summary>Frames drawn from a mixture whose moments are known.</summary>
public class GaussianMixtureOutputTests
{
    const int Draws = 20000;

    static readonly ModelConfiguration Model = new() { OutputDistribution = OutputDistribution.GaussianMixture, MixtureComponents = 2, FrameSize = 2 };

    // Components of probability 1/4 and 3/4 at (-40, 20) and (40, -20), with deviations (1, 2) and (3, 0.5).
    static readonly float[] Outputs =
    [
        0, MathF.Log(3),
        -40, 20, 40, -20,
        0, 2 * MathF.Log(2), 2 * MathF.Log(3), 2 * MathF.Log(0.5f),
    ];

    static List<float[]> Draw(double temperature)
    {
        var output = Output.Of(Model);
        Assert.Equal(Outputs.Length, output.Width);
        var draws = new List<float[]>();
        for (var i = 0; i < Draws; i++)
        {
            var random = new CounterRandom(7, NoiseStream.GenerationOutput, 0, (uint)i);
            var frame = new float[2];
            output.Sample(Outputs, temperature, ref random, frame);
            draws.Add(frame);
        }

        return draws;
    }

    [Theory]
    [InlineData(1.0, 0.25)]
    [InlineData(0.5, 0.1)] // logits doubled: 1 to 9
    public void One_component_is_drawn_for_the_whole_frame_and_the_temperature_sharpens(double temperature, double share)
    {
        var draws = Draw(temperature);
        Assert.All(draws, frame => Assert.True(frame[0] < 0 == frame[1] > 0, $"{frame[0]} and {frame[1]} come from different components."));
        var (first, second) = (draws.Where(frame => frame[0] < 0).ToList(), draws.Where(frame => frame[0] > 0).ToList());

        // Four standard errors of a share, a mean and a deviation.
        Assert.Equal(share, (double)first.Count / Draws, 4 * Math.Sqrt(share * (1 - share) / Draws));
        AssertMoments(first, 0, -40, temperature);
        AssertMoments(first, 1, 20, 2 * temperature);
        AssertMoments(second, 0, 40, 3 * temperature);
        AssertMoments(second, 1, -20, 0.5 * temperature);
    }

    static void AssertMoments(List<float[]> draws, int d, double mean, double deviation)
    {
        var actualMean = draws.Average(frame => (double)frame[d]);
        Assert.Equal(mean, actualMean, 4 * deviation / Math.Sqrt(draws.Count));
        var variance = draws.Average(frame => (frame[d] - actualMean) * (frame[d] - actualMean));
        Assert.Equal(deviation, Math.Sqrt(variance), 4 * deviation / Math.Sqrt(2 * draws.Count));
    }
}
