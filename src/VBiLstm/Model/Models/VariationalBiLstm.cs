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
        var recurrent = Lstm.AddRecurrentWeightTo(stack, layout, "forward_lstm", m, h, TrainingPhase.B6);
        var psiZ = layout.AddTo(stack, Net.InputName("psi", "z"), h, 0, z, m, TrainingPhase.B6);
        _weightZ = layout.AddTo(stack, "forward_lstm.weight_z", h, m, z, 4 * h, TrainingPhase.B6);
        var posteriorB = layout.AddTo(stack, Net.InputName("posterior", "b"), h + z, 0, h, m, TrainingPhase.B6);
        _weightBTilde = layout.AddTo(stack, "forward_lstm.weight_b_tilde", h + z, m, h, 4 * h, TrainingPhase.B6);
        _hiddenStack = stack.RowRange(0, h);
        _latentStack = stack.RowRange(h, z + h).ColumnRange(m, 4 * h);
        _recurrentStack = stack.ColumnRange(m, 4 * h);
        _forwardLstm = new Lstm(inputWeight, recurrent, bias);
        _posterior = new Net(layout, "posterior", [posteriorH.View, posteriorB.View], 2 * z, TrainingPhase.B6);
        _prior = ChannelPass.AddPrior(model, layout);
        _psi = new Net(layout, "psi", [psiZ.View], 2 * h, TrainingPhase.B6);
        _xi = Net.WithInput(layout, "xi", "z", z, m, 2 * h, TrainingPhase.B3);
        var concatenates = model.GeneratorInput == GeneratorInput.HZBTilde;
        var hidden = layout.Add("generator.hidden.weight", concatenates ? h + z + h : h, m, TrainingPhase.B1).View;
        IReadOnlyList<ParameterView> inputs = concatenates ? [hidden.RowRange(0, h), hidden.RowRange(h, z), hidden.RowRange(h + z, h)] : [hidden];
        _generator = new Net(layout, "generator", inputs, Output.Width, TrainingPhase.B1);
    }

    public override bool HasLatent => true;

    private protected override IReadOnlyList<string> UntrainedParts => HasXi ? [] : ["xi"];

    private protected override long UntrainedValues
        => (LearnsReconstructionVariance && (Configuration.Alpha > 0 || Configuration.BTilde == BTildeMode.Sample) ? 0 : ReconstructionVarianceValues)
            + (LearnsReconstructionVariance || !HasXi ? 0 : ReconstructionVarianceValues);

    private protected override long UnreadValues
        => LearnsReconstructionVariance && Configuration.BTilde == BTildeMode.Sample ? 0 : ReconstructionVarianceValues;

    private protected override IReadOnlyList<string> InferenceParts => ["backward_lstm", "posterior", "xi"];

    public override long ForwardMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.MultiplyAdds
        + 4L * Configuration.LstmUnits * (_weightZ.Rows + _weightBTilde.Rows) + _posterior.MultiplyAdds + (_prior?.MultiplyAdds ?? 0)
        + _psi.MultiplyAdds + (HasXi ? _xi.MultiplyAdds : 0) + _generator.MultiplyAdds;

    public override long ScoreMultiplyAdds => ForwardMultiplyAdds - (HasXi ? _xi.MultiplyAdds : 0);

    public override long SharedMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.InputMultiplyAdds + _posterior.InputMultiplyAdds(1)
        + ChannelPass.PriorInputMultiplyAdds(Configuration, _prior);

    public override long GenerativeMultiplyAdds => ScoreMultiplyAdds - _backwardLstm.MultiplyAdds - _posterior.MultiplyAdds;

    private protected override long InputMultiplyAdds => _backwardLstm.InputMultiplyAdds + _forwardLstm.InputMultiplyAdds
        + ChannelPass.PriorInputMultiplyAdds(Configuration, _prior);

    // With β = 0 the ξ net would get no gradient, so it is left out of the step but kept among the parameters.
    bool HasXi => Configuration.Beta > 0;

    internal override int LoopSteps(TrainingPhase phase, int timeSteps)
        => phase is TrainingPhase.F1BackwardLstm or TrainingPhase.B7 ? timeSteps + 1 : base.LoopSteps(phase, timeSteps);

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections) => [new(_backwardLstm.Inputs, maximumSteps + 1)];

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame) => new Generative(this, workspace, frame);

    sealed class Pass : ModelPass
    {
        readonly ModelConfiguration _model;
        readonly GaussianHead _reconstructionHead;
        readonly InputPass _inputs;
        readonly LstmPass _backward, _forward;
        readonly ChannelPass _channel;
        readonly ReconstructionPass _psi;
        readonly ReconstructionPass? _xi;
        readonly GeneratorPass _generator;
        readonly StatePenalties _penalties;
        readonly SampleNoise? _epsilonB;
        readonly Weight _latentStack, _recurrentStack;
        readonly Tensor _dWeightZ, _dWeightBTilde;
        readonly Tensor _latentInput, _z, _bTilde;
        readonly Tensor _dBTilde, _dPsiMoments, _dPsiHidden, _recurrentProduct;
        readonly VariationalLoop _loop;
        readonly Action _projectInputs, _kl, _densities, _generatorGradients, _priorGradients, _xiGradients, _recurrentGradients;

        public Pass(VariationalBiLstm model, Workspace workspace, StepFrame frame, in StepSizes stepSizes) : base(frame)
        {
            _model = model.Configuration;
            var sizes = ChannelPass.Sizes(_model, stepSizes);
            _reconstructionHead = workspace.Functions.Reconstruction;
            var (rows, b, h, z, m) = (sizes.Rows, sizes.BatchSize, _model.LstmUnits, _model.LatentUnits, _model.MlpUnits);
            _inputs = new InputPass(workspace, frame, model._embedding, sizes);
            _backward = new LstmPass(workspace, model._backwardLstm, sizes.PerSequence, sizes.MaximumSteps + 1, WeightUse.Forward | WeightUse.Transposed);
            _backward.MakeSequence(LstmDirection.Backward, _inputs.Embedded, _inputs.DEmbedded, frame.Validity, addsToDInput: false);
            var weightNoise = new WeightNoise(workspace, _model, model.Layout);
            _forward = new LstmPass(workspace, model._forwardLstm, sizes, sizes.MaximumSteps, recurrentUse: 0,
                new LstmRegularisation(workspace, _model, model._forwardLstm, sizes), weightNoise);

            // z_t and b̃_t side by side, rows on cache lines.
            _latentInput = workspace.Take(rows, (z + h + 15) / 16 * 16, workspace.ProductsInTraining).ColumnRange(0, z + h);
            (_z, _bTilde) = (_latentInput.ColumnRange(0, z), _latentInput.ColumnRange(z, h));
            var hiddenStack = weightNoise.Operand(model._hiddenStack, WeightUse.Forward);
            _channel = new ChannelPass(workspace, _model, sizes, model._posterior, model._prior, hiddenStack, _forward, _backward, _z);
            _psi = new ReconstructionPass(workspace, model._psi, sizes, isInLoop: true);
            _xi = model.HasXi && workspace.Training ? new ReconstructionPass(workspace, model._xi, sizes) : null;
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _penalties = new StatePenalties(workspace, _model, sizes);
            States = [new("h", _forward.H), new("c", _forward.C)];
            if (_model.BTilde == BTildeMode.Sample)
                _epsilonB = new SampleNoise(workspace, sizes, h, NoiseStream.BTildeNoise, NoiseStream.EvaluationBTildeNoise);
            _latentStack = weightNoise.Operand(model._latentStack, WeightUse.Forward);
            _recurrentStack = weightNoise.Operand(model._recurrentStack, WeightUse.Transposed);
            (_dWeightZ, _dWeightBTilde) = (workspace.Gradient(model._weightZ), workspace.Gradient(model._weightBTilde));
            _dBTilde = workspace.TakeIf(workspace.Training && Concatenates, rows, h);
            _dPsiMoments = workspace.TakeForTraining(rows, 2 * h);
            _dPsiHidden = workspace.TakeForTraining(rows, m, Readers.All);
            _recurrentProduct = workspace.TakeForTraining(b, h + z + h);
            _loop = _channel.PrepareLoop(workspace, _psi.Net, EpsilonB, _bTilde, _latentStack, _recurrentStack, _recurrentProduct, _dBTilde, _dPsiMoments,
                _dPsiHidden);
            (_projectInputs, _kl, _densities) = (() => _channel.ProjectInputs(Frame, _inputs), () => _channel.KlForward(Frame, _inputs), DensitiesForward);
            (_generatorGradients, _priorGradients, _recurrentGradients)
                = (GeneratorGradients, () => _channel.PriorGradients(Frame, _inputs), RecurrentGradients);
            _xiGradients = () => _xi!.Gradients(Frame, Z);
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        public override LatentTensors Latents => _channel.Latents;

        bool Concatenates => _model.GeneratorInput == GeneratorInput.HZBTilde;

        // Empty where b̃ is its mean.
        Tensor EpsilonB => _epsilonB?.Values ?? default;

        Tensor Z => Frame.Whole(_z);

        Tensor BTilde => Frame.Whole(_bTilde);

        public override void DrawNoise(NoisePurpose purpose)
        {
            Frame.Enter(TrainingPhase.F2Noise);
            _channel.DrawNoise(Frame, purpose);
            _epsilonB?.Draw(Frame, purpose);
            _forward.DrawNoise(Frame, purpose);
        }

        public override void ZeroNoise()
        {
            _channel.ZeroNoise(Frame);
            _epsilonB?.Zero(Frame);
            _forward.DrawNoise(Frame, NoisePurpose.Evaluation);
        }

        public override void Forward(bool scoresOnly)
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            Frame.Enter(TrainingPhase.F2);
            Device.Fork(_projectInputs);
            Frame.Enter(TrainingPhase.F1);
            _backward.FutureForward(Frame, _inputs);

            Frame.Enter(TrainingPhase.F2);
            _channel.ProjectFuture(Frame);
            Device.JoinBranches();

            Frame.Enter(TrainingPhase.F3);
            ForwardLoop();

            Frame.Enter(TrainingPhase.F4);
            Device.Fork(scoresOnly ? _kl : _densities);
            if (Concatenates)
                _generator.Forward(Frame, _forward.MaskOutput(Frame), Z, BTilde);
            else
                _generator.Forward(Frame, _forward.MaskOutput(Frame));
            if (!scoresOnly)
                _penalties.Forward(Frame, _forward);
            Device.JoinBranches();
            if (scoresOnly)
                return;
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            _channel.Sum(Frame);
            Frame.Sum(_psi.LogDensity, ObjectiveTerm.LogPPsi);
            Frame.Sum(_xi?.LogDensity ?? default, ObjectiveTerm.LogPXi);
            _penalties.Sum(Frame);
        }

        void DensitiesForward()
        {
            _channel.KlForward(Frame, _inputs);
            _psi.DensityForward(Frame, _channel.B(Frame));
            _xi?.Forward(Frame, Z, _channel.HPrevious(Frame));
        }

        // F3: five products a time step.
        void ForwardLoop()
        {
            _loop.Steps = Steps;
            if (Device.TryLoopForward(_loop))
                return;
            for (var t = 0; t < Steps; t++)
            {
                var aHat = _channel.StepForward(Frame, t);
                var psiHidden = Frame.At(_psi.Net.Hidden, t);
                _psi.Net.HiddenForwardThin(Frame.At(_z, t), psiHidden);
                _psi.Net.SampleForward(psiHidden, Frame.At(_psi.Net.Output, t), Frame.At(EpsilonB, t), Frame.At(_bTilde, t), _reconstructionHead);
                _forward.CellForward(Frame, t, Frame.At(_latentInput, t), _latentStack, aHat);
            }
        }

        public override void Backward()
        {
            Frame.Enter(TrainingPhase.B1);
            GeneratorBackward();

            Frame.Enter(TrainingPhase.B2);
            _channel.KlBackward(Frame);
            Device.Fork(_priorGradients);
            if (_xi is not null)
            {
                Frame.Enter(TrainingPhase.B3);
                var dHPrevious = _model.TargetGradientH ? Frame.Span(_forward.DH, 0, Steps) : default;
                _xi.Backward(Frame, _channel.HPrevious(Frame), Frame.Scalars.Beta, Frame.Whole(_channel.DZ), dHPrevious, _channel.SkipMask(Frame),
                    accumulateTarget: true);
                Device.Fork(_xiGradients);
            }

            Frame.Enter(TrainingPhase.B4);
            var db = _model.TargetGradientB ? _channel.DB(Frame) : default;
            _psi.DensityBackward(Frame, _channel.B(Frame), Frame.Scalars.Alpha, Frame.Whole(_dPsiMoments), db);

            Frame.Enter(TrainingPhase.B5);
            ReverseLoop();

            Frame.Enter(TrainingPhase.B6);
            Device.Fork(_recurrentGradients);

            Frame.Enter(TrainingPhase.B7);
            _channel.FutureBackward(Frame, _inputs);
        }

        // B6.
        void RecurrentGradients()
        {
            var (inputs, dGates) = (_forward.ReadInput(Frame, _inputs.First(Steps)), Frame.Whole(_forward.Gates));
            Device.WeightGradients(
                [new(inputs, _forward.DInputWeight), new(_channel.HPrevious(Frame), _forward.DRecurrent), new(Z, _dWeightZ), new(BTilde, _dWeightBTilde)],
                dGates, _forward.DBias);
            _psi.Net.OutputGradients(Frame.Whole(_psi.Net.Hidden), Frame.Whole(_psi.Net.Output));
            _psi.Net.HiddenGradients([_psi.Net.InputGradient(0, Z)], Frame.Whole(_dPsiHidden));
            _channel.Gradients(Frame);
        }

        void GeneratorBackward()
        {
            _generator.StateBackward(Frame, _forward, _penalties);
            Device.Fork(_generatorGradients);
            var dz = Frame.Whole(_channel.DZ);
            if (Concatenates)
            {
                _generator.InputBackward(Frame, 1, dz, Steps);
                _generator.InputBackward(Frame, 2, Frame.Whole(_dBTilde), Steps);
            }
            else
            {
                Device.Zero(dz);
            }
        }

        void GeneratorGradients()
        {
            var h = _generator.InputGradient(0, _forward.ReadOutput(Frame));
            if (Concatenates)
                _generator.Gradients(Frame, [h, _generator.InputGradient(1, Z), _generator.InputGradient(2, BTilde)]);
            else
                _generator.Gradients(Frame, [h]);
        }

        // B5: five products a time step.
        void ReverseLoop()
        {
            var (h, z) = (_model.LstmUnits, _model.LatentUnits);
            var dhRecurrent = _recurrentProduct.ColumnRange(0, h);
            var dz = _recurrentProduct.ColumnRange(h, z);
            Device.Zero(_forward.DC);
            Device.Zero(dhRecurrent);
            _forward.CellBackward(Frame, Steps - 1, dhRecurrent);
            if (Device.TryLoopBackward(_loop))
                return;
            for (var t = Steps - 1; t >= 0; t--)
            {
                var (psiOutput, dPsiHidden) = (Frame.At(_psi.Net.Output, t), Frame.At(_dPsiHidden, t));
                Device.MultiplyTransposedSampleGaussian(Frame.At(_forward.Gates, t), _recurrentStack, _recurrentProduct, accumulate: false,
                    Frame.At(_dBTilde, t), Frame.At(EpsilonB, t), Frame.At(_dPsiMoments, t), psiOutput, _reconstructionHead);
                _psi.Net.HiddenBackward(psiOutput, Frame.At(_psi.Net.Hidden, t), dPsiHidden);
                _channel.StepBackward(Frame, t, dPsiHidden, _psi.Net.Input(0), dz, accumulate: true, dhRecurrent);
            }
        }

        public override IEnumerable<StepTensor> NoiseTensors =>
        [
            .. _channel.NoiseTensors(Frame),
            Frame.Predicted("eps_b", EpsilonB, TrainingPhase.F2Noise),
            .. _forward.NoiseTensors(Frame),
        ];

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            .. _backward.FutureTensors(Frame),
            .. _channel.LoopTensors(Frame),
            Frame.Predicted("psi.hidden", _psi.Net.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("psi.output", _psi.Net.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
            Frame.Predicted("b_tilde", _bTilde, TrainingPhase.F3, StepOrder.Ascending),
            .. _forward.PastTensors(Frame, isLoop: true),
            .. _channel.PriorTensors(Frame),
            Frame.Predicted("xi.hidden", _xi?.Net.Hidden ?? default, TrainingPhase.F4, kink: Kink.LeakyRelu),
            Frame.Predicted("xi.output", _xi?.Net.Output ?? default, TrainingPhase.F4, kink: Kink.LogVariance),
            .. _generator.ForwardTensors(Frame),
            Frame.Predicted("log_p_psi", _psi.LogDensity, TrainingPhase.F4),
            Frame.Predicted("log_p_xi", _xi?.LogDensity ?? default, TrainingPhase.F4),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Predicted("grad.xi.output", _xi?.Net.Output ?? default, TrainingPhase.B3),
            Frame.Tokens("grad.h.direct", _forward.DH, TrainingPhase.B3),
            Frame.Predicted("grad.psi.moments", _dPsiMoments, TrainingPhase.B4),
            Frame.Predicted("grad.b_tilde.direct", _dBTilde, TrainingPhase.B4),
            Frame.Predicted("grad.gates", _forward.Gates, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.psi.output", _psi.Net.Output, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.psi.hidden", _dPsiHidden, TrainingPhase.B5, StepOrder.Descending),
            .. _channel.GradientTensors(Frame),
            .. _backward.FutureGradients(Frame),
            .. _inputs.GradientTensors(Frame),
        ];

        public override IEnumerable<StepTensor> InitialStateGradients =>
            [new("grad.h0.recurrent", _recurrentProduct.ColumnRange(0, _model.LstmUnits), TrainingPhase.B5), new("grad.c0", _forward.DC, TrainingPhase.B5)];

        public override IEnumerable<(string Name, Tensor Values)> Watched =>
        [
            ("input frames", _inputs.First(Steps + 1)),
            ("backward LSTM state", Frame.Span(_backward.H, 0, Steps + 1)),
            ("latent z", Z),
            ("b_tilde", BTilde),
            ("forward LSTM state", Frame.Span(_forward.H, 0, Steps + 1)),
            ("log p_psi per step", Frame.Whole(_psi.LogDensity)),
            _channel.WatchedKl(Frame),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }

    sealed class Generative : GenerativeStep
    {
        readonly GaussianHead _reconstructionHead;
        readonly LstmStep _lstm;
        readonly LatentStep _latent;
        readonly NetPass _psi;
        readonly GeneratorStep _generator;
        readonly Weight _latentStack;
        readonly bool _concatenates;
        readonly Tensor _epsilonB, _latentInput, _bTilde;

        public Generative(VariationalBiLstm model, Workspace workspace, GenerativeFrame frame) : base(frame)
        {
            var configuration = model.Configuration;
            var (b, h, z) = (frame.Rows, configuration.LstmUnits, configuration.LatentUnits);
            _reconstructionHead = workspace.Functions.Reconstruction;
            _lstm = new LstmStep(workspace, model.Configuration, model._forwardLstm, b);
            _latentInput = workspace.Take(b, z + h, Readers.All);
            _latent = new LatentStep(workspace, frame, model._prior, _latentInput.ColumnRange(0, z));
            _bTilde = _latentInput.ColumnRange(z, h);
            _psi = new NetPass(workspace, model._psi, b);
            _generator = new GeneratorStep(workspace, model._generator, b);
            _latentStack = workspace.Operand(model._latentStack, WeightUse.Forward);
            _concatenates = configuration.GeneratorInput == GeneratorInput.HZBTilde;
            _epsilonB = workspace.TakeIf(frame.IsSampled && configuration.BTilde == BTildeMode.Sample, b, h);
        }

        public override Tensor Output => _generator.Output;

        public override Tensor[] States => [_lstm.H, _lstm.C];

        public override Tensor Latents => _latent.Z;

        public override bool DrawsNoise => true;

        public override void Reset() => _lstm.Reset();

        public override void Run()
        {
            _lstm.Begin(Frame.X);
            _latent.RunChannel(_lstm.H, Frame.X);
            _psi.HiddenForwardThin(_latent.Z, _psi.Hidden);
            if (!_epsilonB.IsEmpty)
                Device.FillNormal(_epsilonB, Frame.Noise(NoiseStream.GenerationBTildeNoise));
            _psi.SampleForward(_psi.Hidden, _psi.Output, _epsilonB, _bTilde, _reconstructionHead);
            Device.Multiply(_latentInput, _latentStack, default, _lstm.Gates, accumulate: true);
            _lstm.End();
            if (_concatenates)
                _generator.Run(_lstm.H, _latent.Z, _bTilde);
            else
                _generator.Run(_lstm.H);
        }
    }
}
