using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Metrics;
using VBiLstm.Runs;
using VBiLstm.Tests.Data;
using VBiLstm.Tests.Metrics;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>When a run evaluates, what is its best, when it stops, and with which rates and weights it steps.</summary>
public class TrainingRhythmTests
{
    static readonly ModelConfiguration Small = new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 1,
        LstmUnits = 4,
        MlpUnits = 5,
        LatentUnits = 2,
        OutputInitialisation = 0.5,
        Alpha = 0.3,
        Beta = 0.2,
        Gamma = 0.1,
    };

    // Its output is N(0, 1) for ever: an output layer of zeros, learning at a rate that float32 does not see.
    static readonly RunConfiguration Still = new()
    {
        Model = Small with { Kind = ModelKind.Lstm, OutputInitialisation = 0 },
        Training = new TrainingConfiguration { BatchSize = 2, Steps = 20, LearningRate = 1e-30, EvaluateEvery = 1, CheckpointEvery = 0 },
    };

    // One frame whose value a test changes from evaluation to evaluation.
    sealed class Scripted : SequenceDataset
    {
        public float Value { get; set; }

        public override int Count => 1;

        public override int FrameSize => 1;

        public override int VocabularySize => 0;

        public override int MaximumLength => 1;

        public override int Length(int index) => 1;

        public override void Fill(int index, long epoch, SequenceBatch batch, int row) => batch.Frames[batch.BatchSize + row] = Value;
    }

    sealed class Record(Action<EvaluationReport>? onEvaluation = null, Action? onEvaluating = null) : ITrainingObserver
    {
        public List<StepReport> Steps { get; } = [];

        public List<EvaluationReport> Evaluations { get; } = [];

        public List<long> Saved { get; } = [];

        public List<string> Warnings { get; } = [];

        public void OnStep(in StepReport report) => Steps.Add(report);

        public void OnSaving(long step) => Saved.Add(step);

        public void OnWarning(string message) => Warnings.Add(message);

        public void OnEvaluating(long step, double share) => onEvaluating?.Invoke();

        public void OnEvaluation(EvaluationReport report)
        {
            Evaluations.Add(report);
            onEvaluation?.Invoke(report);
        }
    }

    static ScriptedFrames Frames(int count) => ScriptedFrames.OfValues([.. Enumerable.Range(0, count).Select(i => new[] { 0, 0.25f * i, -1 })]);

    static (TrainingOutcome Outcome, TrainingState State) Run(string folder, RunConfiguration configuration, Record record, Scripted? validation = null,
        CancellationToken? cancellation = null)
    {
        using var data = new DataSplits(Frames(5), validation is null ? Frames(3) : validation, Frames(2), "made here");
        using var device = new CpuDevice(1);
        using var trainer = new Trainer(configuration, data, device, new RunFolder(folder));
        return (trainer.Run(record, cancellation ?? TestContext.Current.CancellationToken), trainer.State);
    }

    [Theory]
    [InlineData(3, new[] { 3f, 2, 2.5f, 2, 2.25f, 1 }, new[] { true, true, false, false, false }, 2)]
    [InlineData(3, new[] { 3f, 2, 2.5f, 2.25f, 1.5f, 2, 2, 2, 1 }, new[] { true, true, false, false, true, false, false, false }, 5)]
    [InlineData(1, new[] { 1f, 0.5f, 0.5f, 0 }, new[] { true, true, false }, 2)]
    [InlineData(0, new[] { 1f, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 }, null, 1)]
    public void The_best_is_the_first_highest_bound_and_patience_counts_from_it(int patience, float[] values, bool[]? areBest, int best)
    {
        // Bounds are −(log 2π + value²) / 2.
        using var folder = new TemporaryFolder();
        var validation = new Scripted { Value = values[0] };
        var record = new Record();
        record = new Record(_ => validation.Value = values[Math.Min(record.Evaluations.Count, values.Length - 1)]);
        var (outcome, state) = Run(folder.Path, Still with { Training = Still.Training with { EarlyStop = patience } }, record, validation);

        areBest ??= [true, .. Enumerable.Repeat(false, 19)];
        Assert.Equal(patience > 0 ? TrainingOutcome.StoppedEarly : TrainingOutcome.Completed, outcome);
        Assert.Equal(areBest, record.Evaluations.Select(report => report.IsBest));
        Assert.Equal(Enumerable.Range(1, areBest.Length).Select(step => (long)step), record.Evaluations.Select(report => report.Step));
        for (var i = 0; i < areBest.Length; i++)
            Assert.Equal(-0.5 * (Math.Log(2 * Math.PI) + values[i] * values[i]), record.Evaluations[i].Result.Bound, 1e-6);
        Assert.Equal((best, record.Evaluations[best - 1].Result.Bound), ((int)state.BestStep, state.BestBound!.Value));
        Assert.Equal(areBest.Length - best, state.EvaluationsWithoutImprovement);
        Assert.Equal(best, CheckpointFolder.Read(new RunFolder(folder.Path).Best, withMoments: false).State.Step);
        Assert.Equal(areBest.Length, CheckpointFolder.Read(new RunFolder(folder.Path).Last, withMoments: false).State.Step);
    }

    [Theory]
    [InlineData(3, 8, new long[] { 3, 6, 8 })]
    [InlineData(4, 8, new long[] { 4, 8 })]
    [InlineData(0, 5, new long[] { 5 })]
    [InlineData(9, 5, new long[] { 5 })]
    public void Evaluations_come_after_each_n_steps_and_after_the_last(int every, int steps, long[] expected)
    {
        using var folder = new TemporaryFolder();
        var record = new Record();
        var (outcome, state) = Run(folder.Path, Still with { Training = Still.Training with { Steps = steps, EvaluateEvery = every } }, record);
        Assert.Equal(TrainingOutcome.Completed, outcome);
        Assert.Equal(expected, record.Evaluations.Select(report => report.Step));
        Assert.Equal((steps, false), ((int)state.Step, state.EvaluationIsPending));
        Assert.Equal(Enumerable.Range(1, steps).Select(step => (long)step), record.Steps.Select(report => report.Step));
        Assert.All(record.Steps, report => Assert.Equal(steps, report.TotalSteps));
        Assert.Equal(record.Steps.Select(report => report.Step / 3.0), record.Steps.Select(report => report.Epoch));
        Assert.Equal([2, 2, 1], record.Steps.Take(3).Select(report => report.Sequences));
    }

    // Nothing is better than the first evaluation; the end is saved after its evaluation.
    [Theory]
    [InlineData(2, 4, new long[] { 2, 4, 8, 10 })]
    [InlineData(4, 4, new long[] { 4, 4, 8, 10 })]
    [InlineData(0, 3, new long[] { 3, 6, 9, 10, 10 })]
    [InlineData(5, 0, new long[] { 5, 10 })]
    public void Checkpoints_come_after_each_n_steps_with_each_best_evaluation_and_at_the_end(int evaluateEvery, int checkpointEvery, long[] expected)
    {
        using var folder = new TemporaryFolder();
        var record = new Record();
        var training = Still.Training with { Steps = 10, EvaluateEvery = evaluateEvery, CheckpointEvery = checkpointEvery };
        Run(folder.Path, Still with { Training = training }, record);
        Assert.Equal(expected, record.Saved);
        Assert.Empty(record.Warnings);
    }

    [Fact]
    public void A_run_that_is_cancelled_in_an_evaluation_saves_its_state_once()
    {
        using var folder = new TemporaryFolder();
        using var source = new CancellationTokenSource();
        var record = new Record(onEvaluating: source.Cancel);
        var (outcome, state) = Run(folder.Path, Still with { Training = Still.Training with { CheckpointEvery = 1 } }, record, cancellation: source.Token);
        Assert.Equal((TrainingOutcome.Interrupted, 1L, true), (outcome, state.Step, state.EvaluationIsPending));
        Assert.Equal([1L], record.Saved);
        Assert.Empty(record.Evaluations);
    }

    [Fact]
    public void Each_step_has_the_rate_and_the_weights_of_its_schedules_and_the_log_says_so()
    {
        using var folder = new TemporaryFolder();
        var model = Small with { KlWeight = 0.7 };
        var training = new TrainingConfiguration
        {
            BatchSize = 2,
            Steps = 12,
            LearningRate = 0.01,
            LearningRateFinal = 0.002,
            LearningRateSchedule = LearningRateSchedule.Linear,
            LearningRateWarmup = 2,
            KlWarmup = 4,
            KlWeightInitial = 0.25,
            AuxiliaryWarmup = 6,
            EvaluateEvery = 6,
        };
        var record = new Record();
        Run(folder.Path, new RunConfiguration { Model = model, Training = training }, record);
        var log = MetricsLog.Read(new RunFolder(folder.Path).Metrics).ToList();
        var rows = log.Where(row => row.Split == "train").ToList();
        Assert.Equal(12, rows.Count);
        for (var i = 0; i < 12; i++)
        {
            var metrics = record.Steps[i].Metrics;
            var rate = i < 2 ? 0.005 * (i + 1) : 0.01 - 0.008 * (i - 2) / 10;
            var klWeight = 0.7 * Math.Min(1, 0.25 + 0.75 * i / 4);
            var auxiliary = Math.Min(1, i / 6.0);
            Assert.Equal(rate, record.Steps[i].LearningRate, 1e-12);
            var objective = metrics.Nll + klWeight * metrics.Kl - auxiliary * (0.3 * metrics.LogPPsi + 0.2 * metrics.LogPXi) + 0.1 * metrics.Activity;
            Assert.Equal(objective, metrics.Objective, 1e-4);
            Assert.True(metrics.Kl > 0 && metrics.LogPPsi != 0 && metrics.LogPXi != 0 && metrics.Activity > 0);
            var expected = new Dictionary<string, double>
            {
                ["bound"] = -(double)metrics.Nll - metrics.Kl,
                ["nll"] = metrics.Nll,
                ["kl"] = metrics.Kl,
                ["log_p_psi"] = metrics.LogPPsi,
                ["log_p_xi"] = metrics.LogPXi,
                ["objective"] = metrics.Objective,
                ["gradient_norm"] = metrics.GradientNorm,
                ["learning_rate"] = rate,
                ["skipped_steps"] = 0,
            };
            Assert.Equal(i + 1, rows[i].Step);
            Assert.Equal(expected.Keys.Order(), rows[i].Values.Keys.Order());
            Assert.All(expected, pair => Assert.Equal(pair.Value, rows[i].Values[pair.Key], 1e-5));
        }

        var evaluations = log.Where(row => row.Split == "validation").ToList();
        Assert.Equal([6L, 12], evaluations.Select(row => row.Step));
        foreach (var (row, report) in evaluations.Zip(record.Evaluations))
        {
            Assert.Equal(["active_units", "bound", "kl", "nll"], row.Values.Keys.Order());
            double[] values = [report.Result.ActiveUnits, report.Result.Bound, report.Result.Kl, report.Result.Nll];
            Assert.Equal(values, row.Values.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value));
        }
    }

    [Theory]
    [InlineData(0, 0.4)]
    [InlineData(4, 0.1)]
    [InlineData(8, 0.05)]
    public void The_first_step_moves_parameters_by_the_rate_of_its_schedule(int warmup, double rate)
    {
        // Adam's first step is rate · g / (|g| + ε): the rate itself wherever the gradient is not tiny.
        using var folder = new TemporaryFolder();
        var configuration = Still with { Training = Still.Training with { Steps = 1, LearningRate = 0.4, LearningRateWarmup = warmup, AdamEpsilon = 1e-10 } };
        Run(folder.Path, configuration, new Record());
        var moved = CheckpointFolder.Read(new RunFolder(folder.Path).Last, withMoments: false).Weights.Single(tensor => tensor.Name == "generator.output.bias");
        Assert.All(moved.Values, value => Assert.Equal(rate, Math.Abs(value), 1e-5));
    }

    [Fact]
    public void The_curves_of_tensorboard_are_those_of_the_reports()
    {
        using var folder = new TemporaryFolder();
        var training = new TrainingConfiguration { BatchSize = 2, Steps = 4, KlWarmup = 2, KlWeightInitial = 0.5, EvaluateEvery = 2 };
        var record = new Record();
        Run(folder.Path, new RunConfiguration { Model = Small, Training = training }, record);
        var scalars = EventFile.Scalars(Assert.Single(Directory.GetFiles(folder.Path, "events*")))
            .Where(point => !point.Tag.StartsWith("timing/", StringComparison.Ordinal));
        var expected = new List<(string Tag, long Step, float Value)>();
        foreach (var step in record.Steps)
        {
            var metrics = step.Metrics;
            foreach (var (tag, value) in new (string, double)[]
            {
                ("bound", metrics.Bound), ("nll", metrics.Nll), ("kl", metrics.Kl), ("log_p_psi", metrics.LogPPsi), ("log_p_xi", metrics.LogPXi),
                ("activity", metrics.Activity), ("objective", metrics.Objective), ("gradient_norm", metrics.GradientNorm), ("learning_rate", 0.001),
                ("kl_weight", Math.Min(1, 0.5 + 0.25 * (step.Step - 1))),
            })
                expected.Add(("train/" + tag, step.Step, (float)value));
        }

        foreach (var (step, result, _) in record.Evaluations)
        {
            (string, double)[] values = [("bound", result.Bound), ("nll", result.Nll), ("kl", result.Kl), ("active_units", result.ActiveUnits)];
            foreach (var (tag, value) in values)
                expected.Add(("validation/" + tag, step, (float)value));
        }

        Assert.Equal(expected.Order(), scalars.Order());
    }

    [Fact]
    public void Steps_are_as_configured_or_the_epochs_batches_rounded_up()
    {
        Assert.Equal(7, Trainer.TotalStepsOf(new TrainingConfiguration { Steps = 7, Epochs = 3 }, 10));
        Assert.Equal(25, Trainer.TotalStepsOf(new TrainingConfiguration { Epochs = 2.5 }, 10));
        Assert.Equal(26, Trainer.TotalStepsOf(new TrainingConfiguration { Epochs = 2.51 }, 10));
        Assert.Equal(1, Trainer.TotalStepsOf(new TrainingConfiguration { Epochs = 0.001 }, 10));
        Assert.Equal(1_000_000_000_000, Trainer.TotalStepsOf(new TrainingConfiguration { Epochs = 1e11 }, 10));
        Assert.Throws<ConfigurationException>(() => Trainer.TotalStepsOf(new TrainingConfiguration { Epochs = 1.01e11 }, 10));
    }
}
