using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model.Models;

namespace VBiLstm.Model;

/// <summary>
/// One step of training or evaluation on one batch: noise, the model's forward and backward pass in the phases of model.md sections 5 and 6, and the update,
/// written over <see cref="Device"/> operations. After construction nothing is allocated, but for the recording of each length of batch at its first step.
/// </summary>
sealed partial class TrainingStep : IDisposable
{
    readonly Device _device;
    readonly ModelParameters _parameters;
    readonly ModelConfiguration _model;
    readonly TrainingConfiguration? _training;
    readonly Arena _arena;
    readonly Workspace _workspace;
    readonly StepFrame _frame;
    readonly ModelPass _pass;
    readonly Dictionary<int, Recording> _recordedSteps = [];
    readonly Dictionary<(int Steps, bool DrawsNoise), Recording> _recordedScores = [];
    Recording? _recordedEnd;
    readonly float[] _hostRows;
    readonly bool _equalLengths;
    readonly float[] _hostMetrics = new float[StepMetrics.Count];
    readonly AdamArguments _adam;

    /// <param name="device">Where everything runs; must own the parameters.</param>
    /// <param name="parameters">Parameters and, for training, gradients.</param>
    /// <param name="maximumSteps">Largest T of any batch.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="training">
    /// Adam's constants; null where neither the backward pass nor the update will run: the forward pass then computes what scores need and no more.
    /// </param>
    /// <param name="inputGradient">Whether the inputs of every time step get a gradient; the embedding's weights always do.</param>
    /// <param name="equalLengths">
    /// Whether every sequence has the T of its batch and none goes on from another, which lets a device compute some models with less work; others are refused.
    /// </param>
    /// <exception cref="InsufficientMemoryException">The activations do not fit.</exception>
    public TrainingStep(Device device, ModelParameters parameters, int maximumSteps, int batchSize, TrainingConfiguration? training, bool inputGradient = false,
        bool equalLengths = false)
        : this(device, parameters, maximumSteps, batchSize, training, inputGradient, StepSizes.MaximumOutputs, equalLengths: equalLengths)
    {
    }

    /// <summary>
    /// A step that scores several trajectories of each sequence at once; what does not depend on their latents is computed once for each sequence.
    /// </summary>
    /// <param name="device">Where everything runs; must own the parameters.</param>
    /// <param name="parameters">Parameters.</param>
    /// <param name="maximumSteps">Largest T of any batch.</param>
    /// <param name="sequences">Sequences of a batch.</param>
    /// <param name="samples">Trajectories of each; B is sequences times samples, row s·sequences + n the sequence n. One where there is no latent.</param>
    /// <param name="equalLengths">As in the other constructor.</param>
    /// <exception cref="ArgumentException">Several trajectories of a model without a latent.</exception>
    /// <exception cref="InsufficientMemoryException">The activations do not fit.</exception>
    public TrainingStep(Device device, ModelParameters parameters, int maximumSteps, int sequences, int samples, bool equalLengths = false)
        : this(device, parameters, maximumSteps, checked(sequences * samples), training: null, inputGradient: false, StepSizes.MaximumOutputs, samples,
            equalLengths)
    {
    }

    // Outputs are computed for as many time steps at once as stay within maximumOutputs values, at least one.
    internal TrainingStep(Device device, ModelParameters parameters, int maximumSteps, int batchSize, TrainingConfiguration? training, bool inputGradient,
        long maximumOutputs, int samples = 1, bool equalLengths = false)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        if (samples > 1 && !parameters.Layout.Model.HasLatent)
            throw new ArgumentException($"A sequence has one trajectory, not {samples}, where the model has no latent.", nameof(samples));
        (_device, _parameters, _model, _training) = (device, parameters, parameters.Model, training);
        (BatchSize, Samples, MaximumSteps, _equalLengths) = (batchSize, samples, maximumSteps, equalLengths);
        _arena = Arena.Create(device, $"a step of {maximumSteps} × {batchSize}",
            Layout(device, parameters.Layout.Model, parameters, maximumSteps, batchSize, training is not null, inputGradient, maximumOutputs,
                samples, equalLengths), out var built);
        (_workspace, _frame, _pass) = built;
        _hostRows = new float[maximumSteps * batchSize];
        if (training is not null)
        {
            var scalars = _frame.Scalars;
            _adam = new AdamArguments(_frame.GradientNorm, _frame.Objective, scalars.LearningRate, scalars.Correction1, scalars.Correction2, _frame.Halted,
                (float)training.AdamBeta1, (float)training.AdamBeta2, (float)training.AdamEpsilon, (float)training.ClipNorm,
                training.OnNonFinite == OnNonFinite.Stop);
        }

        RefreshWeights();
    }

    /// <summary>Bytes that a step's activations take, without taking them.</summary>
    public static long Measure(Device device, ModelConfiguration model, int maximumSteps, int batchSize, bool training)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(model);
        return Arena.Measure(Layout(device, SequenceModel.Of(model), null, maximumSteps, batchSize, training, inputGradient: false, StepSizes.MaximumOutputs));
    }

    static Func<Arena, (Workspace Workspace, StepFrame Frame, ModelPass Pass)> Layout(Device device, SequenceModel model, ModelParameters? parameters,
        int maximumSteps, int batchSize, bool training, bool inputGradient, long maximumOutputs, int samples = 1, bool equalLengths = false)
    {
        var sizes = StepSizes.Of(device, model.Configuration, model.Output.Width, maximumSteps, batchSize, training, inputGradient, maximumOutputs, samples,
            equalLengths);
        return arena =>
        {
            var workspace = new Workspace(device, arena, model.Configuration, parameters, training);
            try
            {
                var frame = new StepFrame(workspace, model.Configuration, sizes);
                return (workspace, frame, model.CreatePass(workspace, frame, sizes));
            }
            catch
            {
                workspace.Dispose();
                throw;
            }
        };
    }

    public int MaximumSteps { get; }

    /// <summary>T of the loaded batch.</summary>
    public int Steps => _frame.Steps;

    /// <summary>B, the rows of everything that depends on latents.</summary>
    public int BatchSize { get; }

    /// <summary>Trajectories of each sequence; 1 but for scores.</summary>
    public int Samples { get; }

    /// <summary>Rows of the batches that it takes.</summary>
    public int Sequences => BatchSize / Samples;

    /// <summary>Device memory of the activations in bytes.</summary>
    public long Bytes => _arena.UsedBytes;

    /// <summary>Device memory of the weights as the products read them, in bytes.</summary>
    public long WeightBytes => _workspace.Operands.Sum(weight => weight.Bytes);

    /// <summary>What it computes.</summary>
    public SequenceModel Model => _parameters.Layout.Model;

    /// <inheritdoc cref="Device.Claim"/>
    public DeviceClaim Claim() => _device.Claim();

    internal ModelPass Pass => _pass;

    internal StepFrame Frame => _frame;

    /// <summary>
    /// Called as each phase that the model has begins, before its first operation, and again where it goes on after a branch of a later one; for profiles; in
    /// a recording only while it is made. Null: not called.
    /// </summary>
    public Action<TrainingPhase>? EnterPhase
    {
        get => _frame.EnterPhase;
        set => _frame.EnterPhase = value;
    }

    /// <summary>
    /// Takes a batch or one shard of it: tokens or frames, validity v_k, loss weights w_t = v_t / number of sequences of the whole step, row ids. They go up
    /// with the settings of what is run on it, in one piece: <see cref="Apply"/> comes before the passes.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The batch has another shape than this step, lengths that it was not made for, or a token id that is outside the vocabulary.
    /// </exception>
    public void Load(SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using var claim = Claim();
        if (batch.BatchSize != Sequences || batch.Steps > MaximumSteps || batch.Steps < 1 || batch.FrameSize != (_model.IsCategorical ? 0 : _model.FrameSize))
        {
            throw new ArgumentException(
                $"A batch of {batch.Steps} × {batch.BatchSize} with frames of {batch.FrameSize} does not fit this step of {MaximumSteps} × {Sequences}.");
        }

        if (_equalLengths)
        {
            // Rows of length 0 are padding.
            for (var row = 0; row < batch.Sequences; row++)
                if (batch.Lengths[row] is not 0 and var length && length != batch.Steps)
                    throw new ArgumentException($"Row {row} has {length} steps in a batch of {batch.Steps}; this step takes sequences of equal lengths.");
            if (batch.Continues)
                throw new ArgumentException("The batch goes on where another one ended; this step takes sequences that begin anew.");
        }

        if (_model.IsCategorical)
        {
            foreach (var id in batch.Tokens.AsSpan(0, (batch.Steps + 1) * Sequences))
                if ((uint)id >= (uint)_model.VocabularySize)
                    throw new ArgumentException($"Token id {id} is outside the vocabulary of {_model.VocabularySize}.");
        }

        _frame.Steps = batch.Steps;
        _frame.Inputs.Take(batch);
    }

    /// <summary>
    /// One training step on the loaded batch: draws, forward, backward, update. Of <see cref="ModelParameters.Shards"/> shards, each is loaded and run in
    /// turn; the sum over the device's ranks and the update follow the last. A single shard is recorded with them.
    /// </summary>
    /// <param name="settings">Of this step.</param>
    /// <param name="shard">Number of the loaded shard.</param>
    /// <param name="recorded">
    /// Replays a recording, where the device records; false calls the operations one by one, so that phases are told as they begin.
    /// </param>
    public void Run(in StepSettings settings, int shard = 0, bool recorded = true)
    {
        using var claim = Claim();
        Apply(settings);
        if (!recorded)
        {
            Operations();
        }
        else
        {
            // Sizes are fixed in a recording, values are not.
            if (!_recordedSteps.TryGetValue(Steps, out var recording))
                _recordedSteps.Add(Steps, recording = _device.Record(Operations));
            recording.Replay();
        }

        if (_parameters.Shards == 1)
            return;
        SumShard(shard);
        if (shard < _parameters.Shards - 1)
            return;
        if (!recorded)
            End();
        else
            (_recordedEnd ??= _device.Record(End)).Replay();
    }

    // Shards are alike but for where their sum goes, which is not recorded.
    void Operations()
    {
        DrawNoise();
        Forward();
        Backward();
        if (_parameters.Shards > 1)
            return;
        if (_parameters.IsSum)
            SumShard(0);
        End();
    }

    void End()
    {
        if (_parameters.IsSum)
            SumRanks();
        Update();
    }

    /// <summary>
    /// An evaluation's forward pass on the loaded batch, from a recording where the device records: each replay draws the noise of its settings.
    /// </summary>
    /// <param name="settings">Of the pass; of several samples those of the first, and the others' trajectories follow.</param>
    /// <param name="drawsNoise">Draws the noise of evaluations; false sets it to zero.</param>
    public void Score(in StepSettings settings, bool drawsNoise)
    {
        using var claim = Claim();
        Apply(settings);
        _hasMoments = false;
        if (!_recordedScores.TryGetValue((Steps, drawsNoise), out var recording))
            _recordedScores.Add((Steps, drawsNoise), recording = _device.Record(drawsNoise ? ScoreWithNoise : ScoreMean));
        recording.Replay();
    }

    void ScoreWithNoise()
    {
        DrawNoise(NoisePurpose.Evaluation);
        Forward(scoresOnly: true);
    }

    void ScoreMean()
    {
        ZeroNoise();
        Forward(scoresOnly: true);
    }

    /// <summary>Brings a step's settings and a batch just loaded to the device, for the passes that follow one by one.</summary>
    public void Apply(in StepSettings settings) => _frame.Inputs.Upload(settings, _training);

    /// <summary>F2′: draws the noise and masks of the loaded batch.</summary>
    public void DrawNoise(NoisePurpose purpose = NoisePurpose.Training) => _pass.DrawNoise(purpose);

    /// <summary>Sets noise to zero, so that z and b̃ are their means.</summary>
    public void ZeroNoise() => _pass.ZeroNoise();

    /// <summary>Phases F1 to F4 on the loaded batch and the drawn noise.</summary>
    /// <exception cref="InvalidOperationException">No settings were applied since the batch was loaded.</exception>
    public void Forward()
    {
        using var claim = Claim();
        if (_frame.Inputs.HasPendingBatch)
            throw new InvalidOperationException("A batch was loaded, but Apply has not brought it to the device.");
        Forward(scoresOnly: _training is null);
    }

    void Forward(bool scoresOnly)
    {
        _hasMoments = false;
        _pass.Forward(scoresOnly);
        _device.JoinBranches();
        if (!scoresOnly)
            _device.WeightedSum(_frame.Terms, _frame.Scalars.Coefficients, _frame.Objective);
    }

    /// <summary>
    /// Phases B1 to B7 after <see cref="Forward()"/>: every parameter's gradient of J. Overwrites gates and outputs by their gradients.
    /// </summary>
    public void Backward()
    {
        using var claim = Claim();
        _pass.Backward();
        _device.JoinBranches();
    }

    /// <summary>
    /// Gradient norm, clipping and Adam; changes nothing where the objective or the norm is not finite, and nothing from then on where the run is to stop.
    /// </summary>
    public void Update()
    {
        using var claim = Claim();
        _frame.Enter(TrainingPhase.Adam);
        _device.GradientNorm(_parameters.Gradients, _frame.GradientNorm);
        _device.AdamStep(_parameters.Values, _parameters.Gradients, _parameters.FirstMoments, _parameters.SecondMoments, _adam);
        RefreshWeights();
    }

    /// <summary>Brings the operands of the products up to date after the parameters changed.</summary>
    public void RefreshWeights() => _device.RefreshWeights(_workspace.Operands);

    /// <summary>Makes every initial state zero.</summary>
    public void ResetState()
    {
        foreach (var state in _pass.States)
            _device.Zero(Slot(state, 0));
    }

    /// <summary>Makes the last state of the batch the initial state of the next (truncated BPTT).</summary>
    /// <exception cref="InvalidOperationException">The step was made for sequences of equal lengths that begin anew.</exception>
    public void CarryState()
    {
        if (_equalLengths)
            throw new InvalidOperationException("A step for sequences of equal lengths that begin anew may not keep the last cell, and carries no state.");
        foreach (var state in _pass.States)
            _device.Copy(Slot(state, Steps), Slot(state, 0));
    }

    // Rows of a state are those of its LSTM, which may be fewer than B.
    Tensor Slot(CarriedState state, int t)
    {
        var rows = state.Slots.Rows / (MaximumSteps + 1);
        return state.Slots.RowRange(t * rows, rows);
    }

    /// <summary>Names and widths of the states that are carried, for instance h and c.</summary>
    public IReadOnlyList<(string Name, int Units)> StateNames => [.. _pass.States.Select(state => (state.Name, state.Slots.Columns))];

    /// <summary>Reads the initial states; waits for them.</summary>
    /// <param name="states">[B, units] each, in the order of <see cref="StateNames"/>.</param>
    public void ReadState(IReadOnlyList<float[]> states)
    {
        ArgumentNullException.ThrowIfNull(states);
        for (var i = 0; i < states.Count; i++)
            _device.Download(Slot(_pass.States[i], 0), states[i]);
    }

    /// <summary>Sets the initial states.</summary>
    /// <param name="states">[B, units] each, in the order of <see cref="StateNames"/>.</param>
    public void WriteState(IReadOnlyList<float[]> states)
    {
        ArgumentNullException.ThrowIfNull(states);
        for (var i = 0; i < states.Count; i++)
            _device.Upload(states[i], Slot(_pass.States[i], 0));
    }

    /// <summary>The weighted sums of the last forward pass and the gradient norm of the last update; waits for them.</summary>
    public StepMetrics ReadMetrics()
    {
        _device.Download(_frame.Metrics, _hostMetrics);
        return StepMetrics.Of(_hostMetrics);
    }

    /// <summary>A place for the metrics of a step to be copied to while later steps run.</summary>
    public MetricsReadback CreateMetricsReadback() => new(_device.CreateReadback(_frame.Metrics));

    /// <summary>What <see cref="DrawNoise"/> leaves.</summary>
    internal IEnumerable<StepTensor> NoiseTensors => Kept(_pass.NoiseTensors);

    /// <summary>
    /// What <see cref="Forward()"/> leaves, in the order of the computation. A device that keeps a recurrence to itself lacks what is inside.
    /// </summary>
    internal IEnumerable<StepTensor> ForwardTensors
        => Kept(_pass.ForwardTensors).Append(new StepTensor("terms", _frame.Metrics.RowRange(0, StepMetrics.Count - 1), TrainingPhase.F4));

    /// <summary>
    /// What <see cref="Backward"/> leaves, in the order of the computation: gradients of activations, then those of parameters, phase by phase.
    /// </summary>
    internal IEnumerable<StepTensor> BackwardTensors => Kept(_pass.BackwardTensors)
        .Concat(_parameters.Layout.All.Select(
            parameter => new StepTensor("grad." + parameter.Name, parameter.In(_parameters.Gradients), parameter.GradientPhase)))
        .OrderBy(tensor => tensor.Phase);

    /// <summary>What <see cref="Update"/> computes first.</summary>
    internal StepTensor GradientNormTensor => new("gradient_norm", _frame.GradientNorm, TrainingPhase.Adam);

    /// <summary>A tensor by its name; empty where the model or the device lacks it.</summary>
    internal Tensor Find(string name) => NoiseTensors.Concat(ForwardTensors).Concat(BackwardTensors).Concat(_pass.InitialStateGradients)
        .FirstOrDefault(tensor => tensor.Name == name).Values;

    static IEnumerable<StepTensor> Kept(IEnumerable<StepTensor> tensors) => tensors.Where(tensor => !tensor.Values.IsEmpty);

    public void Dispose()
    {
        foreach (var recording in _recordedSteps.Values.Concat(_recordedScores.Values))
            recording.Dispose();
        _recordedEnd?.Dispose();
        _workspace.Dispose();
        _arena.Dispose();
    }
}
