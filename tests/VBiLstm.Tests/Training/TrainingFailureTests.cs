using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>What a run loses when something around it fails: nothing that it had.</summary>
public class TrainingFailureTests
{
    static readonly RunConfiguration Digits = new()
    {
        Model = new ModelConfiguration { LstmUnits = 6, MlpUnits = 5, LatentUnits = 3 },
        Training = new TrainingConfiguration { BatchSize = 100, Steps = 12, EvaluateEvery = 4, CheckpointEvery = 2 },
    };

    sealed class Observer(Action<long>? onStep = null) : ITrainingObserver
    {
        public List<string> Warnings { get; } = [];

        public void OnStep(in StepReport report) => onStep?.Invoke(report.Step);

        public void OnEvaluation(EvaluationReport report)
        {
        }

        public void OnWarning(string message) => Warnings.Add(message);
    }

    static TrainingOutcome Train(RunFolder run, RunConfiguration configuration, ITrainingObserver? observer = null, bool resume = false)
    {
        using var data = DataSource.Open(configuration.Data, configuration.Seed);
        using var device = new CpuDevice(1);
        using var trainer = resume
            ? new Trainer(configuration, data, device, run, run.ReadNewest(message => Assert.Fail(message))!)
            : new Trainer(configuration, data, device, run);
        return trainer.Run(observer, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_data_file_that_is_cut_under_way_ends_in_an_error_and_a_saved_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets nobody cut a file that a training reads.");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("text.txt"), string.Concat(Enumerable.Range(0, 4000).Select(i => (char)('a' + i * i % 23))));
        PreparationTask.Get("text-char").Run(
            [new SourcePath(folder.At("text.txt"))], folder.At("data"), new PreparationOptions(), (_, _) => { }, CancellationToken.None);
        var configuration = Digits with
        {
            Model = Digits.Model with
            {
                OutputDistribution = OutputDistribution.Categorical,
                EmbeddingSize = 4,
                VocabularySize = File.ReadAllText(folder.At("text.txt")).Distinct().Count(),
            },
            Data = new DataConfiguration { Source = folder.At("data"), Window = 10 },
            Training = new TrainingConfiguration { BatchSize = 10, Steps = 60, EvaluateEvery = 0, CheckpointEvery = 50 },
        };
        Train(new RunFolder(folder.At("whole")), configuration);

        var file = folder.At("data/train.bin");
        var bytes = File.ReadAllBytes(file);
        var run = new RunFolder(folder.At("run"));
        var error = Assert.Throws<DataException>(() => Train(run, configuration, new Observer(step =>
        {
            if (step == 7)
                using (var open = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                    open.SetLength(100);
        })));
        Assert.Contains("train.bin, offset", error.Message, StringComparison.Ordinal);
        Assert.True(run.ReadNewest(_ => { })!.State.Step is >= 7 and < 60);

        File.WriteAllBytes(file, bytes);
        Assert.Equal(TrainingOutcome.Completed, Train(run, configuration, resume: true));
        foreach (var name in new[] { "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder.At($"whole/{name}")), File.ReadAllBytes(folder.At($"run/{name}")));
    }

    [Fact]
    public void A_run_that_stopped_early_is_complete_and_goes_on_only_when_it_need_not_stop()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.Path);
        var configuration = Digits with
        {
            Training = new TrainingConfiguration { Steps = 500, LearningRate = 1e-12, EvaluateEvery = 1, EarlyStop = 3, BatchSize = 10 },
        };
        Assert.Equal(TrainingOutcome.StoppedEarly, Train(run, configuration));
        var files = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories)
            .Where(file => file.EndsWith(".safetensors", StringComparison.Ordinal) || file.EndsWith("metrics.jsonl", StringComparison.Ordinal))
            .ToDictionary(file => file, File.ReadAllBytes);

        Assert.Equal(TrainingOutcome.StoppedEarly, Train(run, configuration, resume: true));
        Assert.All(files, file => Assert.Equal(file.Value, File.ReadAllBytes(file.Key)));
        var stopped = run.ReadNewest(_ => { })!.State.Step;
        Assert.Equal(TrainingOutcome.Completed,
            Train(run, configuration with { Training = configuration.Training with { EarlyStop = 0, Steps = (int)stopped + 2 } }, resume: true));
        Assert.Equal(stopped + 2, run.ReadNewest(_ => { })!.State.Step);
    }

    [Fact]
    public void A_best_checkpoint_that_cannot_be_written_is_not_the_best_of_the_last_one()
    {
        using var folder = new TemporaryFolder();
        Train(new RunFolder(folder.At("whole")), Digits);
        var run = new RunFolder(folder.At("run"));
        var error = Assert.Throws<IOException>(() => Train(run, Digits, new Observer(step =>
        {
            // A file in its way, as a full disk would be.
            if (step == 7)
                File.WriteAllText(run.Best + ".new", "");
        })));
        Assert.Contains($"{run.Best} of step 8 could not be written", error.Message, StringComparison.Ordinal);
        Assert.Contains("the one before it is kept", error.Message, StringComparison.Ordinal);
        var saved = CheckpointFolder.Read(run.Last, withMoments: true).State;
        Assert.Equal((8, 4, true), (saved.Step, saved.BestStep, saved.EvaluationIsPending));
        File.Delete(run.Best + ".new");
        Assert.Equal(TrainingOutcome.Completed, Train(run, Digits, resume: true));
        foreach (var name in new[] { "metrics.jsonl", "checkpoints/best/weights.safetensors", "checkpoints/last/optimizer.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder.At($"whole/{name}")), File.ReadAllBytes(folder.At($"run/{name}")));
    }

    [Fact]
    public void Logs_that_cannot_be_written_end_nothing()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.At("run"));
        Directory.CreateDirectory(run.Metrics); // a folder where the file should be
        var observer = new Observer();
        Assert.Equal(TrainingOutcome.Completed, Train(run, Digits, observer));
        Assert.Single(observer.Warnings, warning => warning.Contains("metrics.jsonl cannot be written", StringComparison.Ordinal));
        Assert.Equal(12, run.ReadNewest(_ => { })!.State.Step);
    }

    [Fact]
    public void A_folder_that_is_deleted_under_way_is_made_again()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There what is deleted while it is open keeps its name until it is closed.");
        using var folder = new TemporaryFolder();
        var deleted = new RunFolder(folder.At("deleted"));
        var observer = new Observer(step =>
        {
            if (step == 5)
                Directory.Delete(deleted.Path, recursive: true);
        });
        Assert.Equal(TrainingOutcome.Completed, Train(deleted, Digits, observer));
        Assert.Contains(observer.Warnings, warning => warning.Contains("was deleted under way", StringComparison.Ordinal));
        Assert.Equal(12, deleted.ReadNewest(_ => { })!.State.Step);
        Assert.Equal(Digits, ConfigurationFile.Read(deleted.Configuration) with { Preset = Digits.Preset });
        Assert.Equal(12, MetricsLog.Read(deleted.Metrics).Last().Step);
    }

    [Fact]
    public void Parameters_that_are_not_finite_are_not_saved()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.Path);
        var configuration = Digits with { Training = Digits.Training with { LearningRate = 1e39, EvaluateEvery = 0, CheckpointEvery = 1 } };
        var error = Assert.Throws<NonFiniteException>(() => Train(run, configuration));
        Assert.Equal((1, "the parameters"), (error.Step, error.Term));
        Assert.Null(run.ReadNewest(_ => { }));
    }

    [Fact]
    public void A_second_trainer_of_a_run_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var data = DataSource.Open(Digits.Data, 1);
        using var device = new CpuDevice(1);
        using var first = new Trainer(Digits, data, device, new RunFolder(folder.At("run")));
        Assert.Contains("in use",
            Assert.Throws<ConfigurationException>(() => new Trainer(Digits, data, device, new RunFolder(folder.At("run")))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void More_steps_than_can_be_counted_are_refused()
        => Assert.Contains("training.epochs is 1000000000000000, which makes 3.2E+16 steps",
            Assert.Throws<ConfigurationException>(() => Trainer.TotalStepsOf(new TrainingConfiguration { Epochs = 1e15 }, 32)).Message,
            StringComparison.Ordinal);
}
