using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Models;
using VBiLstm.Noise;

namespace VBiLstm.Model.Parts;

/// <summary>
/// The variational channel between a forward and a backward LSTM (model.md section 2.2): the posterior of z_t given h_{t-1} and b_t, its prior given h_{t-1},
/// the KL between them, and the skip-gradient mask. What z_t feeds is the model's.
/// </summary>
sealed class ChannelPass
{
    readonly Device _device;
    readonly ModelConfiguration _model;
    readonly GaussianHead _head;
    readonly LstmPass _forward, _backward;
    readonly NetPass _posterior;
    readonly PriorPass _prior;
    readonly FreeBits _freeBits;
    readonly SampleNoise _epsilon;
    readonly SharedRows _futureProducts;
    readonly SharedRows? _priorProducts;
    readonly Weight _hiddenStack;
    readonly Tensor _z, _kl, _skipMask, _hiddenProduct;
    readonly Tensor _dMoments, _dHidden, _maskedDHidden;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="model">Switches and sizes.</param>
    /// <param name="sizes">Of the step.</param>
    /// <param name="posterior">Its inputs are h_{t-1}, whose weight is part of the hidden stack, and b_t.</param>
    /// <param name="prior">Null where the prior is fixed.</param>
    /// <param name="hiddenStack">[Q_1h | U_f] as an operand, [H, M + 4H].</param>
    /// <param name="forward">The forward LSTM.</param>
    /// <param name="backward">The backward LSTM.</param>
    /// <param name="z">Where z goes, [T·B, Z].</param>
    public ChannelPass(Workspace workspace, ModelConfiguration model, in StepSizes sizes, Net posterior, Net? prior, Weight hiddenStack, LstmPass forward,
        LstmPass backward, Tensor z)
    {
        (_device, _model, _head) = (workspace.Device, model, workspace.Functions.Latent);
        (_hiddenStack, _forward, _backward, _z) = (hiddenStack, forward, backward, z);
        var (rows, b) = (sizes.Rows, sizes.BatchSize);
        _posterior = new NetPass(workspace, posterior, rows, inputUses: [WeightUse.Transposed, WeightUse.Forward | WeightUse.Transposed]);
        _prior = new PriorPass(workspace, prior, rows, masks: model.SkipGradient != SkipGradientMode.Off);
        _futureProducts = new SharedRows(workspace, sizes, _posterior.Hidden);
        _priorProducts = PriorReadsInput(model) ? new SharedRows(workspace, sizes, _prior.Hidden) : null;
        _epsilon = SampleNoise.OfLatent(workspace, sizes, z.Columns);
        _skipMask = workspace.TakeIf(workspace.Training && model.SkipGradient != SkipGradientMode.Off, rows, 1);
        _hiddenProduct = workspace.Take(b, model.MlpUnits + 4 * model.LstmUnits);
        _kl = workspace.Take(rows, 1);
        _freeBits = new FreeBits(workspace, model, rows);
        Latents = new LatentTensors(z, _posterior.Output, _prior.Output, _kl, LogDensity: workspace.Take(rows, 1));
        DZ = workspace.TakeForTraining(rows, z.Columns);
        _dMoments = workspace.TakeForTraining(rows, 2 * z.Columns);
        _dHidden = workspace.TakeForTraining(rows, model.MlpUnits, Readers.All);
        _maskedDHidden = workspace.TakeIf(workspace.Training && Skips, b, model.MlpUnits, Readers.Products);
    }

    /// <summary>The prior's net given h_{t-1} and, where it reads that too, x_t; null where the prior is fixed.</summary>
    public static Net? AddPrior(ModelConfiguration model, ParameterLayout layout)
    {
        if (model.Prior == PriorKind.Fixed)
            return null;
        var h = layout.Add(Net.InputName("prior", "h"), model.LstmUnits, model.MlpUnits, TrainingPhase.B2).View;
        IReadOnlyList<ParameterView> inputs = PriorReadsInput(model)
            ? [h, layout.Add(Net.InputName("prior", "x"), model.InputSize, model.MlpUnits, TrainingPhase.B2).View]
            : [h];
        return new Net(layout, "prior", inputs, 2 * model.LatentUnits, TrainingPhase.B2);
    }

    /// <summary>Multiply-adds of the prior for what it reads of x_t, for one row.</summary>
    public static long PriorInputMultiplyAdds(ModelConfiguration model, Net? prior) => PriorReadsInput(model) ? prior!.InputMultiplyAdds(1) : 0;

    /// <summary>The sizes of the model's step: embedded inputs exist as such where the prior reads them.</summary>
    public static StepSizes Sizes(ModelConfiguration model, in StepSizes sizes)
        => sizes with { ProjectsVocabulary = sizes.ProjectsVocabulary && !PriorReadsInput(model) };

    static bool PriorReadsInput(ModelConfiguration model) => model.PriorInput == PriorInput.HX;

    public LatentTensors Latents { get; }

    /// <summary>What reaches z but through the forward LSTM, [T, B, Z].</summary>
    public Tensor DZ { get; }

    bool Skips => !_skipMask.IsEmpty;

    /// <summary>h_0..h_{T-1}.</summary>
    public Tensor HPrevious(StepFrame frame) => frame.Span(_forward.H, 0, frame.Steps);

    /// <summary>b_t = β_{t-1+δ} of the sequences for t = 1..T.</summary>
    public Tensor B(StepFrame frame) => frame.PerSequence.Span(_backward.H, _model.Alignment, frame.Steps);

    /// <summary>db_t.</summary>
    public Tensor DB(StepFrame frame) => frame.Span(_backward.DH, _model.Alignment, frame.Steps);

    /// <summary>m_t of the loaded batch; empty where skip gradient is off.</summary>
    public Tensor SkipMask(StepFrame frame) => frame.Whole(_skipMask);

    public void DrawNoise(StepFrame frame, NoisePurpose purpose)
    {
        _epsilon.Draw(frame, purpose);
        if (Skips && purpose == NoisePurpose.Training)
            _device.FillBernoulli(SkipMask(frame), (float)_model.SkipProbability, frame.Noise(NoiseStream.SkipGradientMask));
    }

    /// <summary>z becomes its mean.</summary>
    public void ZeroNoise(StepFrame frame) => _epsilon.Zero(frame);

    /// <summary>F2: what the forward LSTM reads of all time steps' inputs.</summary>
    public void ProjectInputs(StepFrame frame, InputPass inputs)
    {
        if (!inputs.Project(_forward, frame.Steps))
            _forward.InputProducts(frame, inputs.First(frame.Steps));
    }

    /// <summary>F2: what the posterior reads of every b_t.</summary>
    public void ProjectFuture(StepFrame frame)
    {
        _posterior.HiddenProduct(1, B(frame), _futureProducts.Target(frame));
        _futureProducts.Repeat(frame);
    }

    /// <summary>F3: z_t from h_{t-1} and b_t, time step t.</summary>
    /// <returns>h_{t-1} U_f, [B, 4H], one step's scratch.</returns>
    public Tensor StepForward(StepFrame frame, int t)
    {
        var m = _model.MlpUnits;
        var hidden = frame.At(_posterior.Hidden, t);
        _posterior.Activate(frame.At(_forward.H, t), _hiddenStack, _hiddenProduct, hidden);
        _posterior.SampleForward(hidden, frame.At(_posterior.Output, t), frame.At(_epsilon.Values, t), frame.At(_z, t), _head);
        return _hiddenProduct.ColumnRange(m, _hiddenProduct.Columns - m);
    }

    /// <summary>The buffers of a model's loops over all time steps whose z feeds ψ and the forward LSTM, and whose b̃ feeds the latter.</summary>
    /// <param name="workspace">Has the device prepare them, and owns them.</param>
    /// <param name="psi">The net that b̃ comes from.</param>
    /// <param name="epsilonB">ε′; empty where b̃ is its mean.</param>
    /// <param name="bTilde">Where b̃ goes, [T·B, H].</param>
    /// <param name="latentStack">[W_z; W_b̃], [Z + H, 4H].</param>
    /// <param name="recurrentStack">[U_f; W_z; W_b̃], [H + Z + H, 4H].</param>
    /// <param name="recurrentProduct">One time step's scratch, [B, H + Z + H].</param>
    /// <param name="dBTilde">What reaches b̃ but through the LSTM, or empty.</param>
    /// <param name="dPsiMoments">The same of ψ's moments.</param>
    /// <param name="dPsiHidden">The gradient of ψ's hidden layer.</param>
    public VariationalLoop PrepareLoop(Workspace workspace, NetPass psi, Tensor epsilonB, Tensor bTilde, Weight latentStack, Weight recurrentStack,
        Tensor recurrentProduct, Tensor dBTilde, Tensor dPsiMoments, Tensor dPsiHidden)
        => workspace.Prepare(new VariationalLoop
        {
            Steps = _z.Rows / _hiddenProduct.Rows,
            BatchSize = _hiddenProduct.Rows,
            Mixes = _forward.Regularisation is { Mixes: true },
            HiddenStack = _hiddenStack,
            PosteriorWeight = _posterior.OutputWeight,
            PsiHiddenWeight = psi.Input(0),
            PsiWeight = psi.OutputWeight,
            LatentStack = latentStack,
            RecurrentStack = recurrentStack,
            PosteriorHiddenWeight = _posterior.Input(0),
            PosteriorBias = _posterior.OutputBias,
            PsiHiddenBias = psi.HiddenBias,
            PsiBias = psi.OutputBias,
            H = _forward.H,
            C = _forward.C,
            Gates = _forward.Gates,
            TanhC = _forward.TanhC,
            UpdateMask = _forward.Regularisation?.UpdateMask ?? default,
            HiddenProduct = _hiddenProduct,
            PosteriorHidden = _posterior.Hidden,
            PosteriorOutput = _posterior.Output,
            EpsilonZ = _epsilon.Values,
            Z = _z,
            PsiHidden = psi.Hidden,
            PsiOutput = psi.Output,
            EpsilonB = epsilonB,
            BTilde = bTilde,
            Phi = workspace.Functions.Phi,
            LatentHead = _head,
            ReconstructionHead = workspace.Functions.Reconstruction,
            DH = _forward.DH,
            DC = _forward.DC,
            RecurrentProduct = recurrentProduct,
            DBTilde = dBTilde,
            DPsiMoments = dPsiMoments,
            DPsiHidden = dPsiHidden,
            DZ = DZ,
            DPosteriorMoments = _dMoments,
            DPosteriorHidden = _dHidden,
            SkipMask = _skipMask,
        });

    /// <summary>F4: the prior and the KL of all time steps.</summary>
    public void KlForward(StepFrame frame, InputPass inputs)
    {
        if (_priorProducts is null)
        {
            _prior.Forward(HPrevious(frame));
        }
        else
        {
            _prior.HiddenProduct(1, inputs.First(frame.Steps), _priorProducts.Target(frame));
            _priorProducts.Repeat(frame);
            _prior.ForwardWith(0, HPrevious(frame));
        }

        _prior.KlForward(frame.Whole(_posterior.Output), frame.Whole(_kl));
        _freeBits.Forward(frame, _kl);
    }

    /// <summary>Adds the KL to the sums of the terms.</summary>
    public void Sum(StepFrame frame)
    {
        frame.Sum(_kl, ObjectiveTerm.Kl);
        _freeBits.Sum(frame);
    }

    /// <summary>B2: the KL and the prior, into the moments' gradient and h_{t-1}.</summary>
    public void KlBackward(StepFrame frame)
        => _prior.KlBackward(frame, frame.Whole(_posterior.Output), _freeBits.Weights(frame), frame.Whole(_dMoments), SkipMask(frame),
            frame.Span(_forward.DH, 0, frame.Steps));

    /// <summary>B2: the prior's gradients.</summary>
    public void PriorGradients(StepFrame frame, InputPass inputs)
    {
        if (_priorProducts is null)
            _prior.Gradients(frame, HPrevious(frame));
        else
            _prior.Gradients(frame, HPrevious(frame), inputs.First(frame.Steps));
    }

    /// <summary>
    /// B5: from what reaches z in the last columns of product = dy Wᵀ, or +=, into h_{t-1}, time step t, and through the cell of the time step before.
    /// </summary>
    public void StepBackward(StepFrame frame, int t, Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dhRecurrent)
    {
        var (output, dHidden) = (frame.At(_posterior.Output, t), frame.At(_dHidden, t));
        _device.MultiplyTransposedSampleGaussian(dy, w, product, accumulate, frame.At(DZ, t), frame.At(_epsilon.Values, t), frame.At(_dMoments, t), output,
            _head);
        _posterior.HiddenBackward(output, frame.At(_posterior.Hidden, t), dHidden, frame.At(_skipMask, t), _maskedDHidden);
        _forward.CellBackwardBefore(frame, t, Skips ? _maskedDHidden : dHidden, _posterior.Input(0), dhRecurrent, accumulate: true);
    }

    /// <summary>B6: the posterior's gradients.</summary>
    public void Gradients(StepFrame frame)
    {
        _posterior.OutputGradients(frame.Whole(_posterior.Hidden), frame.Whole(_posterior.Output));
        _posterior.HiddenGradients([_posterior.InputGradient(0, HPrevious(frame)), _posterior.InputGradient(1, B(frame))], frame.Whole(_dHidden));
    }

    /// <summary>
    /// B7: what the posterior sends into b_t, beside what a density's target has left there, and a generator of the backward LSTM's own, where there is one,
    /// into the states that it reads; the backward LSTM; and what both LSTMs send into the inputs.
    /// </summary>
    public void FutureBackward(StepFrame frame, InputPass inputs, GeneratorPass? backwardGenerator = null)
    {
        _device.Zero(frame.At(_backward.DH, _model.Alignment == 0 ? frame.Steps : 0));
        _posterior.InputBackward(1, frame.Whole(_dHidden), DB(frame), accumulate: _model.TargetGradientB);
        if (_model.SkipGradient == SkipGradientMode.Both)
            _device.MaskRows(DB(frame), SkipMask(frame));

        if (backwardGenerator is not null)
            _backward.AfterTargetsBackward(frame, backwardGenerator, 0, accumulate: true);
        _backward.SequenceBackward(frame);
        if (!inputs.DEmbedded.IsEmpty)
        {
            _forward.AddInputGradient(frame, frame.Whole(inputs.DEmbedded));
            if (_priorProducts is not null)
                _prior.InputBackward(frame, 1, frame.Whole(inputs.DEmbedded));
        }

        inputs.Backward(frame.Steps, _forward, _backward);
    }

    /// <summary>What <see cref="DrawNoise"/> leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> NoiseTensors(StepFrame frame) =>
    [
        frame.Predicted("eps_z", _epsilon.Values, TrainingPhase.F2Noise),
        frame.Predicted("skip_mask", _skipMask, TrainingPhase.F2Noise),
    ];

    /// <summary>What the loop leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> LoopTensors(StepFrame frame) =>
    [
        frame.Predicted("posterior.hidden", _posterior.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
        frame.Predicted("posterior.output", _posterior.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
        frame.Predicted("z", _z, TrainingPhase.F3, StepOrder.Ascending),
    ];

    /// <summary>What <see cref="KlForward"/> leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> PriorTensors(StepFrame frame) =>
    [
        frame.Predicted("prior.hidden", _prior.Hidden, TrainingPhase.F4, kink: Kink.LeakyRelu),
        frame.Predicted("prior.output", _prior.Output, TrainingPhase.F4, kink: Kink.LogVariance),
        frame.Predicted("kl", _kl, TrainingPhase.F4),
    ];

    /// <summary>What the backward pass leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> GradientTensors(StepFrame frame) =>
    [
        frame.Predicted("grad.prior.output", _prior.Output, TrainingPhase.B2),
        frame.Predicted("grad.posterior.moments", _dMoments, TrainingPhase.B2),
        frame.Predicted("grad.z.direct", DZ, TrainingPhase.B4),
        frame.Predicted("grad.posterior.output", _posterior.Output, TrainingPhase.B5, StepOrder.Descending),
        frame.Predicted("grad.posterior.hidden", _dHidden, TrainingPhase.B5, StepOrder.Descending),
    ];

    /// <summary>Where a value that is not finite is looked for.</summary>
    public (string Name, Tensor Values) WatchedKl(StepFrame frame) => ("KL per step", frame.Whole(_kl));
}
