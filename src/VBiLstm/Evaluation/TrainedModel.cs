using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Evaluation;

/// <summary>A model from a checkpoint on a device, ready to score data and to draw from.</summary>
public sealed class TrainedModel : IDisposable
{
    readonly Communicator _ranks;

    /// <param name="path">A run's folder, whose best checkpoint is taken, a checkpoint, or a file of <see cref="Trainer.SaveModel"/>.</param>
    /// <param name="device">Where the parameters go.</param>
    /// <exception cref="CheckpointException">Missing, damaged or of another format; the message names the file.</exception>
    /// <exception cref="NonFiniteException">A parameter is not finite.</exception>
    public TrainedModel(string path, Device device)
        : this(device is null ? throw new ArgumentNullException(nameof(device))
            : File.Exists(path) ? ModelFile.Read(path).Checkpoint : Read(path, withMoments: false), device)
    {
    }

    /// <param name="checkpoint">As read.</param>
    /// <param name="device">Where the parameters go.</param>
    /// <param name="ranks">Those that share out what is scored and come to the same figures, all of which call the same; null for this process alone.</param>
    /// <exception cref="NonFiniteException">A parameter is not finite.</exception>
    public TrainedModel(Checkpoint checkpoint, Device device, Communicator? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(device);
        (Checkpoint, _ranks) = (checkpoint, ranks ?? Communicator.Alone);
        if (ParameterFiles.FirstNonFinite(Checkpoint.Weights) is { } name)
            throw NonFiniteException.OfParameters(Checkpoint.Folder, Checkpoint.State.Step, name);
        Device = device;
        Parameters = new ModelParameters(device, Configuration.Model, training: false);
        ParameterFiles.Upload(device, Parameters.Layout, Checkpoint.Weights, Parameters.Values);
    }

    /// <summary>What was read: the weights by name, and where the training stood.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The configuration of the run that trained it.</summary>
    public RunConfiguration Configuration => Checkpoint.State.Configuration;

    /// <summary>Where the parameters are.</summary>
    public Device Device { get; }

    /// <summary>The parameters on the device; they are the model's and disposed with it.</summary>
    public ModelParameters Parameters { get; }

    /// <summary>The best checkpoint of a run's folder, or the checkpoint that the path itself is.</summary>
    /// <exception cref="CheckpointException">As the constructor's.</exception>
    internal static Checkpoint Read(string path, bool withMoments)
    {
        var best = new RunFolder(path).Best;
        return CheckpointFolder.Read(CheckpointFolder.Exists(best) ? best : path, withMoments);
    }

    /// <summary>Refuses data that the model was not trained on; reads all of them, the first time.</summary>
    /// <param name="data">The data at hand.</param>
    /// <returns>False where the checkpoint is too old to know.</returns>
    /// <exception cref="DataException">They are others; the message says in what they differ.</exception>
    public bool CheckData(DataSplits data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Checkpoint.Data?.Check(data.Identify(), data.Source, Checkpoint.Folder);
        return Checkpoint.Data is not null;
    }

    /// <summary>Scores a split with the posterior, as <see cref="Evaluator.Evaluate"/> does.</summary>
    /// <param name="split">The split.</param>
    /// <param name="rows">Sequences of a batch, computed in as many shards as training has; figures do not depend on it.</param>
    /// <param name="mode">Sampled or mean latents.</param>
    /// <param name="importanceSamples">K; 0 for none.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="each">Told of each sequence that this rank scores.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="NonFiniteException">A figure is not finite.</exception>
    public EvaluationResult Posterior(SequenceDataset split, int rows, LatentMode mode = LatentMode.Sampled, int importanceSamples = 0,
        Action<double>? progress = null, Action<SequenceScore>? each = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(split);
        rows = Math.Min(rows, split.Count);
        var shardSize = (rows + Configuration.Training.Shards - 1) / Configuration.Training.Shards;
        using var step = Evaluator.CreateStep(Device, Parameters, split, rows, shardSize, importanceSamples, _ranks);
        return Checked(new Evaluator(step, rows, _ranks, shardSize).Evaluate(split, mode, importanceSamples, progress, each, cancellation));
    }

    /// <summary>Scores a split in prior mode, as <see cref="PriorModeScore.Evaluate"/> does; parameters as of <see cref="Posterior"/>.</summary>
    /// <param name="split">The split.</param>
    /// <param name="rows">Sequences of a batch; figures do not depend on it.</param>
    /// <param name="mode">Of the latents.</param>
    /// <param name="trajectories">K per sequence.</param>
    /// <param name="resamples">Whether they are the particles of a filter.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="latents">z where it is at its empirical mean, [Z], as <see cref="LatentMeans"/> has it; otherwise null.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="NonFiniteException">A figure is not finite.</exception>
    public EvaluationResult Prior(SequenceDataset split, int rows, LatentMode mode = LatentMode.Sampled, int trajectories = 1, bool resamples = false,
        Action<double>? progress = null, IReadOnlyList<double>? latents = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(split);
        return Checked(PriorModeScore.OfModel(Device, Parameters, split, rows, mode, latents, trajectories, resamples, progress, cancellation));
    }

    /// <summary>The mean of z under the posterior, over the first sequences of the training split, 1,000 at most, [Z].</summary>
    /// <param name="train">The training split.</param>
    /// <param name="rows">Sequences of a batch.</param>
    /// <param name="progress">Told the share done, from 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="NonFiniteException">A figure is not finite.</exception>
    public IReadOnlyList<double> LatentMeans(SequenceDataset train, int rows, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(train);
        using var first = new FirstSequences(train);
        return Posterior(first, rows, progress: progress, cancellation: cancellation).LatentMeans;
    }

    EvaluationResult Checked(EvaluationResult result)
        => double.IsFinite(result.Bound) && double.IsFinite(result.ImportanceWeightedBound ?? 0)
            && double.IsFinite(result.InTaskUnit(Configuration.Model).Value)
            ? result
            : throw NonFiniteException.OfFigure(Checkpoint.Folder, Checkpoint.State.Step, "the bound");

    /// <summary>Gives the parameters' memory back; the device is its owner's.</summary>
    public void Dispose() => Parameters.Dispose();
}
