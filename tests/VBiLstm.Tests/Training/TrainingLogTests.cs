using System.Globalization;
using Microsoft.Extensions.Logging;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>What a program's log holds of a training.</summary>
public class TrainingLogTests
{
    sealed record Entry(LogLevel Level, string Name, string Text, Dictionary<string, object?> Values);

    sealed class RecordingLogger(LogLevel least) : ILogger
    {
        public List<Entry> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Entries.Add(new Entry(logLevel, eventId.Name!, formatter(state, exception),
                    ((IEnumerable<KeyValuePair<string, object?>>)state!).ToDictionary(value => value.Key, value => value.Value)));
        }
    }

    // Keeps what it hands on.
    sealed class Both(TrainingLog log) : ITrainingObserver
    {
        public List<StepReport> Steps { get; } = [];

        public List<EvaluationReport> Evaluations { get; } = [];

        public List<long> Saved { get; } = [];

        public void OnStep(in StepReport report)
        {
            Steps.Add(report);
            log.OnStep(report);
        }

        public void OnEvaluation(EvaluationReport report)
        {
            Evaluations.Add(report);
            log.OnEvaluation(report);
        }

        public void OnSaving(long step)
        {
            Saved.Add(step);
            log.OnSaving(step);
        }
    }

    static readonly RunConfiguration Run = new()
    {
        Model = new ModelConfiguration { LstmUnits = 6, MlpUnits = 5, LatentUnits = 3 },
        Training = new TrainingConfiguration { BatchSize = 100, Steps = 8, EvaluateEvery = 4, CheckpointEvery = 3 },
    };

    [Fact]
    public void Steps_evaluations_and_checkpoints_are_there_with_their_values()
    {
        using var folder = new TemporaryFolder();
        using var data = EmbeddedDigits.Open(Run.Data, Run.Seed);
        using var device = new CpuDevice(1);
        using var trainer = new Trainer(Run, data, device, new RunFolder(folder.At("run")));
        var logger = new RecordingLogger(LogLevel.Debug);
        var told = new Both(new TrainingLog(logger));
        trainer.Run(told, TestContext.Current.CancellationToken);

        var steps = logger.Entries.Where(entry => entry.Name == "Step").ToList();
        Assert.Equal(told.Steps.Select(step => (step.Step, 8L, step.Metrics.Bound, step.Metrics.GradientNorm, step.LearningRate)),
            steps.Select(entry => ((long)entry.Values["Step"]!, (long)entry.Values["TotalSteps"]!, (float)entry.Values["Bound"]!,
                (float)entry.Values["GradientNorm"]!, (double)entry.Values["LearningRate"]!)));
        Assert.All(steps, entry => Assert.True(entry.Level == LogLevel.Debug && (double)entry.Values["SamplesPerSecond"]! > 0));

        var evaluations = logger.Entries.Where(entry => entry.Name == "Evaluation").ToList();
        Assert.Equal(told.Evaluations.Select(report => (report.Step, report.Result.Bound, report.Result.Nll, report.Result.Kl, report.IsBest)),
            evaluations.Select(entry => ((long)entry.Values["Step"]!, (double)entry.Values["Bound"]!, (double)entry.Values["Nll"]!,
                (double)entry.Values["Kl"]!, (bool)entry.Values["IsBest"]!)));
        var first = told.Evaluations[0];
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"Step 4: validation bound {first.Result.Bound:F2} nats, NLL {first.Result.Nll:F2}, ")
            + string.Create(CultureInfo.InvariantCulture, $"KL {first.Result.Kl:F2}, best so far: True"), evaluations[0].Text);

        var checkpoints = logger.Entries.Where(entry => entry.Name == "Checkpoint").ToList();
        Assert.NotEmpty(checkpoints);
        Assert.Equal(told.Saved, checkpoints.Select(entry => (long)entry.Values["Step"]!));
        Assert.All(evaluations.Concat(checkpoints), entry => Assert.Equal(LogLevel.Information, entry.Level));
        Assert.Equal(steps.Count + evaluations.Count + checkpoints.Count, logger.Entries.Count);
    }

    [Fact]
    public void What_went_wrong_is_a_warning()
    {
        var logger = new RecordingLogger(LogLevel.Warning);
        var log = new TrainingLog(logger);
        log.OnStep(new StepReport(7, 10, 0.5, new StepMetrics(float.NaN, 0, 0, 0, 0, float.NaN, 1), 0.001, 32, 2));
        log.OnWarning("metrics.jsonl cannot be written: the disk is full {now}");
        Assert.Equal([(LogLevel.Warning, "Step 7 was not finite and updated nothing; 2 of that kind so far"),
            (LogLevel.Warning, "metrics.jsonl cannot be written: the disk is full {now}")], logger.Entries.Select(entry => (entry.Level, entry.Text)));
        Assert.Equal(2L, logger.Entries[0].Values["Skipped"]);
    }

    [Fact]
    public void A_step_that_the_log_does_not_take_allocates_nothing()
    {
        var log = new TrainingLog(new RecordingLogger(LogLevel.Information));
        var report = new StepReport(1, 10, 0.5, new StepMetrics(1, 1, 0, 0, 0, 2, 1), 0.001, 32, 0);
        log.OnStep(report);
        Assert.Equal(0, Allocation.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
                log.OnStep(report);
        }));
    }
}
