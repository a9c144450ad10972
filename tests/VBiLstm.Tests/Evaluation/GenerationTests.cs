using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Tests.Data;

namespace VBiLstm.Tests.Evaluation;

/// <summary>Moments and frequencies of drawn sequences against models whose distributions are known; bounds are five standard errors.</summary>
public class GenerationTests
{
    const int Rows = 100, Steps = 200, Draws = Rows * Steps;

    static readonly ModelConfiguration Gaussian = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 2,
        LstmUnits = 3,
        MlpUnits = 4,
        LatentUnits = 1,
    };

    static readonly ModelConfiguration Tokens = Gaussian with
    {
        OutputDistribution = OutputDistribution.Categorical,
        VocabularySize = 4,
        EmbeddingSize = 4,
        LstmUnits = 4,
    };

    [Fact]
    public void What_was_drawn_before_does_not_matter()
    {
        using var frames = new KnownModel(Gaussian);
        using var tokens = new KnownModel(Tokens);
        frames.SetAll();
        tokens.SetAll();
        using var frame = frames.PriorMode(2);
        using var token = tokens.PriorMode(20);
        var (first, letters) = (Generation.Frames(frame, Gaussian, 5, seed: 3), Generation.Tokens(token, Tokens, 9, first: 1, seed: 3));
        Assert.Equal(first, Generation.Frames(frame, Gaussian, 5, seed: 3));
        Assert.Equal(letters, Generation.Tokens(token, Tokens, 9, first: 1, seed: 3));
        Assert.Equal(20 * 9, letters.Length);
    }

    static float[] Draw(KnownModel known, int rows = Rows, int steps = Steps, long seed = 1, double temperature = 1)
    {
        using var prior = known.PriorMode(rows);
        return Generation.Frames(prior, known.Model, steps, seed, temperature);
    }

    static int[] DrawTokens(KnownModel known, int rows, int steps, int first = 0, long seed = 1, double temperature = 1)
    {
        using var prior = known.PriorMode(rows);
        return Generation.Tokens(prior, known.Model, steps, first, seed, temperature);
    }

    static void AssertNormal(IEnumerable<float> values, double mean, double deviation)
    {
        var all = values.Select(value => (double)value).ToList();
        var found = all.Average();
        Assert.InRange(found - mean, -5 * deviation / Math.Sqrt(all.Count), 5 * deviation / Math.Sqrt(all.Count));
        var variance = all.Average(value => (value - mean) * (value - mean));
        Assert.InRange(variance / (deviation * deviation) - 1, -5 * Math.Sqrt(2.0 / all.Count), 5 * Math.Sqrt(2.0 / all.Count));
    }

    static IEnumerable<float> Component(float[] frames, int d) => frames.Where((_, i) => i % 2 == d);

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    [InlineData(2)]
    public void Real_values_have_the_output_s_mean_and_standard_deviation_times_the_temperature(double temperature)
    {
        using var known = new KnownModel(Gaussian);
        known.SetOutput("generator", 0.5, -2, 1.2, -3);
        var frames = Draw(known, temperature: temperature);
        Assert.Equal(2 * Draws, frames.Length);
        AssertNormal(Component(frames, 0), 0.5, temperature * Math.Exp(0.6));
        AssertNormal(Component(frames, 1), -2, temperature * Math.Exp(-1.5));
    }

    [Fact]
    public void Log_variances_are_clamped_as_the_model_s_are()
    {
        using var known = new KnownModel(Gaussian with { OutputLogVarianceMin = -2, OutputLogVarianceMax = 1 });
        known.SetOutput("generator", 0, 0, 20, -20);
        var frames = Draw(known);
        AssertNormal(Component(frames, 0), 0, Math.Exp(0.5));
        AssertNormal(Component(frames, 1), 0, Math.Exp(-1));
    }

    [Fact]
    public void Real_values_have_the_moments_of_the_mixture_over_fresh_latents()
    {
        // y = 0.8 z − 0.3 + noise with z of the prior, anew in every step.
        using var known = new KnownModel(Gaussian with { GeneratorInput = GeneratorInput.HZBTilde });
        known.SetOutput("prior", 0.4, 0.5);
        known.Pass("generator", "generator.hidden.weight", Gaussian.LstmUnits, [0.8, 0, 0, 0], [-0.3, 7, -0.7, -3]);
        var frames = Draw(known);
        var deviation = Math.Sqrt(0.64 * Math.Exp(0.5) + Math.Exp(-0.7));
        AssertNormal(Component(frames, 0), 0.8 * 0.4 - 0.3, deviation);
        AssertNormal(Component(frames, 1), 7, Math.Exp(-1.5));
        AssertUncorrelated([.. Component(frames, 0)], 0.8 * 0.4 - 0.3, deviation, lag: 1);
        AssertUncorrelated([.. Component(frames, 0)], 0.8 * 0.4 - 0.3, deviation, lag: Steps);
    }

    static void AssertUncorrelated(float[] values, double mean, double deviation, int lag)
    {
        var pairs = values.Length - lag;
        var covariance = Enumerable.Range(0, pairs).Average(i => (values[i] - mean) * (values[i + lag] - mean));
        Assert.InRange(covariance / (deviation * deviation), -5 / Math.Sqrt(pairs), 5 / Math.Sqrt(pairs));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    public void Binary_values_are_on_with_the_logistic_of_the_logit_over_the_temperature(double temperature)
    {
        using var known = new KnownModel(Gaussian with { OutputDistribution = OutputDistribution.Bernoulli });
        known.SetOutput("generator", 0.75, -1.5);
        var frames = Draw(known, temperature: temperature);
        Assert.All(frames, value => Assert.True(value is 0 or 1));
        foreach (var (d, logit) in new[] { (0, 0.75), (1, -1.5) })
        {
            var p = 1 / (1 + Math.Exp(-logit / temperature));
            var error = 5 * Math.Sqrt(p * (1 - p) / Draws);
            Assert.InRange(Component(frames, d).Average() - p, -error, error);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    [InlineData(3)]
    public void Tokens_come_with_the_softmax_of_the_logits_over_the_temperature(double temperature)
    {
        double[] logits = [0.5, -1, 2];
        var weights = logits.Select(logit => Math.Exp(logit / temperature)).ToArray();
        using var known = new KnownModel(Tokens);

        // Also where the exponentials of the logits are 0 or infinite.
        foreach (var shift in new[] { 0.0, 900, -900 })
        {
            known.SetOutput("generator", [.. logits.Select(logit => logit + shift), -2000]);
            var ids = DrawTokens(known, Rows, Steps, temperature: temperature);
            Assert.Equal(Draws, ids.Length);
            for (var id = 0; id < 3; id++)
            {
                var p = weights[id] / weights.Sum();
                var error = 5 * Math.Sqrt(p * (1 - p) / Draws);
                Assert.InRange(ids.Count(drawn => drawn == id) / (double)Draws - p, -error, error);
            }

            Assert.DoesNotContain(3, ids);
        }
    }

    [Fact]
    public void Each_frame_is_drawn_after_the_one_before_it_and_the_first_after_zeros()
    {
        // h = StateOf(0.7 of the first value before); the values are 1.5 h + 0.2 and 0.5 − h. Temperature 0 leaves the means.
        using var known = new KnownModel(Gaussian with { Kind = ModelKind.Lstm });
        known.ReadInputOnly("forward_lstm", (d, unit) => (d, unit) == (0, 1) ? 0.7 : 0);
        known.Pass("generator", "generator.hidden.weight", 1, [1.5, -1, 0, 0], [0.2, 0.5, 0, 0]);
        var frames = Draw(known, rows: 3, steps: 6, temperature: 0);
        var x = 0.0;
        for (var t = 0; t < 6; t++)
        {
            var h = KnownModel.StateOf(0.7 * x);
            x = 1.5 * h + 0.2;
            for (var n = 0; n < 3; n++)
            {
                Assert.Equal(x, frames[(n * 6 + t) * 2], 1e-4);
                Assert.Equal(0.5 - h, frames[(n * 6 + t) * 2 + 1], 1e-4);
            }
        }
    }

    [Fact]
    public void Each_row_goes_on_from_its_own_frames()
    {
        // Small values, where tanh is the identity: y_t = 0.9 y_{t−1} + noise, whose neighbours correlate by 0.9 and whose variance is σ² / (1 − 0.81).
        using var known = new KnownModel(Gaussian with { Kind = ModelKind.Lstm, FrameSize = 1, OutputLogVarianceMin = -14 });
        known.ReadInputOnly("forward_lstm", (_, unit) => unit == 0 ? 1 : 0);
        known.Pass("generator", "generator.hidden.weight", 0, [0.9, 0], [0, -14]);
        var values = Draw(known);
        double product = 0, square = 0;
        for (var n = 0; n < Rows; n++)
        {
            for (var t = 100; t < Steps; t++)
            {
                product += values[n * Steps + t] * (double)values[n * Steps + t - 1];
                square += values[n * Steps + t - 1] * (double)values[n * Steps + t - 1];
            }
        }

        // The estimate's deviation is √((1 − 0.81) / n).
        Assert.InRange(product / square - 0.9, -5 * Math.Sqrt(0.19 / 10_000), 5 * Math.Sqrt(0.19 / 10_000));
        Assert.InRange(square / 10_000 / (Math.Exp(-14) / 0.19), 0.8, 1.25);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Each_token_is_drawn_after_the_one_before_it_and_the_first_after_the_given_one(int first)
    {
        // Token i turns unit i on, which makes i + 1 certain.
        using var known = new KnownModel(Tokens with { Kind = ModelKind.Lstm, MlpUnits = 4 });
        known.Set("embedding.weight", (id, column) => id == column ? 10 : 0);
        known.ReadInputOnly("forward_lstm", (row, unit) => row == unit ? 1 : 0);
        known.Set("generator.hidden.weight", (unit, hidden) => unit == hidden ? 1 : 0);
        known.Set("generator.output.weight", (hidden, id) => id == (hidden + 1) % 4 ? 200 : 0);
        var ids = DrawTokens(known, rows: 2, steps: 7, first: first);
        Assert.Equal(Enumerable.Range(0, 14).Select(i => (first + 1 + i % 7) % 4), ids);
    }

    [Fact]
    public void The_seed_decides_the_draws_and_rows_and_steps_have_draws_of_their_own()
    {
        using var frames = new KnownModel(Gaussian);
        using var tokens = new KnownModel(Tokens);
        Assert.Equal(Draw(frames, 4, 8), Draw(frames, 4, 8));
        Assert.NotEqual(Draw(frames, 4, 8), Draw(frames, 4, 8, seed: 2));
        Assert.Equal(Draw(frames, 1, 8), Draw(frames, 4, 8)[..16]);
        Assert.Equal(64, Draw(frames, 4, 8).Distinct().Count());
        Assert.Equal(DrawTokens(tokens, 4, 30), DrawTokens(tokens, 4, 30));
        Assert.NotEqual(DrawTokens(tokens, 4, 30), DrawTokens(tokens, 4, 30, seed: 2));
        var ids = DrawTokens(tokens, 2, 30);
        Assert.NotEqual(ids[..30], ids[30..]);
    }

    [Fact]
    public void More_than_an_array_holds_is_refused()
    {
        using var frames = new KnownModel(Gaussian);
        using var tokens = new KnownModel(Tokens);
        foreach (var draw in new Action[] { () => Draw(frames, 2, 1 << 30), () => DrawTokens(tokens, 4, 1 << 30) })
        {
            var refusal = Assert.Throws<ConfigurationException>(draw);
            Assert.Contains("more than can be drawn at once", refusal.Message, StringComparison.Ordinal);
            Assert.Equal(["count", "steps"], refusal.Settings);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Without_latents_a_beginning_of_what_was_drawn_goes_on_as_it_was_drawn(int given)
    {
        // The state after s_0..s_{S−1} and the noise of the steps behind them are the same either way.
        using var tokens = new KnownModel(Tokens with { Kind = ModelKind.Lstm });
        tokens.SetAll();
        using var token = tokens.PriorMode(3);
        var letters = Generation.Tokens(token, tokens.Model, 9, first: 1, seed: 3);
        var texts = new ScriptedTokens(4, [.. Enumerable.Range(0, 3).Select(row => (int[])[1, .. letters[(row * 9)..(row * 9 + 5)]])]);
        Assert.Equal(letters, Generation.Tokens(token, tokens.Model, 9, first: 0, seed: 3, beginning: tokens.Beginning(texts, given, 3)));

        using var frames = new KnownModel(Gaussian with { Kind = ModelKind.Lstm, ZoneoutCell = 0.2, ZoneoutHidden = 0.3 });
        frames.SetAll();
        using var frame = frames.PriorMode(2);
        var values = Generation.Frames(frame, frames.Model, 6, seed: 5);
        var drawn = new ScriptedFrames([.. Enumerable.Range(0, 2).Select(row => (float[][])[[0, 0], .. values[(row * 12)..(row * 12 + 10)].Chunk(2)])]);
        var again = Generation.Frames(frame, frames.Model, 6, seed: 5, beginning: frames.Beginning(drawn, given, 2));
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(values[i], again[i], 1e-5f);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Srnn)]
    [InlineData(ModelKind.Vrnn)]
    public void A_beginning_is_kept_and_rows_take_its_sequences_in_turn(ModelKind kind)
    {
        using var known = new KnownModel(Gaussian with { Kind = kind });
        known.SetAll();
        var data = new ScriptedFrames([[[0, 0], [1, 2], [3, 4], [5, 6]], [[0, 0], [-1, -2], [-3, -4]]]);
        using var prior = known.PriorMode(3);
        var drawn = Generation.Frames(prior, known.Model, 4, seed: 1, beginning: known.Beginning(data, 2, 3));
        Assert.Equal([1, 2, 3, 4], drawn[..4]);
        Assert.Equal([-1, -2, -3, -4], drawn[8..12]);
        Assert.Equal([1, 2, 3, 4], drawn[16..20]);
        Assert.NotEqual(drawn[4..8], drawn[20..24]); // of the same beginning, by noise of their own
        Assert.Throws<ArgumentOutOfRangeException>(() => known.Beginning(data, 3, 2));
    }

    [Fact]
    public void Latents_of_a_beginning_come_from_the_posterior_that_has_read_it()
    {
        // The posterior's mean is the prior's, the z before, and 3 more (model.md section 15): 6 after two steps, from where the prior stays.
        using var known = new KnownModel(
            Gaussian with { Kind = ModelKind.Srnn, FrameSize = 1, LatentUnits = 1, LogVarianceMin = -14, OutputLogVarianceMin = -14 });
        known.SetOutput("posterior", 3, -14);
        known.Pass("prior", "prior.hidden.weight_z", 0, [1, 0], [0, -14]); // z_t = z_{t-1}
        known.Pass("generator", "generator.hidden.weight", known.Model.LstmUnits, [1, 0], [0, -14]);
        using var prior = known.PriorMode(1);
        var data = ScriptedFrames.OfValues([0, 0.5f, 0.25f]);
        var drawn = Generation.Frames(prior, known.Model, 4, seed: 1, beginning: known.Beginning(data, 2, 1));
        Assert.Equal([0.5f, 0.25f], drawn[..2]);
        Assert.InRange(drawn[2], 6 - 0.05, 6 + 0.05);
        Assert.InRange(drawn[3], 6 - 0.05, 6 + 0.05);
        Assert.InRange(Generation.Frames(prior, known.Model, 4, seed: 1)[2], -0.05, 0.05);
    }
}
