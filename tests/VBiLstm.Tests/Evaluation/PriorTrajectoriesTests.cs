using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Tests.Data;
using static VBiLstm.Tests.Evaluation.ClosedForm;

namespace VBiLstm.Tests.Evaluation;

/// <summary>Scores from several trajectories of the prior against models whose likelihoods are known.</summary>
public class PriorTrajectoriesTests
{
    static readonly ModelConfiguration Gaussian = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 1,
        LstmUnits = 3,
        MlpUnits = 4,
        LatentUnits = 1,
    };

    const double Decay = 0.9, Drift = 0.1, StateLogVariance = -0.7, NoiseLogVariance = -1;

    // z_t = Decay z_{t−1} + Drift + noise from z_0 = 0, y_t = z_t + noise.
    static KnownModel StateSpaceModel()
    {
        var known = new KnownModel(Gaussian with { Kind = ModelKind.Srnn });
        known.Pass("prior", "prior.hidden.weight_z", 0, [Decay, 0], [Drift, StateLogVariance]);
        known.Pass("generator", "generator.hidden.weight", Gaussian.LstmUnits, [1, 0], [0, NoiseLogVariance]);
        return known;
    }

    static float[] Draw(Random random, int length)
    {
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        var (z, values) = (0.0, new float[length + 1]);
        for (var t = 1; t <= length; t++)
        {
            z = Decay * z + Drift + Math.Exp(StateLogVariance / 2) * Normal();
            values[t] = (float)(z + Math.Exp(NoiseLogVariance / 2) * Normal());
        }

        return values;
    }

    // By Kalman's filter.
    static double ExactNll(float[] values)
    {
        double mean = 0, variance = 0, nll = 0;
        foreach (double y in values[1..])
        {
            (mean, variance) = (Decay * mean + Drift, Decay * Decay * variance + Math.Exp(StateLogVariance));
            var predicted = variance + Math.Exp(NoiseLogVariance);
            nll += GaussianNll(y, mean, Math.Log(predicted));
            var gain = variance / predicted;
            (mean, variance) = (mean + gain * (y - mean), (1 - gain) * variance);
        }

        return nll;
    }

    [Fact]
    public void A_particle_filter_comes_to_the_exact_likelihood_of_a_linear_state_space()
    {
        using var known = StateSpaceModel();
        var random = new Random(5);
        float[][] sequences = [Draw(random, 40), Draw(random, 12), Draw(random, 30)];
        var data = ScriptedFrames.OfValues(sequences);
        var exact = sequences.Average(ExactNll);
        double Score(int count, bool resamples) => known.Prior(data, 3, trajectories: count, resamples: resamples).Nll;

        // The variance of a step's estimate is about that of its weight over the squared mean, here below 3, divided by the particles.
        const int Count = 4000;
        var deviation = Math.Sqrt(3.0 * (40 + 12 + 30) / Count) / 3;
        var filtered = Score(Count, resamples: true);
        Assert.InRange(filtered, exact - 5 * deviation, exact + 5 * deviation);

        var (trajectories, one) = (Score(Count, resamples: false), Score(1, resamples: false));
        Assert.True(trajectories > filtered + 1, $"{trajectories} and {filtered}");
        Assert.True(one > trajectories + 1, $"{one} and {trajectories}");
        Assert.Equal(one, Score(1, resamples: true));
    }

    [Fact]
    public void Figures_do_not_depend_on_the_sequences_side_by_side()
    {
        using var known = StateSpaceModel();
        var random = new Random(6);
        var data = ScriptedFrames.OfValues([.. Enumerable.Range(0, 5).Select(i => Draw(random, 4 + 3 * i))]);
        foreach (var resamples in new[] { false, true })
        {
            var expected = known.Prior(data, 5, trajectories: 16, resamples: resamples);
            foreach (var rows in new[] { 1, 2, 4 })
                Assert.Equal(expected.Nll, known.Prior(data, rows, trajectories: 16, resamples: resamples).Nll, 1e-5);
            Assert.Equal((16, resamples, true), (expected.Trajectories, expected.IsFiltered, expected.IsBound));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_mean_density_is_without_bias(bool resamples)
    {
        const int Sequences = 4000, Count = 4;
        float[] values = [0, 0.4f, 1.5f, -0.2f, 0.9f];
        using var known = StateSpaceModel();
        using var prior = known.PriorMode(Sequences * Count);
        var data = ScriptedFrames.OfValues([.. Enumerable.Repeat(values, Sequences)]);
        var batch = new SequenceBatch(data.MaximumLength, Sequences, 1);
        new EvaluationBatches(data, Sequences).Read(0, batch, 0);
        var scores = new PriorTrajectories(prior, batch, Count, Sequences, resamples).Score(batch, seed: 3);
        var ratios = scores.Select(nll => Math.Exp(ExactNll(values) - nll)).ToList();
        var deviation = Math.Sqrt(ratios.Sum(ratio => (ratio - 1) * (ratio - 1)) / Sequences);
        Assert.InRange(ratios.Average(), 1 - 5 * deviation / Math.Sqrt(Sequences), 1 + 5 * deviation / Math.Sqrt(Sequences));
        Assert.InRange(deviation, 0.05, 1.5); // so that the average is of something that varies
    }

    [Fact]
    public void Several_trajectories_at_the_means_or_of_carried_state_are_refused()
    {
        using var known = StateSpaceModel();
        var data = ScriptedFrames.OfValues([0, 1, 2]);
        var error = Assert.Throws<ConfigurationException>(() => known.Prior(data, 1, LatentMode.Mean, trajectories: 2));
        Assert.Contains("means", error.Message, StringComparison.Ordinal);
        data = new ScriptedFrames([[[0], [1], [2]]]) { Carries = true };
        error = Assert.Throws<ConfigurationException>(() => known.Prior(data, 1, trajectories: 2));
        Assert.Contains("data.carry_state=false", error.Message, StringComparison.Ordinal);
    }
}
