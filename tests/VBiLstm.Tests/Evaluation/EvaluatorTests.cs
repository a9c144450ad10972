using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Tests.Data;
using static VBiLstm.Tests.Evaluation.ClosedForm;

namespace VBiLstm.Tests.Evaluation;

/// <summary>Scores with the posterior against models whose likelihood, bound and importance weights are known.</summary>
public class EvaluatorTests
{
    static readonly ModelConfiguration Gaussian = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 2,
        LstmUnits = 3,
        MlpUnits = 4,
        LatentUnits = 2,
    };

    static readonly ModelConfiguration Bernoulli = Gaussian with { OutputDistribution = OutputDistribution.Bernoulli, FrameSize = 1 };

    // One latent that moves one real value: y = Slope z + Shift + noise.
    static readonly ModelConfiguration Linear = Gaussian with { FrameSize = 1, LatentUnits = 1, GeneratorInput = GeneratorInput.HZBTilde };
    const double Slope = 0.8, Shift = -0.3, NoiseLogVariance = -0.7, PriorMean = 0.4, PriorLogVariance = 0.5;

    static KnownModel LinearModel(double posteriorMean, double posteriorLogVariance)
    {
        var known = new KnownModel(Linear);
        known.SetOutput("posterior", posteriorMean, posteriorLogVariance);
        known.SetOutput("prior", PriorMean, PriorLogVariance);
        known.Pass("generator", "generator.hidden.weight", Linear.LstmUnits, [Slope, 0], [Shift, NoiseLogVariance]);
        return known;
    }

    static ScriptedFrames Constant(float value, params int[] lengths)
        => ScriptedFrames.OfValues([.. lengths.Select(length => Enumerable.Repeat(value, length + 1).ToArray())]);

    // Five sequences of real frames, of four lengths; what stands before the first target is no target.
    static readonly ScriptedFrames Ragged = new(
    [
        [[9, 9], [0.5f, -1], [2, 0.25f], [-1, 1]],
        [[8, 8], [1.5f, 0.5f]],
        [[7, 7], [0, 0.75f], [-0.5f, 2], [1, 1], [0.25f, -2]],
        [[6, 6], [3, -0.25f], [0.125f, 0.5f]],
        [[5, 5], [-2, -2], [1, 0], [0.5f, 0.5f]],
    ]);

    static readonly double[] Output = [0.25, -1, 0.5, -0.2], Posterior = [0.5, -0.3, -0.4, 0.2], Prior = [-0.1, 0.2, 0.3, -0.5];

    static double NllOf(ScriptedFrames data, int index)
        => data[index].Skip(1).Sum(frame => GaussianNll(frame[0], Output[0], Output[2]) + GaussianNll(frame[1], Output[1], Output[3]));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public void Nll_and_kl_are_sums_over_the_real_steps_and_means_over_the_sequences(int rows)
    {
        foreach (var kind in new[] { ModelKind.VariationalBiLstm, ModelKind.ZForcing })
        {
            foreach (var prior in new[] { PriorKind.Learned, PriorKind.Fixed })
            {
                using var known = new KnownModel(Gaussian with { Kind = kind, Prior = prior });
                known.SetOutput("generator", Output);
                known.SetOutput("posterior", Posterior);
                if (prior == PriorKind.Learned)
                    known.SetOutput("prior", Prior);
                var (p0, p1) = prior == PriorKind.Learned ? ((Prior[0], Prior[2]), (Prior[1], Prior[3])) : ((0, 0), (0, 0));
                double[] kl = [GaussianKl(Posterior[0], Posterior[2], p0.Item1, p0.Item2), GaussianKl(Posterior[1], Posterior[3], p1.Item1, p1.Item2)];
                foreach (var mode in new[] { LatentMode.Sampled, LatentMode.Mean })
                {
                    var result = known.Posterior(Ragged, rows, mode);
                    var nll = Enumerable.Range(0, 5).Average(index => NllOf(Ragged, index));
                    Assert.Equal(nll, result.Nll, 1e-5);
                    Assert.Equal(13 / 5.0 * kl.Sum(), result.Kl, 1e-5);
                    Assert.Equal(-nll - 13 / 5.0 * kl.Sum(), result.Bound, 1e-5);
                    Assert.Equal(2, result.KlPerLatent.Count);
                    Assert.Equal(kl[0], result.KlPerLatent[0], 1e-6);
                    Assert.Equal(kl[1], result.KlPerLatent[1], 1e-6);
                    Assert.Equal((5, 13L, mode == LatentMode.Sampled, 0), (result.Sequences, result.Tokens, result.IsBound, result.ActiveUnits));
                    Assert.Equal((null, 0), (result.ImportanceWeightedBound, result.ImportanceSamples));
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void Each_sequence_is_told_with_its_number_and_its_own_sums(int rows)
    {
        using var known = new KnownModel(Gaussian);
        known.SetOutput("generator", Output);
        known.SetOutput("posterior", Posterior);
        known.SetOutput("prior", Prior);
        var step = GaussianKl(Posterior[0], Posterior[2], Prior[0], Prior[2]) + GaussianKl(Posterior[1], Posterior[3], Prior[1], Prior[3]);
        var scores = new List<SequenceScore>();
        known.Posterior(Ragged, rows, each: scores.Add);
        Assert.Equal(Enumerable.Range(0, 5), scores.Select(score => score.Index).Order());
        foreach (var score in scores)
        {
            Assert.Equal(NllOf(Ragged, score.Index), score.Nll, 1e-4);
            Assert.Equal(Ragged.Length(score.Index) * step, score.Kl, 1e-4);
            Assert.Equal(-score.Nll - score.Kl, score.Bound);
            Assert.Null(score.ImportanceWeightedBound);
        }
    }

    [Fact]
    public void Each_sequence_of_windows_that_carry_their_state_is_told_once()
    {
        using var known = new KnownModel(Gaussian with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 3, EmbeddingSize = 2 });
        double[] logits = [0.5, -1, 2];
        known.SetOutput("generator", logits);
        var data = new ScriptedTokens(3, [1, 0, 2], [2, 2, 1], [1, 0, 1], [1, 1]) { Carries = true };
        var scores = new List<SequenceScore>();
        known.Posterior(data, 2, each: scores.Add);
        Assert.Equal(Enumerable.Range(0, 4), scores.Select(score => score.Index).Order());
        foreach (var score in scores)
            Assert.Equal(data[score.Index].Skip(1).Sum(token => CategoricalNll(token, logits)), score.Nll, 1e-5);
    }

    [Theory]
    [InlineData(ModelKind.Lstm, LatentMode.Sampled, true)]
    [InlineData(ModelKind.Lstm, LatentMode.Mean, true)]
    [InlineData(ModelKind.BiLstm, LatentMode.Sampled, false)]
    [InlineData(ModelKind.BiLstm, LatentMode.Mean, false)]
    public void Without_a_channel_the_bound_is_the_likelihood_unless_the_generator_reads_the_future(ModelKind kind, LatentMode mode, bool isBound)
    {
        using var known = new KnownModel(Gaussian with { Kind = kind });
        known.SetOutput("generator", Output);
        var result = known.Posterior(Ragged, 2, mode);
        Assert.Equal(Enumerable.Range(0, 5).Average(index => NllOf(Ragged, index)), result.Nll, 1e-5);
        Assert.Equal((0.0, isBound, 0), (result.Kl, result.IsBound, result.ActiveUnits));
        Assert.Empty(result.KlPerLatent);
        if (mode == LatentMode.Sampled)
            Assert.Equal(-result.Nll, known.Posterior(Ragged, 2, mode, importanceSamples: 3).ImportanceWeightedBound!.Value, 1e-5);
    }

    [Theory]
    [InlineData(OutputDistribution.Bernoulli)]
    [InlineData(OutputDistribution.Categorical)]
    public void Binary_frames_and_tokens_score_by_their_probabilities(OutputDistribution distribution)
    {
        var isTokens = distribution == OutputDistribution.Categorical;
        double[] logits = isTokens ? [0.5, -1, 2] : [0.75];
        var model = isTokens ? Gaussian with { VocabularySize = 3, EmbeddingSize = 2 } : Bernoulli;
        using var known = new KnownModel(model with { OutputDistribution = distribution });
        known.SetOutput("generator", logits);
        SequenceDataset data = isTokens
            ? new ScriptedTokens(3, [1, 0, 2, 2], [0, 1], [2, 2, 0]) { DeclaredUnit = TaskUnit.Perplexity }
            : new ScriptedFrames([[[1], [0], [1], [1]], [[0], [1]], [[1], [1], [0]]]) { DeclaredUnit = TaskUnit.NatsPerImage };
        var result = known.Posterior(data, 2);

        // Targets 0 2 2, 1, 2 0 of the tokens; 0 1 1, 1, 1 0 of the frames.
        var expected = isTokens
            ? 2 * CategoricalNll(0, logits) + CategoricalNll(1, logits) + 3 * CategoricalNll(2, logits)
            : 2 * BernoulliNll(0, logits[0]) + 4 * BernoulliNll(1, logits[0]);
        Assert.Equal(expected / 3, result.Nll, 1e-5);
        Assert.Equal((3, 6L, data.Unit), (result.Sequences, result.Tokens, result.Unit));
        Assert.Equal(0, result.Kl);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void With_the_exact_posterior_any_number_of_importance_samples_gives_the_log_likelihood(int samples)
    {
        // p(z | y) ∝ N(z; prior) N(y; Slope z + Shift): every weight p(y, z) / q(z) is p(y).
        const float Y = 1.25f;
        var precision = Math.Exp(-PriorLogVariance) + Slope * Slope * Math.Exp(-NoiseLogVariance);
        var mean = (PriorMean * Math.Exp(-PriorLogVariance) + Slope * (Y - Shift) * Math.Exp(-NoiseLogVariance)) / precision;
        using var known = LinearModel(mean, -Math.Log(precision));
        var scores = new List<SequenceScore>();
        var data = Constant(Y, 3, 1, 4);
        var result = known.Posterior(data, 2, importanceSamples: samples, each: scores.Add);
        var marginal = -GaussianNll(Y, Slope * PriorMean + Shift, Math.Log(Slope * Slope * Math.Exp(PriorLogVariance) + Math.Exp(NoiseLogVariance)));
        Assert.Equal(8 / 3.0 * marginal, result.ImportanceWeightedBound!.Value, 1e-4);
        Assert.Equal(samples, result.ImportanceSamples);
        foreach (var score in scores)
            Assert.Equal(data.Length(score.Index) * marginal, score.ImportanceWeightedBound!.Value, 1e-4);
        Assert.Equal(3, scores.Count);
    }

    [Fact]
    public void Sampled_latents_score_as_the_posterior_s_expectation_and_mean_latents_at_its_mean()
    {
        const double Mean = 0.9, LogVariance = -0.5;
        const float Y = 0.5f;
        using var known = LinearModel(Mean, LogVariance);
        var data = Constant(Y, [.. Enumerable.Repeat(5, 2000)]);
        var atMean = GaussianNll(Y, Slope * Mean + Shift, NoiseLogVariance);
        Assert.Equal(5 * atMean, known.Posterior(data, 500, LatentMode.Mean).Nll, 1e-4);

        // E (y − Slope z − Shift)² has Slope² Var z more than at the mean; 10,000 draws of a squared normal and a normal term.
        var spread = Slope * Slope * Math.Exp(LogVariance);
        var residual = Y - Slope * Mean - Shift;
        var deviation = Math.Sqrt(2 * spread * spread + 4 * residual * residual * spread) / (2 * Math.Exp(NoiseLogVariance));
        var sampled = known.Posterior(data, 500);
        Assert.InRange(sampled.Nll / 5 - (atMean + spread / (2 * Math.Exp(NoiseLogVariance))), -5 * deviation / 100, 5 * deviation / 100);
        Assert.Equal(5 * GaussianKl(Mean, LogVariance, PriorMean, PriorLogVariance), sampled.Kl, 1e-4);
    }

    [Fact]
    public void Weights_are_averaged_over_trajectories_of_their_own_and_whole_sequences()
    {
        // log p(z) − log q(z) of a shift d between unit normals is −d ε − d²/2; over the T Z of a sequence, N(−s²/2, s²) with s² = T Z d².
        const double Distance = 0.6;
        using var known = new KnownModel(Gaussian with { FrameSize = 1, LatentUnits = 2 });
        known.SetOutput("posterior", Distance, -Distance, 0, 0);
        var data = Constant(0, [.. Enumerable.Repeat(3, 20_000)]);
        var variance = 3 * 2 * Distance * Distance;
        var nll = 3 * GaussianNll(0, 0, 0);
        var error = 5 * Math.Sqrt(variance / data.Count);
        var one = known.Posterior(data, 1000, importanceSamples: 1).ImportanceWeightedBound!.Value;
        Assert.InRange(one + nll + variance / 2, -error, error);

        // log ((e^a + e^b) / 2) = (a + b) / 2 + log cosh((a − b) / 2), and (a − b) / 2 ~ N(0, s²/2).
        var expected = -variance / 2 + NormalMean(x => Math.Log(Math.Cosh(x * Math.Sqrt(variance / 2))));
        var two = known.Posterior(data, 1000, importanceSamples: 2).ImportanceWeightedBound!.Value;
        Assert.InRange(two + nll - expected, -error, error);
    }

    [Fact]
    public void The_other_figures_are_of_the_first_trajectory_however_many_there_are()
    {
        using var known = LinearModel(0.9, -0.5);
        var data = Constant(0.5f, 5, 2, 4);
        var (one, many) = (known.Posterior(data, 2), known.Posterior(data, 2, importanceSamples: 4));
        Assert.Equal((one.Nll, one.Kl, one.KlPerLatent[0], one.Tokens), (many.Nll, many.Kl, many.KlPerLatent[0], many.Tokens));
    }

    [Fact]
    public void Figures_do_not_depend_on_the_rows_of_a_batch()
    {
        using var known = LinearModel(0.9, -0.5);
        var data = ScriptedFrames.OfValues([0, 1, 2], [0, 0.5f], [1, -1, 0.25f, 2], [2, 2, 2, 2], [0, 1]);
        var expected = known.Posterior(data, 1, importanceSamples: 3);
        foreach (var rows in new[] { 2, 3, 5, 6 })
        {
            var result = known.Posterior(data, rows, importanceSamples: 3);
            Assert.Equal(expected.Nll, result.Nll, 1e-5);
            Assert.Equal(expected.ImportanceWeightedBound!.Value, result.ImportanceWeightedBound!.Value, 1e-5);
        }
    }

    [Fact]
    public void Weights_far_below_what_exp_can_tell_from_zero_are_averaged_all_the_same()
    {
        using var known = new KnownModel(Gaussian with { FrameSize = 1 });
        var result = known.Posterior(Constant(200, 3), 1, importanceSamples: 3);
        Assert.Equal(-3 * GaussianNll(200, 0, 0), result.ImportanceWeightedBound!.Value, 0.1);
    }

    [Fact]
    public void Active_units_are_those_whose_mean_varies_by_more_than_a_hundredth_over_all_sequences_and_steps()
    {
        // The posterior's means follow b_t, which has read x_t alone here: 0 or StateOf(1).
        var data = ScriptedFrames.OfValues([1, 1, 1, 1, 1], [0, 0], [1, 0, 0], [1, 1, 0, 1, 0, 0, 1, 1], [0, 1]);
        var x = Enumerable.Range(0, data.Count).SelectMany(index => data[index].SkipLast(1)).Select(frame => (double)frame[0]).ToList();
        var share = x.Average();
        double SlopeFor(double variance) => Math.Sqrt(variance / (share * (1 - share))) / KnownModel.StateOf(1);
        double[] slopes = [0, SlopeFor(0.0103), SlopeFor(0.0097), -SlopeFor(0.5)], means = [5, 0, 3, -1], logVariances = [0, -1, -2, 0.5];

        using var known = new KnownModel(Bernoulli with { LatentUnits = 4 });
        known.ReadInputOnly("backward_lstm", (_, unit) => unit == 0 ? 1 : 0);
        known.Pass("posterior", "posterior.hidden.weight_b", 0, [.. slopes, 0, 0, 0, 0], [.. means, .. logVariances]);
        foreach (var rows in new[] { 1, 2, 4 })
        {
            var result = known.Posterior(data, rows);
            Assert.Equal(2, result.ActiveUnits);
            for (var j = 0; j < 4; j++)
            {
                var kl = x.Average(value => GaussianKl(means[j] + slopes[j] * value * KnownModel.StateOf(1), logVariances[j], 0, 0));
                Assert.Equal(kl, result.KlPerLatent[j], 1e-4);
            }
        }
    }

    [Theory]
    [InlineData(LatentMode.Sampled, -1)]
    [InlineData(LatentMode.Mean, 1)]
    public void Samples_that_make_no_bound_are_refused(LatentMode mode, int samples)
    {
        using var known = new KnownModel(Gaussian);
        var message = Assert.Throws<ConfigurationException>(() => known.Posterior(Ragged, 2, mode, samples)).Message;
        Assert.Contains("importance-weighted bound needs sampled latents", message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_trajectory_of_windows_that_carry_their_state_is_a_bound_and_two_are_not()
    {
        using var known = new KnownModel(Gaussian with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 3, EmbeddingSize = 2 });
        var data = new ScriptedTokens(3, [1, 0, 2], [2, 2, 1], [1, 0, 1]) { Carries = true };
        Assert.Equal(-2 * Math.Log(3), known.Posterior(data, 2, importanceSamples: 1).ImportanceWeightedBound!.Value, 1e-5);
        var message = Assert.Throws<ConfigurationException>(() => known.Posterior(data, 2, importanceSamples: 2)).Message;
        Assert.Contains("data.carry_state=false", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_evaluator_did_before_does_not_matter()
    {
        using var known = new KnownModel(Linear);
        known.SetAll();
        var windows = new ScriptedFrames([[[0], [1], [-1]], [[-1], [0.5f], [2]]]) { Carries = true };
        known.Evaluations(windows, rows: 1, evaluator =>
        {
            var (mean, sampled) = (evaluator(LatentMode.Mean).Bound, evaluator(LatentMode.Sampled).Bound);
            Assert.NotEqual(mean, sampled, 1e-3);
            Assert.Equal((mean, sampled), (evaluator(LatentMode.Mean).Bound, evaluator(LatentMode.Sampled).Bound));
        });
    }

    [Fact]
    public void Progress_counts_batches_and_trajectories_and_cancelling_stops_between_them()
    {
        using var known = new KnownModel(Gaussian);
        var shares = new List<double>();
        known.Posterior(Ragged, 2, progress: shares.Add);
        Assert.Equal([1 / 3.0, 2 / 3.0, 1], shares, (a, b) => Math.Abs(a - b) < 1e-12);
        shares.Clear();
        known.Posterior(Ragged, 3, importanceSamples: 2, progress: shares.Add);
        Assert.Equal([0.25, 0.5, 0.75, 1], shares);

        using var source = new CancellationTokenSource();
        shares.Clear();
        Assert.Throws<OperationCanceledException>(() => known.Posterior(Ragged, 3, importanceSamples: 2, progress: share =>
        {
            shares.Add(share);
            source.Cancel();
        }, stop: source));
        Assert.Equal([0.25], shares);
    }
}
