using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Models;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>
/// The generative process of model.md sections 2.5 and 2.6, one time step at a time: no backward LSTM, no posterior, no ξ.
/// z_t comes from the prior, b̃_t from p_ψ, then one LSTM step and the generator. Serves generation and prior-mode scores.
/// </summary>
public sealed class PriorMode : IDisposable
{
    readonly Device _device;
    readonly ModelConfiguration _model;
    readonly ModelParameters _parameters;
    readonly Outputs.Output _output;
    readonly Arena _arena;
    readonly Workspace _workspace;
    readonly GenerativeFrame _frame;
    readonly GenerativeStep _step;
    readonly IdTensor _tokens;
    readonly Tensor _targets, _nll;
    readonly int[] _hostKey = new int[3];
    readonly float[] _latents;
    readonly Recording _recordedStep;

    /// <param name="device">Where it runs; must own the parameters.</param>
    /// <param name="parameters">The model; call <see cref="RefreshWeights"/> after they change.</param>
    /// <param name="batchSize">B, rows that run side by side.</param>
    /// <param name="sampled">Whether z and (where the model samples it) b̃ are sampled or taken at their means.</param>
    /// <param name="fixesLatents">Whether z is what <see cref="FixLatents"/> says, zero before, and not the prior's; then nothing is sampled.</param>
    /// <exception cref="ConfigurationException">The model reads the future.</exception>
    public PriorMode(Device device, ModelParameters parameters, int batchSize, bool sampled, bool fixesLatents = false)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        (_device, _parameters, _model, BatchSize) = (device, parameters, parameters.Model, batchSize);
        var model = parameters.Layout.Model;
        _output = model.Output;
        _arena = Arena.Create(device, "prior mode", arena =>
        {
            var workspace = new Workspace(device, arena, _model, parameters, training: false);
            var frame = new GenerativeFrame(workspace, batchSize, _model.InputSize, sampled && !fixesLatents, fixesLatents);
            return (Workspace: workspace, Frame: frame, Step: model.CreateGenerativeStep(workspace, frame), Tokens: workspace.TakeIds(batchSize),
                Targets: workspace.TakeIf(!_model.IsCategorical, batchSize, _model.FrameSize), Nll: workspace.Take(batchSize, 1));
        }, out var built);
        (_workspace, _frame, _step, _tokens, _targets, _nll) = built;
        _latents = fixesLatents ? new float[_step.Latents.Count] : [];
        _recordedStep = device.Record(Operations);
        RefreshWeights();
    }

    /// <summary>B, rows that run side by side.</summary>
    public int BatchSize { get; }

    /// <summary>Whether the model has latents at all.</summary>
    internal bool HasLatent => _parameters.Layout.Model.HasLatent;

    /// <summary>Device memory of the activations in bytes.</summary>
    internal long Bytes => _arena.UsedBytes;

    /// <summary>Makes the next step read the parameters as they are now.</summary>
    public void RefreshWeights() => _device.RefreshWeights(_workspace.Operands);

    /// <summary>Zero state; rows draw their noise under the given numbers.</summary>
    /// <param name="rowIds">[B]; a row's draws depend on its number alone.</param>
    /// <exception cref="ArgumentException">Another number of rows.</exception>
    public void Reset(ReadOnlySpan<int> rowIds)
    {
        Renumber(rowIds);
        _step.Reset();
        UploadLatents();
    }

    /// <summary>z of every row and time step from now on.</summary>
    /// <param name="z">[Z].</param>
    public void FixLatents(IReadOnlyList<double> z)
    {
        ArgumentNullException.ThrowIfNull(z);
        if (_latents.Length != BatchSize * z.Count)
            throw new ArgumentException($"{z.Count} values where {_latents.Length / BatchSize} latents are fixed.", nameof(z));
        for (var i = 0; i < _latents.Length; i++)
            _latents[i] = (float)z[i % z.Count];
        UploadLatents();
    }

    // They may be a state too, which is set with the others.
    void UploadLatents()
    {
        if (_latents.Length > 0)
            _device.Upload(_latents, _step.Latents);
    }

    /// <summary>Room for the rows' states, [B, units] each, in the order of <see cref="TrainingStep.StateNames"/>.</summary>
    internal float[][] CreateStates() => [.. _step.States.Select(state => new float[state.Count])];

    /// <summary>The rows' states.</summary>
    /// <param name="states">As of <see cref="CreateStates"/>.</param>
    internal void ReadState(IReadOnlyList<float[]> states)
    {
        ArgumentNullException.ThrowIfNull(states);
        for (var i = 0; i < states.Count; i++)
            _device.Download(_step.States[i], states[i]);
    }

    /// <summary>Rows go on from other states than zero.</summary>
    /// <param name="states">[B, units] each, in the order of <see cref="TrainingStep.StateNames"/>.</param>
    internal void WriteState(IReadOnlyList<float[]> states)
    {
        ArgumentNullException.ThrowIfNull(states);
        for (var i = 0; i < states.Count; i++)
            _device.Upload(states[i], _step.States[i]);
        UploadLatents();
    }

    /// <summary>The rows go on with their state and draw their noise under other numbers.</summary>
    internal void Renumber(ReadOnlySpan<int> rowIds) => _device.Upload(rowIds, _frame.RowIds);

    /// <summary>Runs a time step on frames; the output layer's pre-activations o_t are then in <see cref="ReadOutput"/>.</summary>
    /// <param name="frames">x_t, [B, D], row-major.</param>
    /// <param name="seed">Of the noise: the same seed draws the same latents.</param>
    /// <param name="t">The time step, from 0.</param>
    /// <exception cref="ArgumentException">Another number of values.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the device.</exception>
    public void Step(ReadOnlySpan<float> frames, long seed, int t)
    {
        using var claim = _device.Claim();
        _device.Upload(frames, _frame.X);
        Run(seed, t);
    }

    /// <summary>As <see cref="Step(ReadOnlySpan{float}, long, int)"/> on token ids.</summary>
    /// <param name="tokens">x_t, [B].</param>
    /// <param name="seed">Of the noise.</param>
    /// <param name="t">The time step, from 0.</param>
    /// <exception cref="ArgumentException">Another number of ids, or one outside of the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the device.</exception>
    public void Step(ReadOnlySpan<int> tokens, long seed, int t)
    {
        using var claim = _device.Claim();
        foreach (var id in tokens)
            if ((uint)id >= (uint)_model.VocabularySize)
                throw new ArgumentException($"Token id {id} is outside the vocabulary of {_model.VocabularySize}.");
        _device.Upload(tokens, _tokens);
        Run(seed, t);
    }

    /// <summary>Waits for the step and copies o_t.</summary>
    /// <param name="output">Room for [B, O], O the width of the output distribution (model.md section 2.3).</param>
    /// <exception cref="ArgumentException">Room of another size.</exception>
    public void ReadOutput(Span<float> output) => _device.Download(_step.Output, output);

    /// <summary>−log p_η(y_t) of frames y_t [B, D] under the last step's output, nats, into nll [B].</summary>
    internal void Score(ReadOnlySpan<float> frames, Span<float> nll)
    {
        using var claim = _device.Claim();
        _device.Upload(frames, _targets);
        Score(new Outputs.Targets(_targets, default), nll);
    }

    /// <summary>As <see cref="Score(ReadOnlySpan{float}, Span{float})"/> for token ids y_t [B].</summary>
    internal void Score(ReadOnlySpan<int> tokens, Span<float> nll)
    {
        using var claim = _device.Claim();
        _device.Upload(tokens, _tokens);
        Score(new Outputs.Targets(default, _tokens), nll);
    }

    void Score(in Outputs.Targets targets, Span<float> nll)
    {
        _output.NllForward(_device, _step.Output, targets, _nll);
        _device.Download(_nll, nll);
    }

    void Run(long seed, int t)
    {
        if (_step.DrawsNoise)
        {
            (_hostKey[0], _hostKey[1], _hostKey[2]) = ((int)seed, (int)(seed >> 32), t);
            _device.Upload(_hostKey, _frame.NoiseKey);
        }

        _recordedStep.Replay();
    }

    // Alike in every time step: what changes is in device memory.
    void Operations()
    {
        if (_model.IsCategorical)
            _device.EmbeddingForward(_tokens, _parameters.Value("embedding.weight"), _frame.X);
        _step.Run();
    }

    /// <summary>Gives the activations' memory back; the parameters stay.</summary>
    public void Dispose()
    {
        _recordedStep.Dispose();
        _workspace.Dispose();
        _arena.Dispose();
    }
}
