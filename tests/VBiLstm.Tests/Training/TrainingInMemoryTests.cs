using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>A program that trains without a run's folder (docs/library.md).</summary>
public class TrainingInMemoryTests
{
    static readonly RunConfiguration Run = new()
    {
        Model = new ModelConfiguration { LstmUnits = 24, MlpUnits = 20, LatentUnits = 6 },
        Training = new TrainingConfiguration { BatchSize = 40, Steps = 30, EvaluateEvery = 10, CheckpointEvery = 7 },
    };

    sealed class Progress : ITrainingObserver
    {
        public List<long> Steps { get; } = [];

        public List<EvaluationReport> Evaluations { get; } = [];

        public List<long> Saved { get; } = [];

        public void OnStep(in StepReport report) => Steps.Add(report.Step);

        public void OnEvaluation(EvaluationReport report) => Evaluations.Add(report);

        public void OnSaving(long step) => Saved.Add(step);
    }

    static DataSplits Digits() => EmbeddedDigits.Open(Run.Data, Run.Seed);

    [Fact]
    public void A_few_lines_train_evaluate_and_draw()
    {
        using var data = Digits();
        using var device = new CpuDevice(2);
        using var trainer = new Trainer(Run, data, device);
        var progress = new Progress();
        Assert.Equal(TrainingOutcome.Completed, trainer.Run(progress, TestContext.Current.CancellationToken));

        Assert.Equal(Enumerable.Range(1, 30).Select(step => (long)step), progress.Steps);
        Assert.Equal([10, 20, 30], progress.Evaluations.Select(report => report.Step));
        Assert.Empty(progress.Saved);
        Assert.True(progress.Evaluations[^1].Result.Bound > progress.Evaluations[0].Result.Bound);
        Assert.True(trainer.IsComplete);

        using var prior = new PriorMode(device, trainer.Parameters, 3, sampled: true);
        var drawn = Generation.Frames(prior, Run.Model, 28, 1);
        Assert.Equal(3 * 28 * 28, drawn.Length);
        Assert.All(drawn, pixel => Assert.True(pixel is 0 or 1));
    }

    sealed class AtStep(long at, Action then) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == at)
                then();
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    [Fact]
    public void What_another_thread_does_with_a_device_in_use_is_refused_and_changes_nothing()
    {
        using var data = Digits();
        using var device = new CpuDevice(2);
        using var alone = new Trainer(Run, data, device);
        alone.Run(cancellation: TestContext.Current.CancellationToken);
        var expected = ParameterFiles.OnDevice(device, alone.Parameters.Layout, alone.Parameters.Values).SelectMany(tensor => tensor.Values).ToList();

        using var first = new Trainer(Run, data, device);
        using var second = new Trainer(Run, data, device);
        using var prior = new PriorMode(device, second.Parameters, 3, sampled: true);
        var refusals = new List<InvalidOperationException>();
        void Refused(Action use) => refusals.Add(Assert.Throws<InvalidOperationException>(use));
        first.Run(new AtStep(5, () =>
        {
            var other = new Thread(() =>
            {
                Refused(() => second.Run());
                Refused(() => new Evaluator(second.Step, Run.Training.BatchSize).Evaluate(data.Validation));
                Refused(() => Generation.Frames(prior, Run.Model, 28, 1));
            });
            other.Start();
            other.Join();
        }), TestContext.Current.CancellationToken);
        Assert.Equal(3, refusals.Count);
        Assert.All(refusals, refusal => Assert.Contains("in use by another thread", refusal.Message, StringComparison.Ordinal));
        Assert.Equal(expected, ParameterFiles.OnDevice(device, first.Parameters.Layout, first.Parameters.Values).SelectMany(tensor => tensor.Values));

        // It is free again.
        Assert.Equal(TrainingOutcome.Completed, second.Run(cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void It_learns_the_same_bits_as_a_run_in_a_folder()
    {
        using var folder = new TemporaryFolder();
        using var data = Digits();
        using var device = new CpuDevice(2);
        var saving = new Progress();
        using (var recorded = new Trainer(Run, data, device, new RunFolder(folder.Path)))
            recorded.Run(saving, TestContext.Current.CancellationToken);
        using var trainer = new Trainer(Run, data, device);
        trainer.Run(cancellation: TestContext.Current.CancellationToken);

        var saved = CheckpointFolder.Read(new RunFolder(folder.Path).Last, withMoments: false);
        var learnt = ParameterFiles.OnDevice(device, trainer.Parameters.Layout, trainer.Parameters.Values);
        Assert.Equal(saved.Weights.SelectMany(tensor => tensor.Values), learnt.SelectMany(tensor => tensor.Values));
        Assert.Equal((saved.State.BestBound, saved.State.BestStep), (trainer.State.BestBound, trainer.State.BestStep));

        // Every seventh step, the best evaluations, and the end.
        Assert.Superset(new HashSet<long> { 7, 14, 21, 28, 30 }, saving.Saved.ToHashSet());
    }

    [Fact]
    public void It_goes_on_from_a_checkpoint_and_ends_when_cancelled()
    {
        using var folder = new TemporaryFolder();
        using var data = Digits();
        using var device = new CpuDevice(2);
        using (var recorded = new Trainer(Run, data, device, new RunFolder(folder.Path)))
            recorded.Run(cancellation: TestContext.Current.CancellationToken);
        var longer = Run with { Training = Run.Training with { Steps = 33 } };
        var progress = new Progress();
        using var trainer = new Trainer(longer, data, device, checkpoint: new RunFolder(folder.Path).ReadNewest(_ => { }));
        Assert.Equal(TrainingOutcome.Completed, trainer.Run(progress, TestContext.Current.CancellationToken));
        Assert.Equal([31, 32, 33], progress.Steps);

        using var cancelled = new Trainer(Run, data, device);
        Assert.Equal(TrainingOutcome.Interrupted, cancelled.Run(cancellation: new CancellationToken(canceled: true)));
        Assert.Equal(0, cancelled.State.Step);
    }
}
