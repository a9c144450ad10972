using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;
using VBiLstm.Noise;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>variational-bilstm</c>: forward and backward LSTM joined at every time step by the variational channel (model.md sections 2, 5 and 6). z_t and the
/// predicted backward state b̃_t feed the forward LSTM.
/// </summary>
sealed class VariationalBiLstm : SequenceModel
{
    readonly Parameter? _embedding;
    readonly Lstm _backwardLstm, _forwardLstm;
    readonly Parameter _weightZ, _weightBTilde;
    readonly Net _posterior, _psi, _xi, _generator;
    readonly Net? _prior;
    readonly ParameterView _hiddenStack, _latentStack, _recurrentStack;

    // The weights of the recurrence share one matrix, so that products with a common input are one product (F3 and B5):
    //          M columns   4H columns
    // h rows   Q_1h        U_f
    // z rows   S_1         W_z
    // b rows   Q_1b        W_b̃
    public VariationalBiLstm(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        _embedding = AddEmbedding(model, layout);
        _backwardLstm = new Lstm(layout, "backward_lstm", e, h, TrainingPhase.B7);
        var inputWeight = Lstm.AddInputWeight(layout, "forward_lstm", e, h, TrainingPhase.B6);
        var bias = Lstm.AddBias(layout, "forward_lstm", h, TrainingPhase.B6);
        var stack = layout.AddStack(h + z + h, m + 4 * h);
        var posteriorH = layout.AddTo(stack, Net.InputName("posterior", "h"), 0, 0, h, m, TrainingPhase.B6);
        var recurrent = layout.AddTo(stack, Lstm.RecurrentName("forward_lstm"), 0, m, h, 4 * h, TrainingPhase.B6);
        var psiZ = layout.AddTo(stack, Net.InputName("psi", "z"), h, 0, z, m, TrainingPhase.B6);
        _weightZ = layout.AddTo(stack, "forward_lstm.weight_z", h, m, z, 4 * h, TrainingPhase.B6);
        var posteriorB = layout.AddTo(stack, Net.InputName("posterior", "b"), h + z, 0, h, m, TrainingPhase.B6);
        _weightBTilde = layout.AddTo(stack, "forward_lstm.weight_b_tilde", h + z, m, h, 4 * h, TrainingPhase.B6);
        _hiddenStack = stack.RowRange(0, h);
        _latentStack = stack.RowRange(h, z + h).ColumnRange(m, 4 * h);
        _recurrentStack = stack.ColumnRange(m, 4 * h);
        _forwardLstm = new Lstm(inputWeight, recurrent, bias);
        _posterior = new Net(layout, "posterior", [posteriorH.View, posteriorB.View], 2 * z, TrainingPhase.B6);
        _prior = model.Prior == PriorKind.Learned ? Net.WithInput(layout, "prior", "h", h, m, 2 * z, TrainingPhase.B2) : null;
        _psi = new Net(layout, "psi", [psiZ.View], 2 * h, TrainingPhase.B6);
        _xi = Net.WithInput(layout, "xi", "z", z, m, 2 * h, TrainingPhase.B3);
        var concatenates = model.GeneratorInput == GeneratorInput.HZBTilde;
        var hidden = layout.Add("generator.hidden.weight", concatenates ? h + z + h : h, m, TrainingPhase.B1).View;
        IReadOnlyList<ParameterView> inputs = concatenates ? [hidden.RowRange(0, h), hidden.RowRange(h, z), hidden.RowRange(h + z, h)] : [hidden];
        _generator = new Net(layout, "generator", inputs, Output.Width, TrainingPhase.B1);
    }

    public override bool HasLatent => true;

    public override long ForwardMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.MultiplyAdds + 4L * Configuration.LstmUnits * (_weightZ.Rows + _weightBTilde.Rows)
        + _posterior.MultiplyAdds + (_prior?.MultiplyAdds ?? 0) + _psi.MultiplyAdds + (HasXi ? _xi.MultiplyAdds : 0) + _generator.MultiplyAdds;

    private protected override long InputMultiplyAdds => _backwardLstm.InputMultiplyAdds + _forwardLstm.InputMultiplyAdds;

    // With β = 0 the ξ net would get no gradient, so it is left out of the step but kept among the parameters.
    bool HasXi => Configuration.Beta > 0;

    internal override int LoopSteps(TrainingPhase phase, int timeSteps)
        => phase is TrainingPhase.F1BackwardLstm or TrainingPhase.B7 ? timeSteps + 1 : base.LoopSteps(phase, timeSteps);

    internal override IEnumerable<(int Inputs, int Steps)> DeviceRecurrences(int maximumSteps) => [(_backwardLstm.Inputs, maximumSteps + 1)];

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame) => new Generative(this, workspace, frame);

    sealed class Pass : ModelPass
    {
        readonly ModelConfiguration _model;
        readonly GaussianHead _latentHead, _reconstructionHead;
        readonly InputPass _inputs;
        readonly LstmPass _backward, _forward;
        readonly NetPass _posterior;
        readonly PriorPass _prior;
        readonly ReconstructionPass _psi;
        readonly ReconstructionPass? _xi;
        readonly GeneratorPass _generator;
        readonly StatePenalties _penalties;
        readonly Weight _hiddenStack, _latentStack, _recurrentStack;
        readonly Tensor _dWeightZ, _dWeightBTilde;
        readonly Tensor _epsilonZ, _epsilonB, _skipMask;
        readonly Tensor _hiddenProduct, _latentInput, _z, _bTilde;
        readonly Tensor _kl;
        readonly Tensor _dz, _dBTilde, _dPosteriorMoments, _dPsiMoments, _dPosteriorHidden, _dPsiHidden, _maskedDPosteriorHidden, _recurrentProduct;

        public Pass(VariationalBiLstm model, Workspace workspace, StepFrame frame, in StepSizes sizes) : base(frame)
        {
            _model = model.Configuration;
            (_latentHead, _reconstructionHead) = (workspace.Functions.Latent, workspace.Functions.Reconstruction);
            var (rows, b, h, z, m) = (sizes.Rows, sizes.BatchSize, _model.LstmUnits, _model.LatentUnits, _model.MlpUnits);
            var both = WeightUse.Forward | WeightUse.Transposed;
            _inputs = new InputPass(workspace, model._embedding, sizes);
            _backward = new LstmPass(workspace, model._backwardLstm, sizes, sizes.MaximumSteps + 1, both);
            _backward.MakeSequence(LstmDirection.Backward, _inputs.Embedded, _inputs.DEmbedded, frame.Validity, addsToDInput: false);
            var weightNoise = new WeightNoise(workspace, _model, model.Layout);
            _forward = new LstmPass(workspace, model._forwardLstm, sizes, sizes.MaximumSteps, recurrentUse: 0, new LstmRegularisation(workspace, _model, model._forwardLstm, sizes), weightNoise);
            _posterior = new NetPass(workspace, model._posterior, rows, inputUses: [WeightUse.Transposed, both]);
            _prior = new PriorPass(workspace, model._prior, rows);
            _psi = new ReconstructionPass(workspace, model._psi, rows);
            _xi = model.HasXi ? new ReconstructionPass(workspace, model._xi, rows) : null;
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _penalties = new StatePenalties(workspace, _model, sizes);
            States = [new("h", _forward.H), new("c", _forward.C)];
            _hiddenStack = weightNoise.Operand(model._hiddenStack, WeightUse.Forward);
            _latentStack = weightNoise.Operand(model._latentStack, WeightUse.Forward);
            _recurrentStack = weightNoise.Operand(model._recurrentStack, WeightUse.Transposed);
            (_dWeightZ, _dWeightBTilde) = (workspace.Gradient(model._weightZ), workspace.Gradient(model._weightBTilde));

            _epsilonZ = workspace.Take(rows, z);
            _epsilonB = workspace.TakeIf(_model.BTilde == BTildeMode.Sample, rows, h);
            _skipMask = workspace.TakeIf(_model.SkipGradient != SkipGradientMode.Off, rows, 1);
            _hiddenProduct = workspace.Take(b, m + 4 * h);

            // z_t and b̃_t side by side, rows on cache lines.
            _latentInput = workspace.Take(rows, (z + h + 15) / 16 * 16).ColumnRange(0, z + h);
            (_z, _bTilde) = (_latentInput.ColumnRange(0, z), _latentInput.ColumnRange(z, h));
            _kl = workspace.Take(rows, 1);
            Latents = new LatentTensors(_z, _posterior.Output, _prior.Output, _kl, LogDensity: workspace.Take(rows, 1));
            _dz = workspace.TakeForTraining(rows, z);
            _dBTilde = workspace.TakeIf(workspace.Training && Concatenates, rows, h);
            _dPosteriorMoments = workspace.TakeForTraining(rows, 2 * z);
            _dPsiMoments = workspace.TakeForTraining(rows, 2 * h);
            _dPosteriorHidden = workspace.TakeForTraining(rows, m);
            _dPsiHidden = workspace.TakeForTraining(rows, m);
            _maskedDPosteriorHidden = workspace.TakeIf(workspace.Training && Skips, b, m);
            _recurrentProduct = workspace.TakeForTraining(b, h + z + h);
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        public override LatentTensors Latents { get; }

        bool Concatenates => _model.GeneratorInput == GeneratorInput.HZBTilde;

        bool Skips => !_skipMask.IsEmpty;

        // h_0..h_{T-1} and h_1..h_T.
        Tensor HPrevious => Frame.Span(_forward.H, 0, Steps);

        Tensor H => Frame.Span(_forward.H, 1, Steps);

        // b_t = β_{t-1+δ} for t = 1..T.
        Tensor B => Frame.Span(_backward.H, _model.Alignment, Steps);

        Tensor Z => Frame.Whole(_z);

        public override void DrawNoise(NoisePurpose purpose)
        {
            Frame.Enter(TrainingPhase.F2Noise);
            var training = purpose == NoisePurpose.Training;
            Device.FillNormal(Frame.Whole(_epsilonZ), Frame.Noise(training ? NoiseStream.LatentNoise : NoiseStream.EvaluationLatentNoise));
            if (!_epsilonB.IsEmpty)
                Device.FillNormal(Frame.Whole(_epsilonB), Frame.Noise(training ? NoiseStream.BTildeNoise : NoiseStream.EvaluationBTildeNoise));
            if (Skips)
                Device.FillBernoulli(Frame.Whole(_skipMask), (float)_model.SkipProbability, Frame.Noise(NoiseStream.SkipGradientMask));
            _forward.DrawNoise(Frame, purpose);
        }

        public override void ZeroNoise()
        {
            Device.Zero(Frame.Whole(_epsilonZ));
            if (!_epsilonB.IsEmpty)
                Device.Zero(Frame.Whole(_epsilonB));
            _forward.DrawNoise(Frame, NoisePurpose.Evaluation);
        }

        public override void Forward()
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            _inputs.Project(_backward, Steps + 1);
            Frame.Enter(TrainingPhase.F1BackwardLstm);
            _backward.ZeroSlot(Steps + 1);
            _backward.SequenceForward(Frame, Steps + 1, _inputs.First(Steps + 1));

            Frame.Enter(TrainingPhase.F2);
            if (!_inputs.Project(_forward, Steps))
                Device.Multiply(_forward.MaskInput(Frame, _inputs.First(Steps)), _forward.InputWeight, _forward.Bias, Frame.Whole(_forward.Gates), accumulate: false);
            _posterior.HiddenProduct(1, B, Frame.Whole(_posterior.Hidden));

            Frame.Enter(TrainingPhase.F3);
            ForwardLoop();

            Frame.Enter(TrainingPhase.F4);
            _prior.Forward(HPrevious);
            _prior.KlForward(Frame.Whole(_posterior.Output), Frame.Whole(_kl));
            _psi.DensityForward(Frame, B);
            _xi?.Forward(Frame, Z, HPrevious);
            if (Concatenates)
                _generator.Forward(Frame, _forward.MaskOutput(Frame), Z, Frame.Whole(_bTilde));
            else
                _generator.Forward(Frame, _forward.MaskOutput(Frame));
            _penalties.Forward(Frame, _forward);
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            Frame.Sum(_kl, ObjectiveTerm.Kl);
            Frame.Sum(_psi.LogDensity, ObjectiveTerm.LogPPsi);
            Frame.Sum(_xi?.LogDensity ?? default, ObjectiveTerm.LogPXi);
            _penalties.Sum(Frame);
        }

        // F3: five products a time step.
        void ForwardLoop()
        {
            var m = _model.MlpUnits;
            var (qHat, aHat) = (_hiddenProduct.ColumnRange(0, m), _hiddenProduct.ColumnRange(m, 4 * _model.LstmUnits));
            for (var t = 0; t < Steps; t++)
            {
                var (gates, z) = (Frame.At(_forward.Gates, t), Frame.At(_z, t));
                var (posteriorHidden, posteriorOutput) = (Frame.At(_posterior.Hidden, t), Frame.At(_posterior.Output, t));
                Device.Multiply(Frame.At(_forward.H, t), _hiddenStack, default, _hiddenProduct, accumulate: false);
                _posterior.Activate(qHat, posteriorHidden);
                _posterior.OutputForward(posteriorHidden, posteriorOutput);
                Device.SampleGaussianForward(posteriorOutput, Frame.At(_epsilonZ, t), z, _latentHead);
                var psiOutput = Frame.At(_psi.Net.Output, t);
                _psi.Net.ForwardThin(z, Frame.At(_psi.Net.Hidden, t), psiOutput);
                Device.SampleGaussianForward(psiOutput, Frame.At(_epsilonB, t), Frame.At(_bTilde, t), _reconstructionHead);
                Device.Multiply(Frame.At(_latentInput, t), _latentStack, default, gates, accumulate: true);
                _forward.CellForward(Frame, t, aHat);
            }
        }

        public override void Backward()
        {
            var (dHPrevious, dz) = (Frame.Span(_forward.DH, 0, Steps), Frame.Whole(_dz));
            Frame.Enter(TrainingPhase.B1);
            GeneratorBackward();

            Frame.Enter(TrainingPhase.B2);
            _prior.KlBackward(Frame, Frame.Whole(_posterior.Output), HPrevious, Frame.Whole(_dPosteriorMoments));
            _prior.InputBackward(Frame, Frame.Whole(_skipMask), dHPrevious);
            if (_xi is not null)
            {
                Frame.Enter(TrainingPhase.B3);
                _xi.Backward(Frame, Z, HPrevious, Frame.Scalars.Beta, dz, _model.TargetGradientH ? dHPrevious : default, Frame.Whole(_skipMask), accumulateTarget: true);
            }

            Frame.Enter(TrainingPhase.B4);
            var db = Frame.Span(_backward.DH, _model.Alignment, Steps);
            _psi.DensityBackward(Frame, B, Frame.Scalars.Alpha, Frame.Whole(_dPsiMoments), _model.TargetGradientB ? db : default);

            Frame.Enter(TrainingPhase.B5);
            ReverseLoop();
            Frame.Enter(TrainingPhase.B6);
            RecurrentGradients();

            Frame.Enter(TrainingPhase.B7);
            Device.Zero(Frame.At(_backward.DH, _model.Alignment == 0 ? Steps : 0));
            _posterior.InputBackward(1, Frame.Whole(_dPosteriorHidden), db, accumulate: _model.TargetGradientB);
            if (_model.SkipGradient == SkipGradientMode.Both)
                Device.MaskRows(db, Frame.Whole(_skipMask));
            _backward.SequenceBackward(Frame);
            _inputs.ProjectionBackward(_backward, Steps + 1, accumulate: false);
            _inputs.ProjectionBackward(_forward, Steps, accumulate: true);
            if (!_inputs.DEmbedded.IsEmpty)
                _forward.AddInputGradient(Frame, Frame.Whole(_inputs.DEmbedded));
            _inputs.Backward(Steps + 1);
        }

        void GeneratorBackward()
        {
            var dH = Frame.Span(_forward.DH, 1, Steps);
            _generator.OutputBackward(Frame);
            Device.Zero(Frame.At(_forward.DH, 0));
            _generator.InputBackward(Frame, 0, dH, Steps);
            _forward.OutputBackward(Frame);
            _penalties.Backward(Frame, _forward);
            if (Concatenates)
            {
                _generator.HiddenGradients(Frame,
                    [_generator.InputGradient(0, _forward.ReadOutput(Frame)), _generator.InputGradient(1, Z), _generator.InputGradient(2, Frame.Whole(_bTilde))]);
                _generator.InputBackward(Frame, 1, Frame.Whole(_dz), Steps);
                _generator.InputBackward(Frame, 2, Frame.Whole(_dBTilde), Steps);
            }
            else
            {
                _generator.HiddenGradients(Frame, [_generator.InputGradient(0, _forward.ReadOutput(Frame))]);
                Device.Zero(Frame.Whole(_dz));
            }
        }

        // B5: five products a time step.
        void ReverseLoop()
        {
            var (h, z) = (_model.LstmUnits, _model.LatentUnits);
            var dhRecurrent = _recurrentProduct.ColumnRange(0, h);
            var (dz, dbTilde) = (_recurrentProduct.ColumnRange(h, z), _recurrentProduct.ColumnRange(h + z, h));
            Device.Zero(_forward.DC);
            Device.Zero(dhRecurrent);
            for (var t = Steps - 1; t >= 0; t--)
            {
                var gates = Frame.At(_forward.Gates, t);
                _forward.CellBackward(Frame, t, dhRecurrent);
                Device.MultiplyTransposed(gates, _recurrentStack, _recurrentProduct, accumulate: false);
                var (psiOutput, dPsiHidden) = (Frame.At(_psi.Net.Output, t), Frame.At(_dPsiHidden, t));
                Device.SampleGaussianBackward(dbTilde, Frame.At(_dBTilde, t), Frame.At(_epsilonB, t), Frame.At(_dPsiMoments, t), psiOutput, _reconstructionHead);
                _psi.Net.HiddenBackward(psiOutput, Frame.At(_psi.Net.Hidden, t), dPsiHidden);
                _psi.Net.InputBackward(0, dPsiHidden, dz, accumulate: true);
                var (posteriorOutput, dPosteriorHidden) = (Frame.At(_posterior.Output, t), Frame.At(_dPosteriorHidden, t));
                Device.SampleGaussianBackward(dz, Frame.At(_dz, t), Frame.At(_epsilonZ, t), Frame.At(_dPosteriorMoments, t), posteriorOutput, _latentHead);
                _posterior.HiddenBackward(posteriorOutput, Frame.At(_posterior.Hidden, t), dPosteriorHidden, Frame.At(_skipMask, t), _maskedDPosteriorHidden);
                _posterior.InputBackward(0, Skips ? _maskedDPosteriorHidden : dPosteriorHidden, dhRecurrent, accumulate: true);
            }
        }

        // B6: products with the same output gradient are one operation. No embedded inputs where the vocabulary is projected.
        void RecurrentGradients()
        {
            Device.WeightGradients(
                [new(_forward.ReadInput(Frame, _inputs.First(Steps)), _forward.DInputWeight), new(HPrevious, _forward.DRecurrent), new(Z, _dWeightZ), new(Frame.Whole(_bTilde), _dWeightBTilde)],
                Frame.Whole(_forward.Gates), _forward.DBias);
            _psi.Net.OutputGradients(Frame.Whole(_psi.Net.Hidden), Frame.Whole(_psi.Net.Output));
            _psi.Net.HiddenGradients([_psi.Net.InputGradient(0, Z)], Frame.Whole(_dPsiHidden));
            _posterior.OutputGradients(Frame.Whole(_posterior.Hidden), Frame.Whole(_posterior.Output));
            _posterior.HiddenGradients([_posterior.InputGradient(0, HPrevious), _posterior.InputGradient(1, B)], Frame.Whole(_dPosteriorHidden));
        }

        public override IEnumerable<StepTensor> NoiseTensors =>
        [
            Frame.Predicted("eps_z", _epsilonZ, TrainingPhase.F2Noise),
            Frame.Predicted("eps_b", _epsilonB, TrainingPhase.F2Noise),
            Frame.Predicted("skip_mask", _skipMask, TrainingPhase.F2Noise),
            .. _forward.NoiseTensors(Frame),
        ];

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            Frame.Tokens("embedded", _inputs.Tokens.IsEmpty ? default : _inputs.Embedded, TrainingPhase.F1),
            .. _backward.FutureTensors(Frame),
            Frame.Predicted("posterior.hidden", _posterior.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("posterior.output", _posterior.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
            Frame.Predicted("z", _z, TrainingPhase.F3, StepOrder.Ascending),
            Frame.Predicted("psi.hidden", _psi.Net.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("psi.output", _psi.Net.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
            Frame.Predicted("b_tilde", _bTilde, TrainingPhase.F3, StepOrder.Ascending),
            .. _forward.PastTensors(Frame, isLoop: true),
            Frame.Predicted("prior.hidden", _prior.Hidden, TrainingPhase.F4, kink: Kink.LeakyRelu),
            Frame.Predicted("prior.output", _prior.Output, TrainingPhase.F4, kink: Kink.LogVariance),
            Frame.Predicted("xi.hidden", _xi?.Net.Hidden ?? default, TrainingPhase.F4, kink: Kink.LeakyRelu),
            Frame.Predicted("xi.output", _xi?.Net.Output ?? default, TrainingPhase.F4, kink: Kink.LogVariance),
            .. _generator.ForwardTensors(Frame),
            Frame.Predicted("kl", _kl, TrainingPhase.F4),
            Frame.Predicted("log_p_psi", _psi.LogDensity, TrainingPhase.F4),
            Frame.Predicted("log_p_xi", _xi?.LogDensity ?? default, TrainingPhase.F4),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Predicted("grad.prior.output", _prior.Output, TrainingPhase.B2),
            Frame.Predicted("grad.posterior.moments", _dPosteriorMoments, TrainingPhase.B2),
            Frame.Predicted("grad.xi.output", _xi?.Net.Output ?? default, TrainingPhase.B3),
            Frame.Tokens("grad.h.direct", _forward.DH, TrainingPhase.B3),
            Frame.Predicted("grad.psi.moments", _dPsiMoments, TrainingPhase.B4),
            Frame.Predicted("grad.z.direct", _dz, TrainingPhase.B4),
            Frame.Predicted("grad.b_tilde.direct", _dBTilde, TrainingPhase.B4),
            Frame.Predicted("grad.gates", _forward.Gates, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.psi.output", _psi.Net.Output, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.psi.hidden", _dPsiHidden, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.posterior.output", _posterior.Output, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.posterior.hidden", _dPosteriorHidden, TrainingPhase.B5, StepOrder.Descending),
            .. _backward.FutureGradients(Frame),
            Frame.Tokens("grad.embedded", _inputs.DEmbedded, TrainingPhase.B7),
        ];

        public override IEnumerable<StepTensor> InitialStateGradients =>
            [new("grad.h0.recurrent", _recurrentProduct.ColumnRange(0, _model.LstmUnits), TrainingPhase.B5), new("grad.c0", _forward.DC, TrainingPhase.B5)];

        public override IEnumerable<(string Name, Tensor Values)> Watched =>
        [
            ("input frames", _inputs.First(Steps + 1)),
            ("backward LSTM state", Frame.Span(_backward.H, 0, Steps + 1)),
            ("latent z", Z),
            ("b_tilde", Frame.Whole(_bTilde)),
            ("forward LSTM state", Frame.Span(_forward.H, 0, Steps + 1)),
            ("log p_psi per step", Frame.Whole(_psi.LogDensity)),
            ("KL per step", Frame.Whole(_kl)),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }

    sealed class Generative : GenerativeStep
    {
        readonly GaussianHead _latentHead, _reconstructionHead;
        readonly LstmStep _lstm;
        readonly PriorPass _prior;
        readonly NetPass _psi;
        readonly GeneratorStep _generator;
        readonly Weight _latentStack;
        readonly bool _concatenates;
        readonly Tensor _epsilonZ, _epsilonB, _latentInput, _z, _bTilde, _moments;

        public Generative(VariationalBiLstm model, Workspace workspace, GenerativeFrame frame) : base(frame)
        {
            var configuration = model.Configuration;
            var (b, h, z) = (frame.Rows, configuration.LstmUnits, configuration.LatentUnits);
            (_latentHead, _reconstructionHead) = (workspace.Functions.Latent, workspace.Functions.Reconstruction);
            _lstm = new LstmStep(workspace, model.Configuration, model._forwardLstm, b);
            _prior = new PriorPass(workspace, model._prior, b);
            _psi = new NetPass(workspace, model._psi, b);
            _generator = new GeneratorStep(workspace, model._generator, b);
            _latentStack = workspace.Operand(model._latentStack, WeightUse.Forward);
            _concatenates = configuration.GeneratorInput == GeneratorInput.HZBTilde;
            _epsilonZ = workspace.Take(b, z);
            _epsilonB = workspace.TakeIf(frame.IsSampled && configuration.BTilde == BTildeMode.Sample, b, h);
            _latentInput = workspace.Take(b, z + h);
            (_z, _bTilde) = (_latentInput.ColumnRange(0, z), _latentInput.ColumnRange(z, h));

            // A fixed prior's moments are the zeros that memory begins with.
            _moments = _prior.Output.IsEmpty ? workspace.Take(b, 2 * z) : _prior.Output;
        }

        public override Tensor Output => _generator.Output;

        public override bool DrawsNoise => true;

        public override void Reset() => _lstm.Reset();

        public override void Run()
        {
            _lstm.Begin(Frame.X);
            _prior.Forward(_lstm.H);
            if (Frame.IsSampled)
                Device.FillNormal(_epsilonZ, Frame.Noise(NoiseStream.GenerationLatentNoise));
            Device.SampleGaussianForward(_moments, _epsilonZ, _z, _latentHead);
            _psi.ForwardThin(_z, _psi.Hidden, _psi.Output);
            if (!_epsilonB.IsEmpty)
                Device.FillNormal(_epsilonB, Frame.Noise(NoiseStream.GenerationBTildeNoise));
            Device.SampleGaussianForward(_psi.Output, _epsilonB, _bTilde, _reconstructionHead);
            Device.Multiply(_latentInput, _latentStack, default, _lstm.Gates, accumulate: true);
            _lstm.End();
            if (_concatenates)
                _generator.Run(_lstm.H, _z, _bTilde);
            else
                _generator.Run(_lstm.H);
        }
    }
}
