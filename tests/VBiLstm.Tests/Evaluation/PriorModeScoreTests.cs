using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Tests.Data;
using static VBiLstm.Tests.Evaluation.ClosedForm;

namespace VBiLstm.Tests.Evaluation;

/// <summary>Scores of the generative process alone against models whose densities are known.</summary>
public class PriorModeScoreTests
{
    static readonly ModelConfiguration Gaussian = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 1,
        LstmUnits = 3,
        MlpUnits = 4,
        LatentUnits = 1,
    };

    const double Slope = 0.8, Shift = -0.3, NoiseLogVariance = -0.7, PriorMean = 0.4, PriorLogVariance = 0.5;

    // y = Slope z + Shift + noise, z from the prior.
    static KnownModel LinearModel()
    {
        var known = new KnownModel(Gaussian with { GeneratorInput = GeneratorInput.HZBTilde });
        known.SetOutput("prior", PriorMean, PriorLogVariance);
        known.SetOutput("posterior", 3, 3); // must not matter
        known.Pass("generator", "generator.hidden.weight", Gaussian.LstmUnits, [Slope, 0], [Shift, NoiseLogVariance]);
        return known;
    }

    // y = 2 StateOf(x) − 0.5 + noise, x the frame before.
    static KnownModel CopyModel()
    {
        var known = new KnownModel(Gaussian with { Kind = ModelKind.Lstm });
        known.ReadInputOnly("forward_lstm", (_, unit) => unit == 1 ? 1 : 0);
        known.Pass("generator", "generator.hidden.weight", 1, [2, 0], [-0.5, NoiseLogVariance]);
        return known;
    }

    static readonly ScriptedFrames Ragged = ScriptedFrames.OfValues([0, 1, 2, -1], [0.5f, 0.25f], [-1, 1, -2, 0.75f, 3], [1, 2, 0.5f]);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    public void Each_target_is_scored_by_the_frames_before_it_over_the_real_steps(int rows)
    {
        using var known = CopyModel();
        double expected = 0;
        for (var i = 0; i < Ragged.Count; i++)
            for (var t = 1; t <= Ragged.Length(i); t++)
                expected += GaussianNll(Ragged[i][t][0], 2 * KnownModel.StateOf(Ragged[i][t - 1][0]) - 0.5, NoiseLogVariance) / 4;
        var result = known.Prior(Ragged, rows);
        Assert.Equal(expected, result.Nll, 1e-4);
        Assert.Equal((4, 10L, 0.0, true, TaskUnit.Nats), (result.Sequences, result.Tokens, result.Kl, result.IsBound, result.Unit));
        Assert.Equal(-result.Nll, result.Bound);
        Assert.Equal((null, 0, 0), (result.ImportanceWeightedBound, result.ImportanceSamples, result.ActiveUnits));
    }

    [Fact]
    public void Each_token_is_scored_by_the_one_before_it()
    {
        // After token 1 the logits of 0 and 1 are 0 and 2 · StateOf(3), after token 0 both are 0.
        var model = Gaussian with { Kind = ModelKind.Lstm, OutputDistribution = OutputDistribution.Categorical, VocabularySize = 2, EmbeddingSize = 1 };
        using var known = new KnownModel(model);
        known.Set("embedding.weight", (id, _) => 3 * id);
        known.ReadInputOnly("forward_lstm", (_, unit) => unit == 0 ? 1 : 0);
        known.Pass("generator", "generator.hidden.weight", 0, [0, 2], [0, 0]);
        var data = new ScriptedTokens(2, [1, 0, 0, 1, 1], [0, 0, 1, 0, 1]);
        double expected = 0;
        for (var i = 0; i < 2; i++)
            for (var t = 1; t <= data.Length(i); t++)
                expected += CategoricalNll(data[i][t], 0, 2 * KnownModel.StateOf(3 * data[i][t - 1])) / 2;
        Assert.Equal(expected, known.Prior(data, 2).Nll, 1e-5);
        Assert.Equal(expected, known.Posterior(data, 2).Nll, 1e-5);
    }

    [Fact]
    public void At_the_prior_s_mean_the_score_is_exact_and_no_bound()
    {
        using var known = LinearModel();
        var data = ScriptedFrames.OfValues([0, 1.5f, -1], [0, 0.5f, 0.5f]);
        var expected = new[] { 1.5, -1, 0.5, 0.5 }.Sum(y => GaussianNll(y, Slope * PriorMean + Shift, NoiseLogVariance)) / 2;
        var result = known.Prior(data, 2, LatentMode.Mean);
        Assert.Equal(expected, result.Nll, 1e-5);
        Assert.False(result.IsBound);
    }

    [Fact]
    public void The_empirical_mean_is_that_of_the_posterior_over_the_first_training_sequences()
    {
        // The posterior's mean is 3 StateOf(frame before) − 1, whatever the rest.
        using var known = LinearModel();
        known.ReadInputOnly("forward_lstm", (_, unit) => unit == 0 ? 1 : 0);
        known.Pass("posterior", "posterior.hidden.weight_h", 0, [3, 0], [-1, 0.3]);
        var steps = Enumerable.Range(0, Ragged.Count).SelectMany(i => Enumerable.Range(0, Ragged.Length(i)).Select(t => (i, t)));
        var expected = steps.Average(step => step.t == 0 ? -1 : 3 * KnownModel.StateOf(Ragged[step.i][step.t - 1][0]) - 1);
        Assert.Equal(expected, Assert.Single(known.Posterior(Ragged, 3).LatentMeans), 1e-5);

        using var many = ScriptedFrames.OfValues(
            [.. Enumerable.Repeat(new[] { 0f, 1 }, FirstSequences.Most), .. Enumerable.Repeat(new[] { 0f, 1, 2, 3 }, 500)]);
        using var first = new FirstSequences(many);
        Assert.Equal((FirstSequences.Most, FirstSequences.Most + 500), (first.Count, many.Count));
        Assert.Equal(-1, Assert.Single(known.Posterior(first, 100).LatentMeans), 1e-5);
    }

    /// <summary>The same scores as of a prior whose mean is that everywhere; the prior's own does not matter.</summary>
    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Fixed_latents_score_as_those_of_a_prior_that_is_one_point(ModelKind kind)
    {
        double[] z = [0.7, -1.1, 0.2];
        using var known = new KnownModel(Gaussian with { Kind = kind, LatentUnits = z.Length });
        known.SetAll();
        var result = known.Prior(Ragged, 3, LatentMode.EmpiricalMean, latents: z);
        Assert.False(result.IsBound);
        Assert.NotEqual(known.Prior(Ragged, 3, LatentMode.Mean).Nll, result.Nll, 1e-3);
        known.Set("prior.output.weight", (_, _) => 0);
        known.SetOutput("prior", [.. z, 0, 0, 0]);
        Assert.Equal(known.Prior(Ragged, 3, LatentMode.Mean).Nll, result.Nll, 1e-5);
    }

    [Fact]
    public void Without_latents_their_means_change_nothing()
    {
        using var known = CopyModel();
        var (sampled, means) = (known.Prior(Ragged, 4), known.Prior(Ragged, 4, LatentMode.Mean));
        Assert.Equal(sampled.Nll, means.Nll);
        Assert.True(means.IsBound);
    }

    [Fact]
    public void With_sampled_latents_the_score_is_the_expectation_over_the_prior()
    {
        using var known = LinearModel();
        const float Y = 0.5f;
        var data = ScriptedFrames.OfValues([.. Enumerable.Repeat(new[] { Y, Y, Y, Y, Y, Y }, 2000)]);
        var spread = Slope * Slope * Math.Exp(PriorLogVariance);
        var residual = Y - Slope * PriorMean - Shift;
        var expected = GaussianNll(Y, Slope * PriorMean + Shift, NoiseLogVariance) + spread / (2 * Math.Exp(NoiseLogVariance));
        var deviation = Math.Sqrt(2 * spread * spread + 4 * residual * residual * spread) / (2 * Math.Exp(NoiseLogVariance));
        var result = known.Prior(data, 500);
        Assert.InRange(result.Nll / 5 - expected, -5 * deviation / 100, 5 * deviation / 100);
        Assert.True(result.IsBound);
        Assert.Equal(result.Nll, known.Prior(data, 400).Nll, 1e-4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Binary_frames_and_tokens_score_by_their_probabilities(bool isTokens)
    {
        double[] logits = isTokens ? [0.5, -1, 2] : [0.75];
        using var known = new KnownModel(Gaussian with
        {
            OutputDistribution = isTokens ? OutputDistribution.Categorical : OutputDistribution.Bernoulli,
            VocabularySize = 3,
            EmbeddingSize = 2,
        });
        known.SetOutput("generator", logits);
        SequenceDataset data = isTokens
            ? new ScriptedTokens(3, [1, 0, 2, 2], [0, 1], [2, 2, 0]) { DeclaredUnit = TaskUnit.Perplexity }
            : new ScriptedFrames([[[1], [0], [1], [1]], [[0], [1]], [[1], [1], [0]]]) { DeclaredUnit = TaskUnit.NatsPerImage };
        var expected = isTokens
            ? 2 * CategoricalNll(0, logits) + CategoricalNll(1, logits) + 3 * CategoricalNll(2, logits)
            : 2 * BernoulliNll(0, logits[0]) + 4 * BernoulliNll(1, logits[0]);
        var result = known.Prior(data, 2);
        Assert.Equal(expected / 3, result.Nll, 1e-5);
        Assert.Equal((6L, data.Unit), (result.Tokens, result.Unit));
    }

    [Fact]
    public void Frames_of_several_values_are_scored_by_those_before_them()
    {
        // Mean 2 StateOf(x_0 + x_1) − 0.5 of both values, x the frame before.
        using var known = new KnownModel(Gaussian with { Kind = ModelKind.Lstm, FrameSize = 2 });
        known.ReadInputOnly("forward_lstm", (_, unit) => unit == 1 ? 1 : 0);
        known.Pass("generator", "generator.hidden.weight", 1, [2, 2, 0, 0], [-0.5, -0.5, NoiseLogVariance, NoiseLogVariance]);
        var data = new ScriptedFrames([[[0, 1], [2, -1], [0.5f, 0.25f], [1, 1]], [[-1, 0.5f], [3, 0], [0.75f, 2], [-2, 1]]]);
        double expected = 0;
        for (var i = 0; i < 2; i++)
            for (var t = 1; t <= 3; t++)
                foreach (var y in data[i][t])
                    expected += GaussianNll(y, 2 * KnownModel.StateOf(data[i][t - 1].Sum()) - 0.5, NoiseLogVariance) / 2;
        Assert.Equal(expected, known.Prior(data, 2).Nll, 1e-4);
        Assert.Equal(expected, known.Posterior(data, 2).Nll, 1e-4);
    }

    [Theory]
    [InlineData(ModelKind.Lstm, false)]
    [InlineData(ModelKind.Lstm, true)]
    [InlineData(ModelKind.VariationalBiLstm, true)]
    public void Windows_that_carry_their_state_score_as_the_sequence_that_they_were_cut_from(ModelKind kind, bool priorMode)
    {
        using var known = new KnownModel(Gaussian with { Kind = kind });
        known.SetAll();
        var whole = ScriptedFrames.OfValues([0, 1, -1, 0.5f, 2, 0.25f, 1]);
        var windows = new ScriptedFrames([[[0], [1], [-1]], [[-1], [0.5f], [2]], [[2], [0.25f], [1]]]) { Carries = true };
        double Score(ScriptedFrames data)
            => data.Count * (priorMode ? known.Prior(data, 1, LatentMode.Mean) : known.Posterior(data, 1, LatentMode.Mean)).Nll;
        Assert.Equal(Score(whole), Score(windows), 1e-4);
        Assert.NotEqual(Score(whole), Score(new ScriptedFrames([[[0], [1], [-1]], [[-1], [0.5f], [2]], [[2], [0.25f], [1]]])), 1e-3);
    }

    [Fact]
    public void Windows_that_carry_their_state_draw_latents_of_their_own()
    {
        using var known = LinearModel();
        float[][] window = [[1], [1], [1]];
        var (one, two) = (new ScriptedFrames([window]) { Carries = true }, new ScriptedFrames([window, window]) { Carries = true });
        Assert.NotEqual(known.Prior(one, 1).Nll, known.Prior(two, 1).Nll, 1e-3);
    }

    [Fact]
    public void Progress_counts_batches_and_cancelling_stops_between_them()
    {
        using var known = CopyModel();
        var shares = new List<double>();
        known.Prior(Ragged, 1, progress: shares.Add);
        Assert.Equal([0.25, 0.5, 0.75, 1], shares);
        using var source = new CancellationTokenSource();
        shares.Clear();
        Assert.Throws<OperationCanceledException>(() => known.Prior(Ragged, 1, progress: share =>
        {
            shares.Add(share);
            source.Cancel();
        }, stop: source));
        Assert.Equal([0.25], shares);
    }
}
