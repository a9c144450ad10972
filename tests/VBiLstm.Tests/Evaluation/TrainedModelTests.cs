using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Preparation;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Tests.Evaluation;

/// <summary>Scoring what a run left: figures, progress, and the way out of a long one.</summary>
public class TrainedModelTests
{
    static readonly RunConfiguration Run = new()
    {
        Model = new ModelConfiguration { LstmUnits = 12, MlpUnits = 10, LatentUnits = 4 },
        Training = new TrainingConfiguration { BatchSize = 30, Steps = 4, EvaluateEvery = 2, CheckpointEvery = 0 },
    };

    static DataSplits Train(string folder)
    {
        var data = DataSource.Open(Run.Data, Run.Seed);
        using var device = new CpuDevice(2);
        using var trainer = new Trainer(Run, data, device, new RunFolder(folder));
        trainer.Run(cancellation: TestContext.Current.CancellationToken);
        return data;
    }

    [Fact]
    public void The_best_checkpoint_scores_on_validation_what_training_said_of_it()
    {
        using var folder = new TemporaryFolder();
        var data = Train(folder.Path);
        using var device = new CpuDevice(2);
        using var trained = new TrainedModel(folder.Path, device);
        var state = CheckpointFolder.Read(new RunFolder(folder.Path).Last, withMoments: false).State;
        Assert.Equal(state.BestStep, trained.Checkpoint.State.Step);
        Assert.Equal(state.BestBound!.Value,
            trained.Posterior(data.Validation, Run.Training.BatchSize, cancellation: TestContext.Current.CancellationToken).Bound);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Scores_tell_how_far_they_are_and_stop_when_cancelled(bool priorMode)
    {
        using var folder = new TemporaryFolder();
        var data = Train(folder.Path);
        using var device = new CpuDevice(2);
        using var trained = new TrainedModel(folder.Path, device);
        void Score(Action<double> progress, CancellationToken cancellation)
            => _ = priorMode
                ? trained.Prior(data.Test, 30, progress: progress, cancellation: cancellation)
                : trained.Posterior(data.Test, 30, progress: progress, cancellation: cancellation);

        var shares = new List<double>();
        Score(shares.Add, TestContext.Current.CancellationToken);

        // Several of the seven batches are scored side by side.
        Assert.InRange(shares.Count, 2, 7);
        Assert.Equal(shares.Order(), shares);
        Assert.Equal(1, shares[^1]);

        using var source = new CancellationTokenSource();
        var told = 0;
        Assert.Throws<OperationCanceledException>(() => Score(_ =>
        {
            told++;
            source.Cancel();
        }, source.Token));
        Assert.Equal(1, told);
    }
}
