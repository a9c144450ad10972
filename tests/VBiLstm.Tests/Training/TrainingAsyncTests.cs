using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>A program that awaits a training and the files of its models.</summary>
public class TrainingAsyncTests
{
    static readonly RunConfiguration Run = new()
    {
        Model = new ModelConfiguration { LstmUnits = 12, MlpUnits = 10, LatentUnits = 3 },
        Training = new TrainingConfiguration { BatchSize = 40, Steps = 12, EvaluateEvery = 0 },
    };

    sealed class EachStep(Action<long> then) : ITrainingObserver
    {
        public void OnStep(in StepReport report) => then(report.Step);

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    sealed class Fixture(RunConfiguration run) : IDisposable
    {
        readonly DataSplits _data = EmbeddedDigits.Open(run.Data, run.Seed);
        readonly CpuDevice _device = new(2);
        Trainer? _trainer;

        public CpuDevice Device => _device;

        public Trainer Trainer => _trainer ??= new Trainer(run, _data, _device);

        public float[] Values()
            => [.. ParameterFiles.OnDevice(_device, Trainer.Parameters.Layout, Trainer.Parameters.Values).SelectMany(tensor => tensor.Values)];

        public void Dispose()
        {
            _trainer?.Dispose();
            _device.Dispose();
            _data.Dispose();
        }
    }

    [Fact]
    public async Task A_training_runs_on_a_thread_of_its_own_with_the_same_bits()
    {
        using var alone = new Fixture(Run);
        alone.Trainer.Run(cancellation: TestContext.Current.CancellationToken);
        using var awaited = new Fixture(Run);
        var threads = new HashSet<Thread>();
        var outcome = await awaited.Trainer.RunAsync(new EachStep(_ => threads.Add(Thread.CurrentThread)), TestContext.Current.CancellationToken);
        Assert.Equal(TrainingOutcome.Completed, outcome);
        Assert.False(Assert.Single(threads).IsThreadPoolThread);
        Assert.Equal(alone.Values(), awaited.Values());
    }

    [Fact]
    public async Task A_cancelled_training_is_interrupted_and_goes_on_with_the_same_bits()
    {
        using var alone = new Fixture(Run);
        alone.Trainer.Run(cancellation: TestContext.Current.CancellationToken);
        using var halted = new Fixture(Run);
        using var cancellation = new CancellationTokenSource();
        Assert.Equal(TrainingOutcome.Interrupted, await halted.Trainer.RunAsync(new EachStep(step =>
        {
            if (step == 5)
                cancellation.Cancel();
        }), cancellation.Token));
        Assert.Equal(5, halted.Trainer.State.Step);
        Assert.Equal(TrainingOutcome.Completed, await halted.Trainer.RunAsync(cancellation: TestContext.Current.CancellationToken));
        Assert.Equal(alone.Values(), halted.Values());
    }

    [Fact]
    public async Task What_a_training_throws_is_the_tasks()
    {
        using var failing = new Fixture(Run);
        var training = failing.Trainer.RunAsync(new EachStep(_ => throw new NotSupportedException("of the observer")), TestContext.Current.CancellationToken);
        Assert.Equal("of the observer", (await Assert.ThrowsAsync<NotSupportedException>(() => training)).Message);
    }

    [Fact]
    public async Task A_model_is_saved_as_the_other_call_saves_it()
    {
        using var folder = new TemporaryFolder();
        using var trained = new Fixture(Run);
        trained.Trainer.Run(cancellation: TestContext.Current.CancellationToken);
        trained.Trainer.SaveModel(folder.At("one"));
        await trained.Trainer.SaveModelAsync(folder.At("other"), TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(folder.At("one")), File.ReadAllBytes(folder.At("other")));
    }

    [Fact]
    public async Task An_observer_saves_what_was_there_at_its_step()
    {
        using var folder = new TemporaryFolder();
        using var saving = new Fixture(Run);
        var tasks = new List<Task>();
        await saving.Trainer.RunAsync(new EachStep(step =>
        {
            if (step == 4)
                tasks.Add(saving.Trainer.SaveModelAsync(folder.At("early"), TestContext.Current.CancellationToken));
        }), TestContext.Current.CancellationToken);
        await Assert.Single(tasks);

        using var halted = new Fixture(Run with { Training = Run.Training with { Steps = 4 } });
        halted.Trainer.Run(cancellation: TestContext.Current.CancellationToken);
        using var read = new TrainedModel(folder.At("early"), saving.Device);
        Assert.Equal(4, read.Checkpoint.State.Step);
        Assert.Equal(halted.Values(), read.Checkpoint.Weights.SelectMany(tensor => tensor.Values));
    }

    [Fact]
    public async Task A_cancelled_saving_leaves_the_old_file_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        using var trained = new Fixture(Run);
        var path = folder.At("model");
        File.WriteAllText(path, "old");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => trained.Trainer.SaveModelAsync(path, new CancellationToken(canceled: true)));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }
}
