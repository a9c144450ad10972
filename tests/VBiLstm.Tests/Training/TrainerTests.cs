using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Preparation;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

public class TrainerTests
{
    static readonly RunConfiguration Run = new()
    {
        Seed = 5,
        Model = new ModelConfiguration { LstmUnits = 24, MlpUnits = 20, LatentUnits = 6, Alpha = 0.01, Beta = 0.01 },
        Data = new DataConfiguration { Binarisation = Binarisation.Stochastic },
        Training = new TrainingConfiguration
        {
            BatchSize = 30,
            Steps = 40,
            LearningRateSchedule = LearningRateSchedule.Cosine,
            LearningRateWarmup = 5,
            KlWarmup = 15,
            AuxiliaryWarmup = 10,
            EvaluateEvery = 10,
            CheckpointEvery = 7,
        },
    };

    sealed class CancelAfter(long step, CancellationTokenSource source) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == step)
                source.Cancel();
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    sealed class CancelInEvaluation(long step, CancellationTokenSource source) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
        }

        public void OnEvaluating(long evaluated, double share)
        {
            if (evaluated == step && share < 1)
                source.Cancel();
        }

        public void OnEvaluation(EvaluationReport report) => Assert.NotEqual(step, report.Step);
    }

    sealed class DieAt(long step) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == step)
                throw new InvalidOperationException("died");
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    static TrainingOutcome Train(string folder, int threads, RunConfiguration configuration, ITrainingObserver? observer = null, bool resume = false,
        CancellationTokenSource? stop = null)
    {
        var data = DataSource.Open(configuration.Data, configuration.Seed);
        var run = new RunFolder(folder);
        using var device = new CpuDevice(threads);
        using var trainer = resume
            ? new Trainer(configuration, data, device, run, CheckpointFolder.Read(run.Last, withMoments: true))
            : new Trainer(configuration, data, device, run);
        Assert.False(trainer.IsComplete);
        var outcome = trainer.Run(observer, stop?.Token ?? TestContext.Current.CancellationToken);
        Assert.Equal(outcome != TrainingOutcome.Interrupted, trainer.IsComplete);
        return outcome;
    }

    static void AssertSameRun(string expected, string actual)
    {
        foreach (var file in new[]
        {
            "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors", "checkpoints/best/weights.safetensors",
            "metrics.jsonl", "configuration.json",
        })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(expected, file)), File.ReadAllBytes(Path.Combine(actual, file)));
        }
    }

    [Fact]
    public void A_stopped_and_resumed_run_has_the_bits_of_an_uninterrupted_one_at_any_number_of_threads()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(TrainingOutcome.Completed, Train(folder.At("whole"), 1, Run));
        foreach (var threads in new[] { 1, 2 })
        {
            foreach (var stop in new[] { 20L, 23 })
            {
                var part = folder.At($"part-{threads}-{stop}");
                using var source = new CancellationTokenSource();
                Assert.Equal(TrainingOutcome.Interrupted, Train(part, threads, Run, new CancelAfter(stop, source), stop: source));
                Assert.Equal(stop, CheckpointFolder.Read(part, withMoments: true).State.Step);
                Assert.Equal(TrainingOutcome.Completed, Train(part, threads, Run, resume: true));
                AssertSameRun(folder.At("whole"), part);
            }
        }

        // Ten steps before the end, and after the last step, where nothing but the evaluation is left.
        foreach (var evaluated in new[] { 30L, 40 })
        {
            var part = folder.At($"evaluating-{evaluated}");
            using var source = new CancellationTokenSource();
            Assert.Equal(TrainingOutcome.Interrupted, Train(part, 2, Run, new CancelInEvaluation(evaluated, source), stop: source));
            var state = CheckpointFolder.Read(part, withMoments: true).State;
            Assert.Equal((evaluated, true, evaluated - 10), (state.Step, state.EvaluationIsPending, state.BestStep));
            Assert.Equal(TrainingOutcome.Completed, Train(part, 2, Run, resume: true));
            AssertSameRun(folder.At("whole"), part);
        }

        // A run that died between two checkpoints goes back to the last of them: it repeats some steps and loses nothing else.
        foreach (var step in new[] { 5L, 12, 23 })
        {
            var died = folder.At($"died-{step}");
            Assert.Throws<InvalidOperationException>(() => Train(died, 2, Run, new DieAt(step)));
            var hasCheckpoint = step > Run.Training.CheckpointEvery;
            Assert.Equal(hasCheckpoint, Directory.Exists(new RunFolder(died).Last));
            if (!hasCheckpoint)
                continue;
            Train(died, 2, Run, resume: true);
            AssertSameRun(folder.At("whole"), died);
        }
    }

    [Fact]
    public void The_third_step_is_adam_s_third_step()
    {
        using var folder = new TemporaryFolder();
        Checkpoint After(int steps)
        {
            var path = folder.At($"{steps}");
            Train(path, 2, Run with { Training = new TrainingConfiguration { Steps = steps, EvaluateEvery = 0 } });
            return CheckpointFolder.Read(new RunFolder(path).Last, withMoments: true);
        }

        var (before, after) = (After(2), After(3));
        var defaults = new TrainingConfiguration();
        var (correction1, correction2) = (1 - Math.Pow(defaults.AdamBeta1, 3), 1 - Math.Pow(defaults.AdamBeta2, 3));
        for (var i = 0; i < after.Weights.Count; i++)
        {
            for (var j = 0; j < after.Weights[i].Values.Length; j++)
            {
                var step = defaults.LearningRate * (after.FirstMoments[i].Values[j] / correction1)
                    / (Math.Sqrt(after.SecondMoments[i].Values[j] / correction2) + defaults.AdamEpsilon);
                Assert.Equal(before.Weights[i].Values[j] - step, after.Weights[i].Values[j], 1e-6);
            }
        }
    }

    [Fact]
    public void A_non_finite_loss_stops_before_its_update_and_names_step_term_and_tensor()
    {
        using var folder = new TemporaryFolder();
        var configuration = Run with { Training = Run.Training with { LearningRate = 1e30, LearningRateWarmup = 0, ClipNorm = 0, Steps = 20 } };
        var e = Assert.Throws<NonFiniteException>(() => Train(folder.Path, 2, configuration));
        Assert.NotEmpty(e.Term);
        Assert.NotEmpty(e.Tensor);
        Assert.Contains($"Step {e.Step}", e.Message, StringComparison.Ordinal);
        var saved = CheckpointFolder.Read(folder.Path, withMoments: true);
        Assert.Equal(e.Step - 1, saved.State.Step);
        Assert.All(saved.Weights, tensor => Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value))));
    }

    sealed class LastReport : ITrainingObserver
    {
        public StepReport Report { get; private set; }

        public List<string> Warnings { get; } = [];

        public void OnStep(in StepReport report) => Report = report;

        public void OnEvaluation(EvaluationReport report)
        {
        }

        public void OnWarning(string message) => Warnings.Add(message);
    }

    [Fact]
    public void Skipping_counts_the_steps_and_a_diverged_run_ends_without_a_figure()
    {
        using var folder = new TemporaryFolder();
        var configuration = Run with
        {
            Training = Run.Training with
            {
                LearningRate = 1e30,
                LearningRateWarmup = 0,
                ClipNorm = 0,
                Steps = 6,
                EvaluateEvery = 0,
                OnNonFinite = OnNonFinite.Skip,
            },
        };
        var last = new LastReport();
        var e = Assert.Throws<NonFiniteException>(() => Train(folder.Path, 2, configuration, last));
        Assert.Equal((6, 6, "the validation bound"), (last.Report.Step, e.Step, e.Term));
        Assert.InRange(last.Report.Skipped, 1, 5);
        Assert.DoesNotContain(MetricsLog.Read(new RunFolder(folder.Path).Metrics), row => row.Split == "validation");
        Assert.False(Directory.Exists(new RunFolder(folder.Path).Best));
    }

    /// <summary>
    /// The course of validation in prior mode: at the last step what an evaluation of its checkpoint gives; the training itself is as without.
    /// </summary>
    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.Lstm)]
    public void Prior_mode_is_scored_along_the_way_where_it_is_asked_for(ModelKind kind)
    {
        using var folder = new TemporaryFolder();
        var without = Run with { Model = Run.Model with { Kind = kind }, Training = Run.Training with { Steps = 20 } };
        var with = without with { Training = without.Training with { EvaluatePriorMode = true } };
        Train(folder.At("without"), 1, without);
        Train(folder.At("with"), 1, with);
        var (plain, run) = (new RunFolder(folder.At("without")), new RunFolder(folder.At("with")));
        Assert.Equal(File.ReadAllBytes(plain.Last + "/weights.safetensors"), File.ReadAllBytes(run.Last + "/weights.safetensors"));

        var rows = MetricsLog.Read(run.Metrics).Where(row => row.Split.StartsWith("validation_prior_", StringComparison.Ordinal)).ToList();
        string[] modes = kind == ModelKind.Lstm ? ["sampled"] : ["sampled", "mean", "empirical_mean"];
        Assert.Equal(new[] { 10L, 20 }.SelectMany(step => modes.Select(mode => (step, "validation_prior_" + mode))), rows.Select(row => (row.Step, row.Split)));
        Assert.Equal(MetricsLog.Read(plain.Metrics).Select(row => (row.Step, row.Split, row.Values["nll"])),
            MetricsLog.Read(run.Metrics).Except(rows).Where(row => !rows.Any(other => other.Step == row.Step && other.Split == row.Split))
                .Select(row => (row.Step, row.Split, row.Values["nll"])));

        using var device = new CpuDevice(1);
        using var trained = new TrainedModel(CheckpointFolder.Read(run.Last, withMoments: false), device);
        var data = DataSource.Open(with.Data, with.Seed);
        foreach (var (mode, row) in Enum.GetValues<LatentMode>().Zip(rows[^modes.Length..]))
        {
            var latents = mode == LatentMode.EmpiricalMean ? trained.LatentMeans(data.Train, 30, cancellation: TestContext.Current.CancellationToken) : null;
            var result = trained.Prior(data.Validation, 30, mode, latents: latents, cancellation: TestContext.Current.CancellationToken);
            Assert.Equal(result.Nll, row.Values["nll"]);
            Assert.Equal(result.Nll, row.Values["value"]); // nats per image
        }
    }

    [Fact]
    public void A_model_that_reads_the_future_has_no_prior_mode_along_the_way()
    {
        var error = Assert.Throws<ConfigurationException>(
            () => (Run with { Model = Run.Model with { Kind = ModelKind.BiLstm }, Training = Run.Training with { EvaluatePriorMode = true } }).Validate());
        Assert.Contains("training.evaluate_prior_mode", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_stops_early_when_validation_stops_improving()
    {
        using var folder = new TemporaryFolder();
        var configuration = Run with
        {
            Training = new TrainingConfiguration { Steps = 500, LearningRate = 1e-12, EvaluateEvery = 1, EarlyStop = 3, BatchSize = 10 },
        };

        // At this rate the bound moves in its last digits only, so three evaluations without a better one come soon.
        Assert.Equal(TrainingOutcome.StoppedEarly, Train(folder.Path, 2, configuration));
        var state = CheckpointFolder.Read(new RunFolder(folder.Path).Last, withMoments: true).State;
        Assert.Equal(3, state.EvaluationsWithoutImprovement);
        Assert.Equal(state.BestStep + 3, state.Step);
    }
}
