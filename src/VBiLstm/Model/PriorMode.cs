using System.Diagnostics.CodeAnalysis;
using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// The generative process of model.md sections 2.5 and 2.6, one time step at a time: no backward LSTM, no posterior, no ξ.
/// z_t comes from the prior, b̃_t from p_ψ, then one LSTM step and the generator. Serves generation and prior-mode scores.
/// </summary>
[SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "The weights are disposed by their list.")]
public sealed class PriorMode : IDisposable
{
    readonly Device _device;
    readonly ModelConfiguration _model;
    readonly ModelParameters _parameters;
    readonly Arena _arena;
    readonly List<Weight> _weights = [];
    readonly Weight _forwardInput, _forwardRecurrent, _generatorH, _generatorOutput;
    readonly Weight? _priorHidden, _priorOutput, _psiHidden, _psiOutput, _latentStack, _forwardZ, _generatorZ, _generatorBTilde;
    readonly LeakyRelu _phi;
    readonly GaussianHead _latentHead, _reconstructionHead;
    readonly int[] _hostKey = new int[3];
    readonly bool _sampled;
    Buffers _b;

    struct Buffers
    {
        public IdTensor Key, RowIds, Tokens;
        public Tensor X, Y, H, C, Gates, TanhC, PriorHidden, PriorOutput, EpsilonZ, LatentInput, Z, PsiHidden, PsiOutput, EpsilonB, BTilde, GeneratorHidden, Output, Nll;
    }

    /// <param name="device">Where it runs; must own the parameters.</param>
    /// <param name="parameters">The model; call <see cref="RefreshWeights"/> after they change.</param>
    /// <param name="batchSize">B, rows that run side by side.</param>
    /// <param name="sampled">Whether z and (where the model samples it) b̃ are sampled or taken at their means.</param>
    /// <exception cref="ConfigurationException">The model reads the future.</exception>
    public PriorMode(Device device, ModelParameters parameters, int batchSize, bool sampled)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Model.ReadsFuture)
            throw new ConfigurationException("model.kind is bilstm, whose generator reads the future of each step: it has no prior mode and draws no samples. Train lstm, z-forcing or variational-bilstm for that.");
        _device = device;
        _parameters = parameters;
        _model = parameters.Model;
        _sampled = sampled;
        BatchSize = batchSize;
        var functions = new ModelFunctions(_model);
        (_phi, _latentHead, _reconstructionHead) = (functions.Phi, functions.Latent, functions.Reconstruction);
        var (h, z) = (_model.LstmUnits, _model.LatentUnits);
        _forwardInput = Create(parameters.Value("forward_lstm.weight_input"));
        _forwardRecurrent = Create(parameters.Value("forward_lstm.weight_recurrent"));
        if (_model.HasLearnedPrior)
        {
            _priorHidden = Create(parameters.Value("prior.hidden.weight_h"));
            _priorOutput = Create(parameters.Value("prior.output.weight"));
        }

        if (_model.FeedsBTilde)
        {
            _psiHidden = Create(parameters.Value("psi.hidden.weight_z"));
            _psiOutput = Create(parameters.Value("psi.output.weight"));
            _latentStack = Create(parameters.Layout.Stack(parameters.Values).RowRange(h, z + h).ColumnRange(_model.MlpUnits, 4 * h));
        }
        else if (_model.HasChannel)
        {
            _forwardZ = Create(parameters.Value("forward_lstm.weight_z"));
        }

        var generator = parameters.Value("generator.hidden.weight");
        _generatorH = Create(generator.RowRange(0, h));
        if (_model.GeneratorInput == GeneratorInput.HZBTilde)
        {
            _generatorZ = Create(generator.RowRange(h, z));
            _generatorBTilde = Create(generator.RowRange(h + z, h));
        }

        _generatorOutput = Create(parameters.Value("generator.output.weight"));
        _arena = Arena.Create(device, "prior mode", Layout, out _b);
        RefreshWeights();
    }

    public int BatchSize { get; }

    Weight Create(Tensor values)
    {
        var weight = _device.CreateWeight(values, WeightUse.Forward);
        _weights.Add(weight);
        return weight;
    }

    Buffers Layout(Arena arena)
    {
        var (b, e, h, z, m) = (BatchSize, _model.InputSize, _model.LstmUnits, _model.LatentUnits, _model.MlpUnits);
        var samplesB = _model.FeedsBTilde && _model.BTilde == BTildeMode.Sample && _sampled;
        Tensor If(bool condition, int columns) => condition ? arena.Take(b, columns) : default;
        var latentInput = If(_model.FeedsBTilde, z + h);
        return new Buffers
        {
            Key = arena.TakeIds(3),
            RowIds = arena.TakeIds(b),
            Tokens = arena.TakeIds(b),
            X = arena.Take(b, e),
            Y = If(!_model.IsCategorical, _model.FrameSize),
            H = arena.Take(b, h),
            C = arena.Take(b, h),
            Gates = arena.Take(b, 4 * h),
            TanhC = arena.Take(b, h),
            PriorHidden = If(_model.HasLearnedPrior, m),
            PriorOutput = If(_model.HasChannel, 2 * z),
            EpsilonZ = If(_model.HasChannel, z),
            LatentInput = latentInput,
            Z = _model.FeedsBTilde ? latentInput.ColumnRange(0, z) : If(_model.HasChannel, z),
            PsiHidden = If(_model.FeedsBTilde, m),
            PsiOutput = If(_model.FeedsBTilde, 2 * h),
            EpsilonB = If(samplesB, h),
            BTilde = latentInput.ColumnRange(z, _model.FeedsBTilde ? h : 0),
            GeneratorHidden = arena.Take(b, m),
            Output = arena.Take(b, _model.OutputSize),
            Nll = arena.Take(b, 1),
        };
    }

    public void RefreshWeights() => _device.RefreshWeights(_weights);

    /// <summary>Zero state; rows draw their noise under the given numbers.</summary>
    public void Reset(ReadOnlySpan<int> rowIds)
    {
        Renumber(rowIds);
        _device.Zero(_b.H);
        _device.Zero(_b.C);
    }

    /// <summary>The rows go on with their state and draw their noise under other numbers.</summary>
    public void Renumber(ReadOnlySpan<int> rowIds) => _device.Upload(rowIds, _b.RowIds);

    /// <summary>Runs time step <paramref name="t"/> on frames x_t [B, D]; the output layer's pre-activations o_t are then in <see cref="ReadOutput"/>.</summary>
    public void Step(ReadOnlySpan<float> frames, long seed, int t)
    {
        _device.Upload(frames, _b.X);
        Run(seed, t);
    }

    /// <summary>As <see cref="Step(ReadOnlySpan{float}, long, int)"/> on token ids x_t [B].</summary>
    public void Step(ReadOnlySpan<int> tokens, long seed, int t)
    {
        foreach (var id in tokens)
            if ((uint)id >= (uint)_model.VocabularySize)
                throw new ArgumentException($"Token id {id} is outside the vocabulary of {_model.VocabularySize}.");
        _device.Upload(tokens, _b.Tokens);
        _device.EmbeddingForward(_b.Tokens, _parameters.Value("embedding.weight"), _b.X);
        Run(seed, t);
    }

    /// <summary>o_t, [B, O].</summary>
    public void ReadOutput(Span<float> output) => _device.Download(_b.Output, output);

    /// <summary>−log p_η(y_t) of frames y_t [B, D] under the last step's output, nats, into nll [B].</summary>
    public void Score(ReadOnlySpan<float> frames, Span<float> nll)
    {
        _device.Upload(frames, _b.Y);
        if (_model.OutputDistribution == OutputDistribution.Bernoulli)
            _device.BernoulliNllForward(_b.Output, _b.Y, _b.Nll);
        else
            _device.GaussianLogDensityForward(_b.Y, _b.Output, _b.Nll, -1, _latentHead);
        _device.Download(_b.Nll, nll);
    }

    /// <summary>As <see cref="Score(ReadOnlySpan{float}, Span{float})"/> for token ids y_t [B].</summary>
    public void Score(ReadOnlySpan<int> tokens, Span<float> nll)
    {
        _device.Upload(tokens, _b.Tokens);
        _device.CategoricalNllForward(_b.Output, _b.Tokens, _b.Nll);
        _device.Download(_b.Nll, nll);
    }

    void Run(long seed, int t)
    {
        _device.Multiply(_b.X, _forwardInput, _parameters.Value("forward_lstm.bias"), _b.Gates, accumulate: false);
        _device.Multiply(_b.H, _forwardRecurrent, default, _b.Gates, accumulate: true);
        if (_model.HasChannel)
            Channel(seed, t);
        _device.LstmCellForward(_b.Gates, default, _b.C, default, _b.C, _b.TanhC, _b.H);
        _device.Multiply(_b.H, _generatorH, _parameters.Value("generator.hidden.bias"), _b.GeneratorHidden, accumulate: false);
        if (_generatorZ is not null && _generatorBTilde is not null)
        {
            _device.Multiply(_b.Z, _generatorZ, default, _b.GeneratorHidden, accumulate: true);
            _device.Multiply(_b.BTilde, _generatorBTilde, default, _b.GeneratorHidden, accumulate: true);
        }

        _device.LeakyReluForward(_b.GeneratorHidden, default, _b.GeneratorHidden, _phi);
        _device.Multiply(_b.GeneratorHidden, _generatorOutput, _parameters.Value("generator.output.bias"), _b.Output, accumulate: false);
    }

    void Channel(long seed, int t)
    {
        (_hostKey[0], _hostKey[1], _hostKey[2]) = ((int)seed, (int)(seed >> 32), t);
        _device.Upload(_hostKey, _b.Key);
        if (_priorHidden is not null)
        {
            _device.Multiply(_b.H, _priorHidden, _parameters.Value("prior.hidden.bias"), _b.PriorHidden, accumulate: false);
            _device.LeakyReluForward(_b.PriorHidden, default, _b.PriorHidden, _phi);
            _device.Multiply(_b.PriorHidden, _priorOutput!, _parameters.Value("prior.output.bias"), _b.PriorOutput, accumulate: false);
        }

        if (_sampled)
            _device.FillNormal(_b.EpsilonZ, new NoiseSource(_b.Key, _b.RowIds, NoiseStream.GenerationLatentNoise));
        _device.SampleGaussianForward(_b.PriorOutput, _b.EpsilonZ, _b.Z, _latentHead);
        if (_latentStack is null)
        {
            _device.Multiply(_b.Z, _forwardZ!, default, _b.Gates, accumulate: true);
            return;
        }

        _device.MultiplyLeakyRelu(_b.Z, _psiHidden!, _parameters.Value("psi.hidden.bias"), _b.PsiHidden, _phi);
        _device.Multiply(_b.PsiHidden, _psiOutput!, _parameters.Value("psi.output.bias"), _b.PsiOutput, accumulate: false);
        if (!_b.EpsilonB.IsEmpty)
            _device.FillNormal(_b.EpsilonB, new NoiseSource(_b.Key, _b.RowIds, NoiseStream.GenerationBTildeNoise));
        _device.SampleGaussianForward(_b.PsiOutput, _b.EpsilonB, _b.BTilde, _reconstructionHead);
        _device.Multiply(_b.LatentInput, _latentStack, default, _b.Gates, accumulate: true);
    }

    public void Dispose()
    {
        foreach (var weight in _weights)
            weight.Dispose();
        _arena.Dispose();
    }
}
