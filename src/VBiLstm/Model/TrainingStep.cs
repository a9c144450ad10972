using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// One step of training or evaluation on one batch: the forward pass in phases F1..F4 and the backward pass in phases B1..B7 of
/// model.md sections 5 and 6, written over <see cref="Device"/> operations. It knows shapes and phases, nothing of CPUs or GPUs.
/// After construction nothing is allocated.
/// </summary>
public sealed partial class TrainingStep : IDisposable
{
    // 64 MB: large vocabularies have more outputs over all time steps than anything else has values.
    const long MaximumOutputs = 1 << 24;

    readonly Device _device;
    readonly ModelConfiguration _model;
    readonly ModelParameters _parameters;
    readonly ModelWeights _weights;
    readonly Arena _arena;
    readonly Activations _a;
    readonly BatchedNet? _prior;
    readonly BatchedNet? _psi;
    readonly BatchedNet? _xi;
    readonly LstmSequence? _backwardLstm;
    readonly LstmSequence? _plainLstm;
    readonly LeakyRelu _phi;
    readonly GaussianHead _latentHead;
    readonly GaussianHead _reconstructionHead;
    readonly int _outputSteps;
    readonly float[] _hostValidity;
    readonly float[] _hostLossWeight;
    readonly float[] _hostRows;
    readonly float[] _hostMetrics = new float[StepMetrics.Count];
    readonly int _batchSize;
    readonly bool _inputGradient;
    readonly bool _projectsVocabulary;
    int _steps;

    /// <param name="device">Where everything runs; must own the parameters.</param>
    /// <param name="parameters">Parameters and, for training, gradients.</param>
    /// <param name="maximumSteps">Largest T of any batch.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="training">Whether the backward pass will run.</param>
    /// <param name="inputGradient">Whether the inputs of every time step get a gradient; the embedding's weights always do.</param>
    /// <exception cref="InsufficientMemoryException">The activations do not fit.</exception>
    public TrainingStep(Device device, ModelParameters parameters, int maximumSteps, int batchSize, bool training, bool inputGradient = false)
        : this(device, parameters, maximumSteps, batchSize, training, inputGradient, MaximumOutputs)
    {
    }

    // Outputs are computed for as many time steps at once as stay within maximumOutputs values, at least one; those of the last part stay for the
    // backward pass, which computes the others again.
    internal TrainingStep(Device device, ModelParameters parameters, int maximumSteps, int batchSize, bool training, bool inputGradient, long maximumOutputs)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        _device = device;
        _parameters = parameters;
        _model = parameters.Model;
        _batchSize = batchSize;
        MaximumSteps = maximumSteps;
        _steps = maximumSteps;
        var layout = Layout(device, _model, maximumSteps, batchSize, training, inputGradient, maximumOutputs);
        (_inputGradient, _projectsVocabulary, _outputSteps) = (layout.InputGradient, layout.ProjectsVocabulary, layout.OutputSteps);
        _weights = new ModelWeights(device, parameters, training, _inputGradient);
        _arena = Arena.Create(device, $"a step of {maximumSteps} × {batchSize}", layout.Take, out _a);
        var functions = new ModelFunctions(_model);
        (_phi, _latentHead, _reconstructionHead) = (functions.Phi, functions.Latent, functions.Reconstruction);
        _hostValidity = new float[(maximumSteps + 1) * batchSize];
        _hostLossWeight = new float[maximumSteps * batchSize];
        _hostRows = new float[maximumSteps * batchSize];
        if (_model.HasLearnedPrior)
            _prior = new BatchedNet(device, parameters, "prior", "h", _weights.PriorHidden, _weights.PriorOutput, _a.PriorHidden, _a.PriorOutput, _phi);
        if (_model.HasChannel && !_model.FeedsBTilde)
            _psi = new BatchedNet(device, parameters, "psi", "z", _weights.PsiHidden, _weights.PsiOutput, _a.PsiHidden, _a.PsiOutput, _phi);
        if (!_a.XiOutput.IsEmpty)
            _xi = new BatchedNet(device, parameters, "xi", "z", _weights.XiHidden, _weights.XiOutput, _a.XiHidden, _a.XiOutput, _phi);
        if (_model.HasBackwardLstm)
        {
            _backwardLstm = new LstmSequence
            {
                Direction = LstmDirection.Backward,
                Steps = maximumSteps + 1,
                BatchSize = batchSize,
                Input = _a.Embedded,
                InputWeight = _weights.BackwardInput,
                Bias = Value("backward_lstm.bias"),
                Recurrent = _weights.BackwardRecurrent,
                Gates = _a.BackwardGates,
                H = _a.BackwardH,
                C = _a.BackwardC,
                TanhC = _a.BackwardTanhC,
                Validity = _a.Validity,
                DInputWeight = GradientOrEmpty("backward_lstm.weight_input"),
                DRecurrent = GradientOrEmpty("backward_lstm.weight_recurrent"),
                DBias = GradientOrEmpty("backward_lstm.bias"),
                DInput = _a.DEmbedded,
                AddsToDInput = !_model.HasChannel,
                DH = _a.DBackwardH,
                DHRecurrent = _a.DBackwardHRecurrent,
                DC = _a.DBackwardC,
            };
        }

        if (!_model.HasChannel)
        {
            _plainLstm = new LstmSequence
            {
                Direction = LstmDirection.Forward,
                Steps = maximumSteps,
                BatchSize = batchSize,
                Input = _a.Embedded.RowRange(0, maximumSteps * batchSize),
                InputWeight = _weights.ForwardInput,
                Bias = Value("forward_lstm.bias"),
                Recurrent = _weights.ForwardRecurrent,
                Gates = _a.Gates,
                H = _a.H,
                C = _a.C,
                TanhC = _a.TanhC,
                DInputWeight = GradientOrEmpty("forward_lstm.weight_input"),
                DRecurrent = GradientOrEmpty("forward_lstm.weight_recurrent"),
                DBias = GradientOrEmpty("forward_lstm.bias"),
                DInput = _a.DEmbedded.RowRange(0, maximumSteps * batchSize),
                DH = training ? _a.DH.RowRange(batchSize, maximumSteps * batchSize) : default,
                DHRecurrent = _a.DHRecurrent,
                DC = _a.DC,
            };
        }

        SetObjective(_model.KlWeight, _model.Alpha, _model.Beta);
        RefreshWeights();
    }

    /// <summary>Bytes that a step's activations take, without taking them.</summary>
    public static long Measure(Device device, ModelConfiguration model, int maximumSteps, int batchSize, bool training)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(model);
        return Arena.Measure(Layout(device, model, maximumSteps, batchSize, training, inputGradient: false, MaximumOutputs).Take);
    }

    // What decides on the sizes of the activations, and their layout.
    static (bool InputGradient, bool ProjectsVocabulary, int OutputSteps, Func<Arena, Activations> Take) Layout(
        Device device, ModelConfiguration model, int maximumSteps, int batchSize, bool training, bool inputGradient, long maximumOutputs)
    {
        SequenceBatch.CheckSize(maximumSteps, batchSize, model.IsCategorical ? 0 : model.FrameSize);
        var everyInputGradient = training && (inputGradient || model.IsCategorical);

        // Where tokens come up often, projecting each id once and gathering the results is the cheaper order of F1, F2 and B7.
        var projectsVocabulary = model.IsCategorical && !inputGradient && !device.OpaqueRecurrences && 2L * model.VocabularySize <= (long)maximumSteps * batchSize;
        var outputSteps = (int)Math.Clamp(maximumOutputs / ((long)batchSize * model.OutputSize), 1, maximumSteps);
        return (everyInputGradient, projectsVocabulary, outputSteps,
            arena => new Activations(device, arena, model, maximumSteps, batchSize, training, everyInputGradient, projectsVocabulary, outputSteps));
    }

    public int MaximumSteps { get; }

    /// <summary>T of the loaded batch.</summary>
    public int Steps => _steps;

    public int BatchSize => _batchSize;

    /// <summary>Device memory of the activations in bytes.</summary>
    public long Bytes => _arena.UsedBytes;

    /// <summary>Device memory of the weights as the products read them, in bytes.</summary>
    public long WeightBytes => _weights.All.Sum(weight => weight.Bytes);

    internal Activations Buffers => _a;

    internal ModelWeights Weights => _weights;

    /// <summary>Called as each phase that the model has begins, before its first operation; for profiles. Null: not called.</summary>
    public Action<TrainingPhase>? EnterPhase { get; set; }

    /// <summary>Called by the reverse loop after each time step (its argument), while that step's scratch still stands; null in production.</summary>
    internal Action<int>? AfterReverseStep { get; set; }

    /// <summary>
    /// Uploads a batch: tokens or frames, validity v_k, loss weights w_t = v_t / number of sequences, row ids.
    /// </summary>
    /// <exception cref="ArgumentException">The batch has another shape than this step, or a token id is outside the vocabulary.</exception>
    public void Load(SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.BatchSize != _batchSize || batch.Steps > MaximumSteps || batch.Steps < 1 || batch.FrameSize != (_model.IsCategorical ? 0 : _model.FrameSize))
            throw new ArgumentException($"A batch of {batch.Steps} × {batch.BatchSize} with frames of {batch.FrameSize} does not fit this step of {MaximumSteps} × {_batchSize}.");
        _steps = batch.Steps;
        var tokens = (_steps + 1) * _batchSize;
        if (_model.IsCategorical)
        {
            var ids = batch.Tokens.AsSpan(0, tokens);
            foreach (var id in ids)
                if ((uint)id >= (uint)_model.VocabularySize)
                    throw new ArgumentException($"Token id {id} is outside the vocabulary of {_model.VocabularySize}.");
            _device.Upload(ids, _a.Tokens.Range(0, tokens));
        }
        else
        {
            _device.Upload(batch.Frames.AsSpan(0, tokens * _model.FrameSize), _a.Embedded.RowRange(0, tokens));
        }

        var normaliser = 1f / Math.Max(1, batch.Sequences);
        for (var k = 0; k <= _steps; k++)
        {
            for (var n = 0; n < _batchSize; n++)
            {
                var valid = n < batch.Sequences && k <= batch.Lengths[n];
                _hostValidity[k * _batchSize + n] = valid ? 1 : 0;
                if (k > 0)
                    _hostLossWeight[(k - 1) * _batchSize + n] = valid ? normaliser : 0;
            }
        }

        _device.Upload(_hostValidity.AsSpan(0, tokens), _a.Validity.RowRange(0, tokens));
        _device.Upload(_hostLossWeight.AsSpan(0, tokens - _batchSize), _a.LossWeight.RowRange(0, tokens - _batchSize));
        _device.Upload(batch.RowIds, _a.RowIds);
    }

    /// <summary>Sets h_0 = c_0 = 0.</summary>
    public void ResetState()
    {
        _device.Zero(_a.H.RowRange(0, _batchSize));
        _device.Zero(_a.C.RowRange(0, _batchSize));
    }

    /// <summary>Makes the last state of the batch the initial state of the next (truncated BPTT).</summary>
    public void CarryState()
    {
        _device.Copy(_a.H.RowRange(_steps * _batchSize, _batchSize), _a.H.RowRange(0, _batchSize));
        _device.Copy(_a.C.RowRange(_steps * _batchSize, _batchSize), _a.C.RowRange(0, _batchSize));
    }

    /// <summary>Reads the initial state; waits for it.</summary>
    /// <param name="h">h_0 [B, H].</param>
    /// <param name="c">c_0 [B, H].</param>
    public void ReadState(float[] h, float[] c)
    {
        _device.Download(_a.H.RowRange(0, _batchSize), h);
        _device.Download(_a.C.RowRange(0, _batchSize), c);
    }

    /// <summary>Sets the initial state to h_0 and c_0 [B, H].</summary>
    public void WriteState(float[] h, float[] c)
    {
        _device.Upload(h, _a.H.RowRange(0, _batchSize));
        _device.Upload(c, _a.C.RowRange(0, _batchSize));
    }

    /// <summary>Sets the weights ω, α and β of the objective for the steps that follow (warm-up).</summary>
    public void SetObjective(double klWeight, double alpha, double beta)
        => _a.Scalars.SetObjective((float)klWeight, (float)alpha, _model.HasXi ? (float)beta : 0, (float)_model.Gamma);

    /// <summary>Sets the seed and step (or sample number) under which the noise of the steps that follow is drawn.</summary>
    public void SetNoise(long seed, long step) => _a.Scalars.SetNoise(seed, step);

    /// <summary>Brings the operands of the products up to date after the parameters changed.</summary>
    public void RefreshWeights() => _device.RefreshWeights(_weights.All);

    /// <summary>The weighted sums of the last forward pass and the gradient norm of the last update; waits for them.</summary>
    public StepMetrics ReadMetrics()
    {
        _device.Download(_a.Metrics, _hostMetrics);
        return new StepMetrics(_hostMetrics);
    }

    /// <summary>A place for the metrics of a step to be copied to while later steps run.</summary>
    public MetricsReadback CreateMetricsReadback() => new(_device.CreateReadback(_a.Metrics));

    Tensor Value(string name) => _parameters.Value(name);

    Tensor Gradient(string name) => _parameters.Gradient(name);

    Tensor GradientOrEmpty(string name) => _parameters.Gradients.IsEmpty ? default : Gradient(name);

    /// <summary>Rows of time step t of a [T, B, N] tensor.</summary>
    Tensor At(Tensor sequence, int t) => sequence.RowRange(t * _batchSize, _batchSize);

    /// <summary>Time steps start..start+count-1 of a [·, B, N] tensor.</summary>
    Tensor Span(Tensor sequence, int start, int count) => sequence.RowRange(start * _batchSize, count * _batchSize);

    public void Dispose()
    {
        foreach (var weight in _weights.All)
            weight.Dispose();
        _arena.Dispose();
    }
}
