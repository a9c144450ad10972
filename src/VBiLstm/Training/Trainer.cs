using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Runs;

namespace VBiLstm.Training;

/// <summary>
/// The training loop: batches, steps, evaluation. With a run's folder it also logs and writes checkpoints there: after <see cref="Run"/> stopped for whatever
/// reason, a resumed trainer continues with the same bits. Without one it trains in memory, and <see cref="Parameters"/> are what is left.
/// Where the device has joined other ranks (<see cref="Device.Join"/>), each has a trainer of the same configuration and data, computes its shards of every
/// batch, and comes to the same bits as one process that computes them all; rank 0 has the folder.
/// </summary>
public sealed class Trainer : IDisposable
{
    // Noise is numbered by 32 bits of a step and more; nobody waits for so many.
    const long MostSteps = 1_000_000_000_000;

    readonly RunConfiguration _configuration;
    readonly Device _device;
    readonly DataSplits _data;
    readonly RunFolder? _folder;
    readonly TrainingBatches _batches;
    readonly SequenceBatch _batch;
    readonly MetricsReadback[] _readbacks;
    readonly Queue<LaunchedStep> _launched = [];
    readonly Evaluator _evaluator;
    readonly CarriedStates? _states;
    readonly Communicator _ranks;
    readonly OwnShards _shards;
    readonly RunOwner? _owner;
    TrainingState _state;
    ITrainingObserver[] _observers = [];

    // Of the last checkpoint.
    long? _lastStep;

    /// <summary>A run from its start, or from a checkpoint.</summary>
    /// <param name="configuration">The effective configuration.</param>
    /// <param name="data">Its data set, open.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="folder">Where its files go; one trainer at a time has it. Null to train in memory.</param>
    /// <param name="checkpoint">Where the run goes on, with its moments; the configuration may differ from its only in what does not change shapes. Null for a
    /// run from its start.</param>
    /// <exception cref="ConfigurationException">A field is out of range or does not fit the data, or the folder is in use.</exception>
    /// <exception cref="DataException">The data are not those that the run was trained on.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit.</exception>
    public Trainer(RunConfiguration configuration, DataSplits data, Device device, RunFolder? folder = null, Checkpoint? checkpoint = null)
        : this(configuration, data, device, folder, checkpoint, owner: null)
    {
    }

    /// <param name="configuration">The effective configuration.</param>
    /// <param name="data">Its data set, open.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="folder">Where its files go.</param>
    /// <param name="checkpoint">Where the run goes on.</param>
    /// <param name="owner">The folder's owner where it was taken already; disposed with the trainer.</param>
    internal Trainer(RunConfiguration configuration, DataSplits data, Device device, RunFolder? folder, Checkpoint? checkpoint, RunOwner? owner)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(device);

        // What a program made itself is none of the sources, and none of the presets, that a configuration names unasked.
        if (data.Source != configuration.Data.Source)
            configuration = configuration with { Preset = RunConfiguration.NoPreset, Data = configuration.Data with { Source = data.Source } };
        configuration.Validate();
        data.CheckFits(configuration.Model);
        (_configuration, _data, _device, _folder, _ranks) = (configuration, data, device, folder, device.Ranks);
        _shards = OwnShards.Of(configuration.Training.Shards, _ranks);
        var (batchSize, shardSize) = (configuration.Training.BatchSize, configuration.Training.ShardSize);
        _batches = new TrainingBatches(data.Train, batchSize, configuration.Seed);
        TotalSteps = TotalStepsOf(configuration.Training, _batches.BatchesPerEpoch);
        _owner = owner ?? (folder is null ? null : RunOwner.Acquire(folder));
        try
        {
            // Reads everything: what cannot be read is known before the first step.
            if (folder is not null)
                data.Identify();
            _batch = new SequenceBatch(data.TrainingLength, shardSize, data.Train.FrameSize);
            Parameters = new ModelParameters(device, configuration.Model, training: true, _shards.Count);
            Parameters.Initialise(configuration.Seed);
            Step = new TrainingStep(device, Parameters, data.TrainingLength, shardSize, configuration.Training,
                equalLengths: data.TrainsOnEqualLengths);
            _readbacks = [.. Enumerable.Range(0, device.StepsAhead + 1).Select(_ => Step.CreateMetricsReadback())];
            _evaluator = new Evaluator(Step, batchSize, _ranks);
            _states = data.Train.CarriesState ? new CarriedStates(Step, batchSize, _ranks, _shards) : null;
            _state = new TrainingState { Configuration = configuration };
            if (checkpoint is not null)
                GoOnFrom(checkpoint);
        }
        catch
        {
            foreach (var readback in _readbacks ?? [])
                readback.Dispose();
            Step?.Dispose();
            Parameters?.Dispose();
            _owner?.Dispose();
            throw;
        }
    }

    /// <summary>The parameters as they stand; they are the trainer's and disposed with it.</summary>
    public ModelParameters Parameters { get; }

    internal TrainingStep Step { get; }

    /// <summary>Memory of the device that parameters, moments, packed weights and activations take.</summary>
    public long Bytes => Parameters.Bytes + Step.WeightBytes + Step.Bytes;

    /// <summary>Where the run stands: steps done, steps skipped, the best validation bound.</summary>
    public TrainingState State => _state;

    /// <summary>Called before each step with its number, counted from 1; steps before it may still run on the device. Null: not called.</summary>
    internal Action<long>? BeforeStep { get; set; }

    /// <summary>Steps of the whole run.</summary>
    public long TotalSteps { get; }

    /// <summary>
    /// Whether there is nothing left to do: all steps are done and evaluated, or the run stopped early, and the last checkpoint, where there are any, says so.
    /// </summary>
    public bool IsComplete => HasAllSteps && _lastStep == _state.Step;

    string Place => _folder?.Path ?? "The training in memory";

    bool HasAllSteps => _state.StoppedEarly || (_state.Step >= TotalSteps && !_state.EvaluationIsPending);

    /// <summary>
    /// Trains to the end, to an early stop, or until cancelled (after the running step, or within an evaluation, which a resumed run begins anew). In a folder,
    /// always leaves a last checkpoint.
    /// </summary>
    /// <param name="observer">Told what happens, after the logs of the folder.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <exception cref="NonFiniteException">A loss or gradient is not finite and the configuration says stop (the last checkpoint is of the step before), or
    /// the run has diverged.</exception>
    /// <exception cref="RanksDisagreeException">At a checkpoint, which is not written, the ranks' parameters differ.</exception>
    /// <exception cref="DataException">The data cannot be read on; the last checkpoint is of the step before.</exception>
    /// <exception cref="IOException">A checkpoint could not be written; what else could be is.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the device.</exception>
    public TrainingOutcome Run(ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        using var claim = _device.Claim();
        var meter = new TrainingMeter(Bytes);
        _observers = observer is null ? [meter] : [meter, observer];
        if (_folder is null)
            return Train(cancellation);
        ConfigurationFile.Write(_folder.Configuration, _configuration);
        using var logs = new RunLogs(_folder, _state, Warn);
        _observers = [logs, .. _observers];
        try
        {
            return Train(cancellation);
        }
        catch (Exception e) when (_ranks.Size == 1 && e is (IOException or UnauthorizedAccessException or DataException))
        {
            SaveWhatCanBe();
            throw;
        }
    }

    /// <summary>
    /// As <see cref="Run"/>, on a thread of its own, on which the observer is told. Until the task has ended the trainer and the device are that thread's.
    /// </summary>
    /// <param name="observer">Told what happens, after the logs of the folder.</param>
    /// <param name="cancellation">Ends the run, whose outcome is then <see cref="TrainingOutcome.Interrupted"/>: the task is not cancelled.</param>
    /// <returns>How the run ended; what <see cref="Run"/> throws is the task's.</returns>
    public Task<TrainingOutcome> RunAsync(ITrainingObserver? observer = null, CancellationToken cancellation = default)
        => Task.Factory.StartNew(() => Run(observer, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    TrainingOutcome Train(CancellationToken cancellation)
    {
        var training = _configuration.Training;
        while (!HasAllSteps)
        {
            if (_ranks.Any(cancellation.IsCancellationRequested))
            {
                Complete(ahead: 0);
                SaveLast();
                return TrainingOutcome.Interrupted;
            }

            var done = _state.EvaluationIsPending ? _state.Step : Launch();
            var last = done == TotalSteps;
            var evaluates = _state.EvaluationIsPending || last || (training.EvaluateEvery > 0 && done % training.EvaluateEvery == 0);
            var saves = last || (training.CheckpointEvery > 0 && done % training.CheckpointEvery == 0);

            // A step that fails must leave the state that it began with to the run that tries again.
            Complete(evaluates || saves || _states is not null ? 0 : _device.StepsAhead);
            if (evaluates && !EvaluateValidation(cancellation))
                continue;
            if (saves && !HasAllSteps)
                SaveLast();
        }

        // Also where the best checkpoint, which is newer than the last one, was all that an interrupted run left to do.
        SaveLast();
        return _state.StoppedEarly ? TrainingOutcome.StoppedEarly : TrainingOutcome.Completed;
    }

    /// <summary>Steps of a run: as configured, or from epochs.</summary>
    /// <exception cref="ConfigurationException">More than can be counted.</exception>
    internal static long TotalStepsOf(TrainingConfiguration training, int batchesPerEpoch)
    {
        ArgumentNullException.ThrowIfNull(training);
        if (training.Steps > 0)
            return training.Steps;
        var steps = Math.Ceiling(training.Epochs * batchesPerEpoch);
        return steps <= MostSteps
            ? Math.Max(1, (long)steps)
            : throw new ConfigurationException($"training.epochs is {training.Epochs}, which makes {steps:G3} steps; {MostSteps:N0} are the most.");
    }

    // A step whose metrics are still to come.
    readonly record struct LaunchedStep(long Step, double Rate, int Sequences);

    // Launches the next step and returns how many are done then, those still running included.
    long Launch()
    {
        var step = _state.Step + _launched.Count;
        BeforeStep?.Invoke(step + 1);
        var settings = Settings(step);
        for (var shard = 0; shard < _shards.Count; shard++)
            RunShard(settings, shard);
        _readbacks[step % _readbacks.Length].Start();
        _launched.Enqueue(new LaunchedStep(step, settings.LearningRate, _batch.StepSequences));
        return step + 1;
    }

    void RunShard(in StepSettings settings, int shard)
    {
        _batches.Read(settings.Step, _batch, _shards.First + shard);
        _states?.Begin(shard, _batch.Continues);
        Step.Load(_batch);
        Step.Run(settings, shard);
        _states?.End(shard);
    }

    StepSettings Settings(long step)
    {
        var (model, training) = (_configuration.Model, _configuration.Training);
        var auxiliary = Schedules.AuxiliaryShare(training, step);
        return new StepSettings(_configuration.Seed, step, Schedules.LearningRate(training, step, TotalSteps), Schedules.KlWeight(model, training, step),
            auxiliary * model.Alpha, auxiliary * model.Beta);
    }

    // Reads and reports steps until at most that many are still running.
    void Complete(int ahead)
    {
        while (_launched.Count > ahead)
        {
            var launched = _launched.Dequeue();
            var metrics = _readbacks[launched.Step % _readbacks.Length].Wait();
            if (metrics.IsFinite)
            {
                _states?.Advance();
            }
            else
            {
                if (_configuration.Training.OnNonFinite == OnNonFinite.Stop)
                    throw Explain(launched.Step);
                _state = _state with { SkippedSteps = _state.SkippedSteps + 1 };
                _states?.Forget();
            }

            Report(launched, metrics);
        }
    }

    // Steps launched since have changed no parameter, only the activations: computes the step once more to look into them.
    NonFiniteException Explain(long step)
    {
        _launched.Clear();
        string? tensor = null;
        for (var shard = 0; shard < _shards.Count; shard++)
        {
            RunShard(Settings(step), shard);
            tensor ??= Step.FindNonFiniteTensor();
        }

        // The gradient of several shards is their sum, in which nothing tells them apart.
        tensor = _ranks.First(tensor) ?? _ranks.First(Step.FindNonFiniteGradient());
        SaveLast();
        return NonFiniteException.OfStep(step + 1, Step.FindNonFiniteTerm(), tensor ?? "the sum over the batch");
    }

    void Report(in LaunchedStep launched, in StepMetrics metrics)
    {
        _state = _state with { Step = launched.Step + 1 };
        var report = new StepReport(_state.Step, TotalSteps, _batches.Epochs(_state.Step), metrics, launched.Rate, launched.Sequences, _state.SkippedSteps);
        foreach (var observer in _observers)
            observer.OnStep(report);
    }

    // False where it was cancelled: the run then goes on with it.
    bool EvaluateValidation(CancellationToken cancellation)
    {
        _state = _state with { EvaluationIsPending = true };
        EvaluationResult result;
        Dictionary<LatentMode, EvaluationResult> priorMode;
        try
        {
            result = _evaluator.Evaluate(_data.Validation, progress: ReportEvaluating, cancellation: cancellation);
            priorMode = _configuration.Training.EvaluatePriorMode ? EvaluatePriorMode(cancellation) : [];
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        if (!double.IsFinite(result.Bound))
            throw NonFiniteException.OfFigure(Place, _state.Step, "the validation bound");
        var pending = _state;
        var isBest = _state.BestBound is null || result.Bound > _state.BestBound;
        _state = _state with { EvaluationIsPending = false };
        _state = isBest
            ? _state with { BestBound = result.Bound, BestStep = _state.Step, EvaluationsWithoutImprovement = 0 }
            : _state with { EvaluationsWithoutImprovement = _state.EvaluationsWithoutImprovement + 1 };
        var report = new EvaluationReport(_state.Step, result, isBest) { PriorMode = priorMode };
        foreach (var observer in _observers)
            observer.OnEvaluation(report);
        if (isBest)
            SaveBest(pending);
        return true;
    }

    Dictionary<LatentMode, EvaluationResult> EvaluatePriorMode(CancellationToken cancellation)
    {
        var model = Parameters.Layout.Model;
        using var first = new FirstSequences(_data.Train);
        var latents = model.HasLatent
            ? _evaluator.Evaluate(first, progress: ReportEvaluating, cancellation: cancellation).LatentMeans
            : [];
        LatentMode[] modes = model.HasLatent ? Enum.GetValues<LatentMode>() : [LatentMode.Sampled];
        var results = new Dictionary<LatentMode, EvaluationResult>();
        foreach (var mode in modes)
        {
            results[mode] = PriorModeScore.OfModel(_device, Parameters, _data.Validation, _configuration.Training.BatchSize, mode, latents,
                progress: ReportEvaluating, cancellation: cancellation);
            if (!double.IsFinite(results[mode].Bound))
                throw NonFiniteException.OfFigure(Place, _state.Step, "a prior-mode score");
        }

        return results;
    }

    void ReportEvaluating(double share)
    {
        foreach (var observer in _observers)
            observer.OnEvaluating(_state.Step, share);
    }

    void Warn(string message)
    {
        foreach (var observer in _observers)
            observer.OnWarning(message);
    }

    void GoOnFrom(Checkpoint checkpoint)
    {
        checkpoint.Data?.Check(_data.Identify(), _data.Source, checkpoint.Folder);
        _state = checkpoint.State with { Configuration = _configuration };
        _lastStep = _folder is null ? null : CheckpointFolder.StepOf(_folder.Last);
        ParameterFiles.Upload(_device, Parameters.Layout, checkpoint.Weights, Parameters.Values);
        ParameterFiles.Upload(_device, Parameters.Layout, checkpoint.FirstMoments, Parameters.FirstMoments);
        ParameterFiles.Upload(_device, Parameters.Layout, checkpoint.SecondMoments, Parameters.SecondMoments);
        Step.RefreshWeights();
        _states?.Restore(checkpoint);
    }

    /// <summary>
    /// Writes the model as it stands, with its configuration and what its data were, as one safetensors file that <see cref="TrainedModel"/> opens.
    /// </summary>
    /// <param name="path">Of the file; an old one stays whole until the new one is.</param>
    /// <exception cref="NonFiniteException">A parameter is not finite.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the device.</exception>
    public void SaveModel(string path)
    {
        using var claim = _device.Claim();
        var model = Model(OnDevice(Parameters.Values));
        ModelFile.Write(path, model, model.Data!);
    }

    /// <summary>
    /// As <see cref="SaveModel"/>. The parameters are copied to the host's memory before the task is returned: what the device does meanwhile, even the next
    /// training step, is not in the file. An observer may so save on the training's thread without holding it up.
    /// </summary>
    /// <param name="path">Of the file; an old one stays whole until the new one is.</param>
    /// <param name="cancellation">Ends the writing; no part of the new file is left.</param>
    /// <returns>Done when the disk has the file.</returns>
    /// <exception cref="NonFiniteException">A parameter is not finite.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the device.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task SaveModelAsync(string path, CancellationToken cancellation = default)
    {
        Checkpoint model;
        using (_device.Claim())
            model = Model([.. OnDevice(Parameters.Values).Select(tensor => new NamedTensor(tensor.Name, tensor.Shape, tensor.Values))]);
        await ModelFile.WriteAsync(path, model, model.Data!, cancellation).ConfigureAwait(false);
    }

    Checkpoint Model(IReadOnlyList<NamedTensor> values)
    {
        CheckFinite(values);
        return new Checkpoint(Place, _state, _data.Identify(), values, [], [], []);
    }

    void SaveLast()
    {
        if (_folder is not null && !Directory.Exists(_folder.Path))
        {
            Warn($"{_folder.Path} was deleted under way; it is made again, with what comes from here on.");
            ConfigurationFile.Write(_folder.Configuration, _configuration);
        }

        Save(_folder?.Last);
        _lastStep = _state.Step;
    }

    // A best checkpoint that is not there must not be the best of the last one: that evaluates again.
    void SaveBest(TrainingState before)
    {
        try
        {
            Save(_folder?.Best);
        }
        catch
        {
            _state = before;
            throw;
        }
    }

    // After a failure: what failed first is what the user must hear of. Of several ranks the others know of none and would not take part.
    void SaveWhatCanBe()
    {
        try
        {
            Complete(ahead: 0);
            SaveLast();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NonFiniteException)
        {
        }
    }

    // Nowhere where the run is in memory, but all ranks give their states to the one that saves, and all find alike what they disagree on or is not finite.
    void Save(string? folder)
    {
        if (folder is null && _ranks.Size == 1)
            return;
        var states = _states?.Gather() ?? [];
        var (values, firstMoments, secondMoments) = (OnDevice(Parameters.Values), OnDevice(Parameters.FirstMoments), OnDevice(Parameters.SecondMoments));
        CheckRanksAgree(values, [.. firstMoments, .. secondMoments]);
        CheckFinite([.. values, .. firstMoments, .. secondMoments]);
        if (folder is null)
            return;
        foreach (var observer in _observers)
            observer.OnSaving(_state.Step);
        _owner?.Check();
        CheckpointFolder.Write(folder, _state, _data.Identify(), values, firstMoments, secondMoments, states);
    }

    void CheckFinite(IReadOnlyList<NamedTensor> tensors)
    {
        if (ParameterFiles.FirstNonFinite(tensors) is { } name)
            throw NonFiniteException.OfParameters(Place, _state.Step, name);
    }

    // All made the same updates of the same sums: what differs was computed or moved wrong.
    void CheckRanksAgree(IEnumerable<NamedTensor> weights, IEnumerable<NamedTensor> moments)
    {
        if (_ranks.Size > 1 && RankAgreement.Difference(_ranks,
                [("weights", weights.Select(tensor => tensor.Values)), ("Adam moments", moments.Select(tensor => tensor.Values))]) is { } difference)
            throw new RanksDisagreeException($"At step {_state.Step:N0} the checkpoint was not written. {difference} "
                + "A machine computes or moves wrong values; vbilstm verify on the same ranks says more.");
    }

    IReadOnlyList<NamedTensor> OnDevice(Tensor arena) => ParameterFiles.OnDevice(_device, Parameters.Layout, arena);

    /// <summary>Gives the device's memory back and the run's folder free.</summary>
    public void Dispose()
    {
        foreach (var readback in _readbacks)
            readback.Dispose();
        Step.Dispose();
        Parameters.Dispose();
        _owner?.Dispose();
    }
}
