using VBiLstm.Checkpoints;
using VBiLstm.Comparisons;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Tests.Data;
using VBiLstm.Training;
using static VBiLstm.Tests.Evaluation.ClosedForm;

namespace VBiLstm.Tests.Evaluation;

/// <summary>Checkpoints of models whose scores are known: which one is read, what is scored, what is refused.</summary>
public class KnownCheckpointTests
{
    // y = Slope z + Shift + noise; posterior and prior of z without regard to the data.
    static readonly ModelConfiguration Linear = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 1,
        LstmUnits = 3,
        MlpUnits = 4,
        LatentUnits = 1,
        GeneratorInput = GeneratorInput.HZBTilde,
    };

    static readonly RunConfiguration Run = new() { Training = new TrainingConfiguration { BatchSize = 2 } };
    const double Slope = 0.8, Shift = -0.3, NoiseLogVariance = -0.7;

    static DataSplits Data() => new(
        ScriptedFrames.OfValues([0, 1, 1]),
        ScriptedFrames.OfValues([0, 0.5f, 1], [0, -1], [0, 0.25f]),
        ScriptedFrames.OfValues([0, 1], [0, 2, 1, 0.5f], [0, 1, 1]),
        "made here");

    static KnownModel Known(ModelKind kind = ModelKind.VariationalBiLstm, double slope = Slope)
    {
        var isVariational = kind == ModelKind.VariationalBiLstm;
        var known = new KnownModel(Linear with { Kind = kind, GeneratorInput = isVariational ? GeneratorInput.HZBTilde : GeneratorInput.H });
        if (isVariational)
        {
            known.SetOutput("posterior", 0.9, -0.5);
            known.SetOutput("prior", 0.4, 0.5);
            known.Pass("generator", "generator.hidden.weight", Linear.LstmUnits, [slope, 0], [Shift, NoiseLogVariance]);
        }
        else
        {
            known.SetOutput("generator", Shift, NoiseLogVariance);
        }

        return known;
    }

    static double NllAt(SequenceDataset split, double z, double slope = Slope)
    {
        double Of(float[][] frames) => frames.Skip(1).Sum(frame => GaussianNll(frame[0], slope * z + Shift, NoiseLogVariance));
        return Enumerable.Range(0, split.Count).Average(i => Of(((ScriptedFrames)split)[i]));
    }

    [Fact]
    public void The_best_checkpoint_of_a_run_is_read_and_a_checkpoint_itself()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        var run = new RunFolder(folder.Path);
        using (var known = Known())
        {
            known.WriteCheckpoint(run.Last, Run, data.Identify(), 20);
            Assert.Equal(20, TrainedModel.Read(folder.Path, withMoments: false).State.Step);
            known.WriteCheckpoint(run.Best, Run, data.Identify(), 10);
        }

        Assert.Equal(10, TrainedModel.Read(folder.Path, withMoments: false).State.Step);
        Assert.Equal(20, TrainedModel.Read(run.Last, withMoments: false).State.Step);
        Assert.NotEmpty(TrainedModel.Read(folder.Path, withMoments: true).FirstMoments);
        Assert.Empty(TrainedModel.Read(folder.Path, withMoments: false).FirstMoments);
    }

    [Fact]
    public void A_checkpoint_scores_as_its_model()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using (var known = Known())
            known.WriteCheckpoint(folder.At("run"), Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.At("run"), device);
        Assert.Equal(Linear, trained.Configuration.Model);
        Assert.Empty(trained.Checkpoint.FirstMoments);
        Assert.True(trained.Parameters.Gradients.IsEmpty);
        foreach (var rows in new[] { 1, 2, 100 })
        {
            var posterior = trained.Posterior(data.Test, rows, LatentMode.Mean, cancellation: TestContext.Current.CancellationToken);
            Assert.Equal(NllAt(data.Test, 0.9), posterior.Nll, 1e-5);
            Assert.Equal(2 * GaussianKl(0.9, -0.5, 0.4, 0.5), posterior.Kl, 1e-5);
            Assert.Equal(NllAt(data.Test, 0.4), trained.Prior(data.Test, rows, LatentMode.Mean, cancellation: TestContext.Current.CancellationToken).Nll, 1e-5);
        }

        Assert.Equal(5, trained.Posterior(data.Test, 2, importanceSamples: 5, cancellation: TestContext.Current.CancellationToken).ImportanceSamples);
        Assert.NotEqual(trained.Posterior(data.Test, 2, cancellation: TestContext.Current.CancellationToken).Nll, NllAt(data.Test, 0.9), 1e-3);
        Assert.NotEqual(trained.Prior(data.Test, 2, cancellation: TestContext.Current.CancellationToken).Nll, NllAt(data.Test, 0.4), 1e-3);
    }

    [Fact]
    public void Other_data_than_the_run_s_are_refused()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using (var known = Known())
            known.WriteCheckpoint(folder.Path, Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.Path, device);
        Assert.True(trained.CheckData(data));
        using var other = new DataSplits(ScriptedFrames.OfValues([0, 1, 2]), data.Validation, data.Test, "other");
        Assert.Contains("train split", Assert.Throws<DataException>(() => trained.CheckData(other)).Message, StringComparison.Ordinal);
        Assert.Throws<DataException>(() => ComparisonResult.Evaluate(trained, other, 0, (_, _) => { }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Parameters_and_figures_that_are_not_finite_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using var device = new CpuDevice(1);
        using (var known = Known())
        {
            known.SetOutput("generator", double.NaN, 0);
            known.WriteCheckpoint(folder.At("nan"), Run, data.Identify(), 10);
            known.SetOutput("generator", 1e30, 0);
            known.WriteCheckpoint(folder.At("far"), Run, data.Identify(), 12);
        }

        var error = Assert.Throws<NonFiniteException>(() => new TrainedModel(folder.At("nan"), device));
        Assert.Equal((10, "generator.output.bias"), (error.Step, error.Tensor));
        using var trained = new TrainedModel(folder.At("far"), device);
        foreach (var score in new Action[]
        {
            () => trained.Posterior(data.Test, 2, cancellation: TestContext.Current.CancellationToken),
            () => trained.Prior(data.Test, 2, cancellation: TestContext.Current.CancellationToken),
        })
        {
            error = Assert.Throws<NonFiniteException>(score);
            Assert.Equal((12, "the bound"), (error.Step, error.Term));
        }
    }

    [Fact]
    public void A_perplexity_beyond_all_numbers_is_refused_where_the_bound_is_finite()
    {
        using var folder = new TemporaryFolder();
        using var data = new DataSplits(Words(), Words(), Words(), "made here");
        var plain = Linear with { Kind = ModelKind.Lstm, GeneratorInput = GeneratorInput.H };
        using (var known = new KnownModel(plain with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 2, EmbeddingSize = 2 }))
        {
            known.SetOutput("generator", 0, 800);
            known.WriteCheckpoint(folder.Path, Run, data.Identify(), 10);
        }

        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.Path, device);
        Assert.Throws<NonFiniteException>(() => trained.Posterior(data.Test, 1, cancellation: TestContext.Current.CancellationToken));

        static ScriptedTokens Words() => new(2, [1, 0]) { DeclaredUnit = TaskUnit.Perplexity };
    }

    [Fact]
    public void A_comparison_s_result_holds_the_figures_of_its_model()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();

        // Without a slope the latents move nothing, so that sampled scores are exact too.
        using (var known = Known(slope: 0))
            known.WriteCheckpoint(folder.At("run"), Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.At("run"), device);
        var told = new List<(string What, double Share)>();
        var result = ComparisonResult.Evaluate(trained, data, 0, (what, share) => told.Add((what, share)), TestContext.Current.CancellationToken);

        double Nll(SequenceDataset split) => NllAt(split, 0, slope: 0);
        var kl = GaussianKl(0.9, -0.5, 0.4, 0.5);
        Assert.Equal(trained.Parameters.Layout.All.Where(parameter => !parameter.Name.StartsWith("xi.", StringComparison.Ordinal))
            .Sum(parameter => (long)parameter.Rows * parameter.Columns), result.Parameters);
        Assert.Equal((10, "nats per sequence (higher is better)", true, false), (result.Step, result.Unit, result.HasChannel, result.ReadsFuture));
        Assert.Equal(Nll(data.Test), result.Nll, 1e-5);
        Assert.Equal(2 * kl, result.Kl, 1e-5);
        Assert.Equal(-result.Nll - result.Kl, result.Bound, 1e-12);
        Assert.Equal(result.Bound, result.Value);
        Assert.Equal((3, 6, 0), (result.Sequences, result.PredictedSteps, result.ActiveUnits));
        Assert.Equal(kl, Assert.Single(result.KlPerLatent), 1e-6);
        Assert.Equal(-Nll(data.Test), result.PriorModeSampled!.Value, 1e-5);
        Assert.Equal(-Nll(data.Test), result.PriorModeMean!.Value, 1e-5);
        Assert.Equal(-Nll(data.Validation) - 4 / 3.0 * kl, result.ValidationValue, 1e-5);
        Assert.StartsWith(typeof(ComparisonResult).Assembly.GetName().Version!.ToString(3), result.Program, StringComparison.Ordinal);
        Assert.Equal((device.Name, data.Identify().Sha256), (result.Device, result.DataSha256));
        string[] expected = ["scoring test", "scoring test in prior mode, at the means", "scoring test in prior mode, sampled", "scoring validation"];
        Assert.Equal(expected, told.Select(report => report.What).Distinct().Order());
        Assert.All(told.GroupBy(report => report.What), reports => Assert.Equal(1, reports.Last().Share));

        var file = folder.At(ComparisonResult.FileName);
        result.Write(file);
        Assert.Equivalent(result, ComparisonResult.Read(file), strict: true);
        foreach (var damaged in new[] { File.ReadAllText(file)[..100], "null", "{}" })
        {
            File.WriteAllText(file, damaged);
            var message = Assert.Throws<ConfigurationException>(() => ComparisonResult.Read(file)).Message;
            Assert.Contains("evaluates the run again", message, StringComparison.Ordinal);
        }

        File.Delete(file);
        Assert.Contains(file, Assert.Throws<ConfigurationException>(() => ComparisonResult.Read(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_tells_sampled_latents_from_those_at_their_means()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using (var known = Known())
            known.WriteCheckpoint(folder.At("run"), Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.At("run"), device);
        var result = ComparisonResult.Evaluate(trained, data, 0, (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal(-NllAt(data.Test, 0.4), result.PriorModeMean!.Value, 1e-5);
        Assert.NotEqual(-NllAt(data.Test, 0.4), result.PriorModeSampled!.Value, 1e-3);
        Assert.NotEqual(NllAt(data.Test, 0.9), result.Nll, 1e-3);
    }

    [Fact]
    public void A_comparison_scores_several_samples_as_evaluate_does()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using (var known = Known())
            known.WriteCheckpoint(folder.At("run"), Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.At("run"), device);
        var cancellation = TestContext.Current.CancellationToken;
        var result = ComparisonResult.Evaluate(trained, data, 7, (_, _) => { }, cancellation);
        Assert.Equal(7, result.Samples);
        Assert.Equal(trained.Posterior(data.Test, 3, importanceSamples: 7, cancellation: cancellation).ImportanceWeightedBound!.Value,
            result.ImportanceWeighted!.Value, 1e-9);
        Assert.Equal(trained.Prior(data.Test, 3, cancellation: cancellation, trajectories: 7).Bound, result.PriorTrajectories!.Value, 1e-9);
        Assert.Equal(trained.Prior(data.Test, 3, cancellation: cancellation, trajectories: 7, resamples: true).Bound, result.ParticleFilter!.Value, 1e-9);

        // Without samples and of a model without latents there are none.
        var none = ComparisonResult.Evaluate(trained, data, 0, (_, _) => { }, cancellation);
        Assert.Equal((0, null, null, null), (none.Samples, none.ImportanceWeighted, none.PriorTrajectories, none.ParticleFilter));
    }

    [Fact]
    public void A_model_that_reads_the_future_has_no_score_in_prior_mode()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using (var known = Known(ModelKind.BiLstm))
            known.WriteCheckpoint(folder.At("run"), Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.At("run"), device);
        var result = ComparisonResult.Evaluate(trained, data, 0, (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal((null, null, true, false), (result.PriorModeSampled, result.PriorModeMean, result.ReadsFuture, result.HasChannel));
        var error = Assert.Throws<ConfigurationException>(() => trained.Prior(data.Test, 1, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("prior mode", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_can_be_cancelled()
    {
        using var folder = new TemporaryFolder();
        using var data = Data();
        using (var known = Known())
            known.WriteCheckpoint(folder.At("run"), Run, data.Identify(), 10);
        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(folder.At("run"), device);
        foreach (var stopped in new[] { "scoring test", "scoring test in prior mode, sampled", "scoring test in prior mode, at the means" })
        {
            using var source = new CancellationTokenSource();
            var told = new List<string>();
            Assert.Throws<OperationCanceledException>(() => ComparisonResult.Evaluate(trained, data, 0, (what, share) =>
            {
                told.Add(what);
                if (what == stopped)
                    source.Cancel();
            }, source.Token));
            Assert.Equal(stopped, told[^1]);
        }
    }
}
