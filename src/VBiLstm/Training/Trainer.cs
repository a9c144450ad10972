using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>
/// The training loop of one run: batches, steps, evaluation, logs, checkpoints. After <see cref="Run"/> stopped for whatever reason, a resumed trainer
/// continues with the same bits.
/// </summary>
public sealed class Trainer : IDisposable
{
    readonly RunConfiguration _configuration;
    readonly Device _device;
    readonly DataSplits _data;
    readonly RunFolder _folder;
    readonly TrainingBatches _batches;
    readonly SequenceBatch _batch;
    readonly Dictionary<int, Action> _recordedSteps = [];
    readonly MetricsReadback[] _readbacks;
    readonly Queue<LaunchedStep> _launched = [];
    readonly Evaluator _evaluator;
    readonly float[] _hostH, _hostC;
    TrainingState _state;

    // Where the data carry state: whether the next step's initial state stands ready, or is still the last state of the step before.
    bool _stateIsReady;

    /// <summary>A run from its start.</summary>
    /// <param name="configuration">The effective configuration.</param>
    /// <param name="data">Its data set, open.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="folder">Where its files go.</param>
    /// <exception cref="ConfigurationException">A field is out of range or does not fit the data.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit.</exception>
    public Trainer(RunConfiguration configuration, DataSplits data, Device device, RunFolder folder)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(data);
        configuration.Validate();
        data.CheckFits(configuration.Model);
        (_configuration, _data, _device, _folder) = (configuration, data, device, folder);
        var batchSize = configuration.Training.BatchSize;
        _batches = new TrainingBatches(data.Train, batchSize, configuration.Seed);
        _batch = new SequenceBatch(data.TrainingLength, batchSize, data.Train.FrameSize);
        Parameters = new ModelParameters(device, configuration.Model, training: true);
        Parameters.Initialise(configuration.Seed);
        Step = new TrainingStep(device, Parameters, data.TrainingLength, batchSize, training: true);
        _readbacks = [.. Enumerable.Range(0, device.StepsAhead + 1).Select(_ => Step.CreateMetricsReadback())];
        _evaluator = new Evaluator(Step, configuration.Model);
        var carried = data.Train.CarriesState ? batchSize * configuration.Model.LstmUnits : 0;
        (_hostH, _hostC) = (new float[carried], new float[carried]);
        _state = new TrainingState { Configuration = configuration };
    }

    /// <summary>A run that continues from a checkpoint, which must hold the moments; its configuration may differ only in what does not change shapes.</summary>
    public Trainer(RunConfiguration configuration, DataSplits data, Device device, RunFolder folder, Checkpoint checkpoint)
        : this(configuration, data, device, folder)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        _state = checkpoint.State with { Configuration = configuration };
        ParameterFiles.Upload(device, Parameters.Layout, checkpoint.Weights, Parameters.Values);
        ParameterFiles.Upload(device, Parameters.Layout, checkpoint.FirstMoments, Parameters.FirstMoments);
        ParameterFiles.Upload(device, Parameters.Layout, checkpoint.SecondMoments, Parameters.SecondMoments);
        Step.RefreshWeights();
        if (data.Train.CarriesState)
            ContinueFrom(checkpoint);
    }

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    public TrainingState State => _state;

    /// <summary>Steps of the whole run.</summary>
    public long TotalSteps => TotalStepsOf(_configuration.Training, _batches.BatchesPerEpoch);

    /// <summary>Whether all steps are done and evaluated.</summary>
    public bool IsComplete => _state.Step >= TotalSteps && !_state.EvaluationIsPending;

    /// <summary>Trains to the end, to an early stop, or until cancelled (after the running step, or within an evaluation, which a resumed run begins anew). Always leaves a last checkpoint.</summary>
    /// <exception cref="NonFiniteException">A loss or gradient is not finite and the configuration says stop; the last checkpoint is of the step before.</exception>
    /// <exception cref="IOException">A file could not be written.</exception>
    public TrainingOutcome Run(ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        ConfigurationFile.Write(_folder.Configuration, _configuration);
        using var log = new MetricsLog(_folder.Metrics, _state.Step);
        using var board = new TensorBoardLog(_folder.Path);
        var training = _configuration.Training;
        var total = TotalSteps;
        while (!IsComplete)
        {
            if (cancellation.IsCancellationRequested)
            {
                Complete(log, board, observer, ahead: 0);
                KeepState();
                SaveLast(log);
                return TrainingOutcome.Interrupted;
            }

            var done = _state.EvaluationIsPending ? _state.Step : Launch(total);
            var last = done == total;
            var evaluates = _state.EvaluationIsPending || last || (training.EvaluateEvery > 0 && done % training.EvaluateEvery == 0);
            var saves = last || (training.CheckpointEvery > 0 && done % training.CheckpointEvery == 0);

            // A step that fails must leave the state that it began with to the run that tries again.
            Complete(log, board, observer, evaluates || saves || _data.Train.CarriesState ? 0 : _device.StepsAhead);
            if (evaluates || saves)
                KeepState();
            if (evaluates)
            {
                if (!EvaluateValidation(log, board, observer, cancellation))
                    continue;
                if (training.EarlyStop > 0 && _state.EvaluationsWithoutImprovement >= training.EarlyStop)
                {
                    SaveLast(log);
                    return TrainingOutcome.StoppedEarly;
                }
            }

            if (saves)
                SaveLast(log);
        }

        return TrainingOutcome.Completed;
    }

    /// <summary>Steps of a run: as configured, or from epochs.</summary>
    public static long TotalStepsOf(TrainingConfiguration training, int batchesPerEpoch)
    {
        ArgumentNullException.ThrowIfNull(training);
        return training.Steps > 0 ? training.Steps : Math.Max(1, (long)Math.Ceiling(training.Epochs * batchesPerEpoch));
    }

    // A step whose metrics are still to come.
    readonly record struct LaunchedStep(long Step, double Rate, int Sequences);

    // Launches the next step and returns how many are done then, those still running included.
    long Launch(long total)
    {
        var step = _state.Step + _launched.Count;
        var rate = Schedules.LearningRate(_configuration.Training, step, total);
        Prepare(step);
        Step.SetOptimiser(_configuration.Training, rate, step + 1);
        RecordedStep(_batch.Steps)();
        _readbacks[step % _readbacks.Length].Start();
        _launched.Enqueue(new LaunchedStep(step, rate, _batch.Sequences));
        return step + 1;
    }

    // Batch, noise and weights of the objective of a step.
    void Prepare(long step)
    {
        var (model, training) = (_configuration.Model, _configuration.Training);
        _batches.Read(step, _batch);
        if (_data.Train.CarriesState)
            PrepareState();
        Step.Load(_batch);
        var auxiliary = Schedules.AuxiliaryShare(training, step);
        Step.SetNoise(_configuration.Seed, step);
        Step.SetObjective(Schedules.KlWeight(model, training, step), auxiliary * model.Alpha, auxiliary * model.Beta);
    }

    // Reads and reports steps until at most that many are still running.
    void Complete(MetricsLog log, TensorBoardLog board, ITrainingObserver? observer, int ahead)
    {
        while (_launched.Count > ahead)
        {
            var launched = _launched.Dequeue();
            var metrics = _readbacks[launched.Step % _readbacks.Length].Wait();
            if (!metrics.IsFinite)
            {
                if (_configuration.Training.OnNonFinite == OnNonFinite.Stop)
                    throw Explain(launched.Step, log);
                _state = _state with { SkippedSteps = _state.SkippedSteps + 1 };
                if (_data.Train.CarriesState)
                    ForgetState();
            }

            Report(launched, metrics, log, board, observer);
        }
    }

    // Steps launched since have changed no parameter, only the activations: computes the step once more to look into them.
    NonFiniteException Explain(long step, MetricsLog log)
    {
        _launched.Clear();
        _stateIsReady = true;
        Prepare(step);
        Step.DrawNoise();
        Step.Forward();
        Step.Backward();
        Step.Update();
        var (term, tensor) = Step.FindNonFinite();
        _stateIsReady = true;
        KeepState();
        SaveLast(log);
        return new NonFiniteException(step + 1, term, tensor);
    }

    void Report(in LaunchedStep launched, in StepMetrics metrics, MetricsLog log, TensorBoardLog board, ITrainingObserver? observer)
    {
        _state = _state with { Step = launched.Step + 1 };
        log.Write(_state.Step, "train",
        [
            ("bound", metrics.Bound), ("nll", metrics.Nll), ("kl", metrics.Kl), ("log_p_psi", metrics.LogPPsi), ("log_p_xi", metrics.LogPXi),
            ("objective", metrics.Objective), ("gradient_norm", metrics.GradientNorm), ("learning_rate", launched.Rate), ("skipped_steps", _state.SkippedSteps),
        ]);
        board.Scalar("train/bound", _state.Step, metrics.Bound);
        board.Scalar("train/nll", _state.Step, metrics.Nll);
        board.Scalar("train/kl", _state.Step, metrics.Kl);
        board.Scalar("train/gradient_norm", _state.Step, metrics.GradientNorm);
        board.Scalar("train/learning_rate", _state.Step, launched.Rate);
        observer?.OnStep(new StepReport(_state.Step, TotalSteps, _batches.Epochs(_state.Step), metrics, launched.Rate, launched.Sequences, _state.SkippedSteps));
    }

    // One recording per length of batch: sizes are fixed in a recording, values are not.
    Action RecordedStep(int steps)
    {
        if (!_recordedSteps.TryGetValue(steps, out var recorded))
        {
            recorded = _device.Record(() =>
            {
                Step.DrawNoise();
                Step.Forward();
                Step.Backward();
                Step.Update();
            });
            _recordedSteps.Add(steps, recorded);
        }

        return recorded;
    }

    // False where it was cancelled: the run then goes on with it.
    bool EvaluateValidation(MetricsLog log, TensorBoardLog board, ITrainingObserver? observer, CancellationToken cancellation)
    {
        _state = _state with { EvaluationIsPending = true };
        EvaluationResult result;
        try
        {
            result = _evaluator.Evaluate(_data.Validation, progress: share => observer?.OnEvaluating(_state.Step, share), cancellation: cancellation);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            if (_data.Train.CarriesState)
                Step.WriteState(_hostH, _hostC);
        }

        var isBest = double.IsFinite(result.Bound) && (_state.BestBound is null || result.Bound > _state.BestBound);
        _state = _state with { EvaluationIsPending = false };
        _state = isBest
            ? _state with { BestBound = result.Bound, BestStep = _state.Step, EvaluationsWithoutImprovement = 0 }
            : _state with { EvaluationsWithoutImprovement = _state.EvaluationsWithoutImprovement + 1 };
        log.Write(_state.Step, "validation", [("bound", result.Bound), ("nll", result.Nll), ("kl", result.Kl), ("active_units", result.ActiveUnits)]);
        board.Scalar("validation/bound", _state.Step, result.Bound);
        board.Scalar("validation/nll", _state.Step, result.Nll);
        board.Scalar("validation/kl", _state.Step, result.Kl);
        board.Scalar("validation/active_units", _state.Step, result.ActiveUnits);
        board.Flush();
        if (isBest)
            Save(_folder.Best);
        observer?.OnEvaluation(new EvaluationReport(_state.Step, result, isBest));
        return true;
    }

    // Before the batch is loaded, whose length tells where the last state of the one before stands.
    void PrepareState()
    {
        if (!_batch.Continues)
            Step.ResetState();
        else if (!_stateIsReady)
            Step.CarryState();
        _stateIsReady = false;
    }

    // Brings the state of the next step to the host, for the checkpoint and because an evaluation has states of its own.
    void KeepState()
    {
        if (!_data.Train.CarriesState)
            return;
        if (!_stateIsReady)
            Step.CarryState();
        _stateIsReady = true;
        Step.ReadState(_hostH, _hostC);
    }

    // A state that is not finite would spoil every step after it.
    void ForgetState()
    {
        Step.ResetState();
        _stateIsReady = true;
    }

    void ContinueFrom(Checkpoint checkpoint)
    {
        foreach (var (name, values) in new[] { ("h", _hostH), ("c", _hostC) })
        {
            var tensor = checkpoint.CarriedState.FirstOrDefault(tensor => tensor.Name == name);
            if (tensor is null || tensor.Values.Length != values.Length)
                throw new CheckpointException($"{checkpoint.Folder} holds no state {name} of {_configuration.Training.BatchSize} rows, which these data carry from batch to batch; it is of another run.");
            tensor.Values.CopyTo(values, 0);
        }

        Step.WriteState(_hostH, _hostC);
        _stateIsReady = true;
    }

    void SaveLast(MetricsLog log)
    {
        log.Flush();
        Save(_folder.Last);
    }

    void Save(string folder)
        => CheckpointFolder.Write(folder, _state, Download(Parameters.Values), Download(Parameters.FirstMoments), Download(Parameters.SecondMoments), CarriedState());

    IReadOnlyList<NamedTensor> CarriedState()
    {
        int[] shape = [_configuration.Training.BatchSize, _configuration.Model.LstmUnits];
        return _data.Train.CarriesState ? [new NamedTensor("h", shape, _hostH), new NamedTensor("c", shape, _hostC)] : [];
    }

    IReadOnlyList<NamedTensor> Download(Tensor arena) => ParameterFiles.Download(_device, Parameters.Layout, arena);

    public void Dispose()
    {
        foreach (var readback in _readbacks)
            readback.Dispose();
        Step.Dispose();
        Parameters.Dispose();
    }
}
