using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>z-forcing</c> (Goyal et al. 2017; model.md section 11): z_t feeds the forward LSTM, b̃ does not exist, and log p_ψ(b_t | z_t) is an auxiliary cost
/// over all time steps. With <c>backward_prediction</c> the backward LSTM has a generator of its own for the same targets.
/// </summary>
sealed class ZForcing : SequenceModel
{
    readonly Parameter? _embedding;
    readonly Lstm _backwardLstm, _forwardLstm;
    readonly Parameter _weightZ;
    readonly Net _posterior, _psi, _generator;
    readonly Net? _prior, _backwardGenerator;
    readonly ParameterView _hiddenStack, _recurrentStack;

    // The weights of the recurrence share one matrix, so that products with a common input are one product (F3 and B5):
    //          M columns   4H columns
    // h rows   Q_1h        U_f
    // z rows   S_1         W_z
    public ZForcing(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        _embedding = AddEmbedding(model, layout);
        _backwardLstm = new Lstm(layout, "backward_lstm", e, h, TrainingPhase.B7);
        var inputWeight = Lstm.AddInputWeight(layout, "forward_lstm", e, h, TrainingPhase.B6);
        var bias = Lstm.AddBias(layout, "forward_lstm", h, TrainingPhase.B6);
        var stack = layout.AddStack(h + z, m + 4 * h);
        var posteriorH = layout.AddTo(stack, Net.InputName("posterior", "h"), 0, 0, h, m, TrainingPhase.B6);
        var recurrent = Lstm.AddRecurrentWeightTo(stack, layout, "forward_lstm", m, h, TrainingPhase.B6);
        var psiZ = layout.AddTo(stack, Net.InputName("psi", "z"), h, 0, z, m, TrainingPhase.B4);
        _weightZ = layout.AddTo(stack, "forward_lstm.weight_z", h, m, z, 4 * h, TrainingPhase.B6);
        var posteriorB = layout.Add(Net.InputName("posterior", "b"), h, m, TrainingPhase.B6);
        _hiddenStack = stack.RowRange(0, h);
        _recurrentStack = stack.ColumnRange(m, 4 * h);
        _forwardLstm = new Lstm(inputWeight, recurrent, bias);
        _posterior = new Net(layout, "posterior", [posteriorH.View, posteriorB.View], 2 * z, TrainingPhase.B6);
        _prior = ChannelPass.AddPrior(model, layout);
        _psi = new Net(layout, "psi", [psiZ.View], 2 * h, TrainingPhase.B4);
        var hidden = layout.Add("generator.hidden.weight", h, m, TrainingPhase.B1);
        _generator = new Net(layout, "generator", [hidden.View], Output.Width, TrainingPhase.B1);
        if (!model.BackwardPrediction)
            return;
        var backwardHidden = layout.Add("backward_generator.hidden.weight", h, m, TrainingPhase.B1);
        _backwardGenerator = new Net(layout, "backward_generator", [backwardHidden.View], Output.Width, TrainingPhase.B1);
    }

    public override bool HasLatent => true;

    private protected override IReadOnlyList<string> UntrainedParts => Configuration.Alpha > 0 ? [] : ["psi"];

    private protected override long UntrainedValues => LearnsReconstructionVariance || Configuration.Alpha == 0 ? 0 : ReconstructionVarianceValues;

    private protected override IReadOnlyList<string> InferenceParts => ["backward_lstm", "posterior", "psi", "backward_generator"];

    public override long ForwardMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.MultiplyAdds + 4L * Configuration.LstmUnits * _weightZ.Rows
        + _posterior.MultiplyAdds + (_prior?.MultiplyAdds ?? 0) + _psi.MultiplyAdds + _generator.MultiplyAdds
        + (_backwardGenerator?.MultiplyAdds ?? 0);

    public override long ScoreMultiplyAdds => ForwardMultiplyAdds - _psi.MultiplyAdds - (_backwardGenerator?.MultiplyAdds ?? 0);

    public override long SharedMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.InputMultiplyAdds + _posterior.InputMultiplyAdds(1)
        + ChannelPass.PriorInputMultiplyAdds(Configuration, _prior);

    public override long GenerativeMultiplyAdds => ScoreMultiplyAdds - _backwardLstm.MultiplyAdds - _posterior.MultiplyAdds;

    private protected override long InputMultiplyAdds => _backwardLstm.InputMultiplyAdds + _forwardLstm.InputMultiplyAdds
        + ChannelPass.PriorInputMultiplyAdds(Configuration, _prior);

    internal override int LoopSteps(TrainingPhase phase, int timeSteps)
        => phase is TrainingPhase.F1BackwardLstm or TrainingPhase.B7 ? timeSteps + 1 : base.LoopSteps(phase, timeSteps);

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections) => [new(_backwardLstm.Inputs, maximumSteps + 1)];

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame) => new Generative(this, workspace, frame);

    sealed class Pass : ModelPass
    {
        readonly ModelConfiguration _model;
        readonly InputPass _inputs;
        readonly LstmPass _backward, _forward;
        readonly ChannelPass _channel;
        readonly ReconstructionPass? _psi;
        readonly GeneratorPass _generator;
        readonly GeneratorPass? _backwardGenerator;
        readonly StatePenalties _penalties;
        readonly Weight _forwardZ, _recurrentStack;
        readonly Tensor _dWeightZ;
        readonly Tensor _z, _recurrentProduct;
        readonly Action _projectInputs, _kl, _densities, _generatorGradients, _backwardGeneratorGradients, _priorGradients, _psiGradients, _recurrentGradients;

        public Pass(ZForcing model, Workspace workspace, StepFrame frame, in StepSizes stepSizes) : base(frame)
        {
            _model = model.Configuration;
            var sizes = ChannelPass.Sizes(_model, stepSizes);
            var (rows, b, h, z) = (sizes.Rows, sizes.BatchSize, _model.LstmUnits, _model.LatentUnits);
            _inputs = new InputPass(workspace, frame, model._embedding, sizes);
            _backward = new LstmPass(workspace, model._backwardLstm, sizes.PerSequence, sizes.MaximumSteps + 1, WeightUse.Forward | WeightUse.Transposed);
            _backward.MakeSequence(LstmDirection.Backward, _inputs.Embedded, _inputs.DEmbedded, frame.Validity, addsToDInput: false);
            var weightNoise = new WeightNoise(workspace, _model, model.Layout);
            _forward = new LstmPass(workspace, model._forwardLstm, sizes, sizes.MaximumSteps, recurrentUse: 0,
                new LstmRegularisation(workspace, _model, model._forwardLstm, sizes), weightNoise);
            _z = workspace.Take(rows, z, workspace.ProductsInTraining);
            var hiddenStack = weightNoise.Operand(model._hiddenStack, WeightUse.Forward);
            _channel = new ChannelPass(workspace, _model, sizes, model._posterior, model._prior, hiddenStack, _forward, _backward, _z);
            _psi = workspace.Training ? new ReconstructionPass(workspace, model._psi, sizes) : null;
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            if (workspace.Training && model._backwardGenerator is { } backwardGenerator)
                _backwardGenerator = new GeneratorPass(workspace, backwardGenerator, model.Output, _inputs, sizes, "backward_");
            _penalties = new StatePenalties(workspace, _model, sizes);
            States = [new("h", _forward.H), new("c", _forward.C)];
            _forwardZ = weightNoise.Operand(model._weightZ.View, WeightUse.Forward);
            _recurrentStack = weightNoise.Operand(model._recurrentStack, WeightUse.Transposed);
            _dWeightZ = workspace.Gradient(model._weightZ);
            _recurrentProduct = workspace.TakeForTraining(b, h + z);
            (_projectInputs, _kl, _densities) = (() => _channel.ProjectInputs(Frame, _inputs), () => _channel.KlForward(Frame, _inputs), DensitiesForward);
            _generatorGradients = () => _generator.Gradients(Frame, [_generator.InputGradient(0, _forward.ReadOutput(Frame))]);
            _backwardGeneratorGradients = () => _backwardGenerator!.Gradients(Frame, [_backwardGenerator.InputGradient(0, _backward.AfterTargets(Frame))]);
            (_priorGradients, _psiGradients) = (() => _channel.PriorGradients(Frame, _inputs), () => _psi!.Gradients(Frame, Z));
            _recurrentGradients = RecurrentGradients;
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        public override LatentTensors Latents => _channel.Latents;

        Tensor Z => Frame.Whole(_z);

        public override void DrawNoise(NoisePurpose purpose)
        {
            Frame.Enter(TrainingPhase.F2Noise);
            _channel.DrawNoise(Frame, purpose);
            _forward.DrawNoise(Frame, purpose);
        }

        public override void ZeroNoise()
        {
            _channel.ZeroNoise(Frame);
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
            _generator.Forward(Frame, _forward.MaskOutput(Frame));
            if (!scoresOnly)
                _penalties.Forward(Frame, _forward);
            Device.JoinBranches();
            if (scoresOnly)
                return;
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            _channel.Sum(Frame);
            Frame.Sum(_psi!.LogDensity, ObjectiveTerm.LogPPsi);
            if (_backwardGenerator is not null)
                Frame.Sum(_backwardGenerator.Nll, ObjectiveTerm.BackwardNll);
            _penalties.Sum(Frame);
        }

        void DensitiesForward()
        {
            _channel.KlForward(Frame, _inputs);
            _psi!.Forward(Frame, Z, _channel.B(Frame));
            _backwardGenerator?.Forward(Frame, _backward.AfterTargets(Frame));
        }

        // F3: three products a time step.
        void ForwardLoop()
        {
            for (var t = 0; t < Steps; t++)
            {
                var aHat = _channel.StepForward(Frame, t);
                _forward.CellForward(Frame, t, Frame.At(_z, t), _forwardZ, aHat);
            }
        }

        public override void Backward()
        {
            var dz = Frame.Whole(_channel.DZ);
            Frame.Enter(TrainingPhase.B1);
            _generator.StateBackward(Frame, _forward, _penalties);
            Device.Fork(_generatorGradients);
            if (_backwardGenerator is not null)
            {
                _backwardGenerator.OutputBackward(Frame);
                Device.Fork(_backwardGeneratorGradients);
            }

            Device.Zero(dz);

            Frame.Enter(TrainingPhase.B2);
            _channel.KlBackward(Frame);
            Device.Fork(_priorGradients);

            Frame.Enter(TrainingPhase.B4);
            var dTarget = _model.TargetGradientB ? _channel.DB(Frame) : default;
            _psi!.Backward(Frame, _channel.B(Frame), Frame.Scalars.Alpha, dz, dTarget, targetMask: default, accumulateTarget: false);
            Device.Fork(_psiGradients);

            Frame.Enter(TrainingPhase.B5);
            ReverseLoop();

            Frame.Enter(TrainingPhase.B6);
            Device.Fork(_recurrentGradients);

            Frame.Enter(TrainingPhase.B7);
            _channel.FutureBackward(Frame, _inputs, _backwardGenerator);
        }

        // B6.
        void RecurrentGradients()
        {
            var (inputs, dGates) = (_forward.ReadInput(Frame, _inputs.First(Steps)), Frame.Whole(_forward.Gates));
            Device.WeightGradients(
                [new(inputs, _forward.DInputWeight), new(_channel.HPrevious(Frame), _forward.DRecurrent), new(Z, _dWeightZ)], dGates, _forward.DBias);
            _channel.Gradients(Frame);
        }

        // B5: three products a time step.
        void ReverseLoop()
        {
            var dhRecurrent = _recurrentProduct.ColumnRange(0, _model.LstmUnits);
            Device.Zero(_forward.DC);
            Device.Zero(dhRecurrent);
            _forward.CellBackward(Frame, Steps - 1, dhRecurrent);
            for (var t = Steps - 1; t >= 0; t--)
                _channel.StepBackward(Frame, t, Frame.At(_forward.Gates, t), _recurrentStack, _recurrentProduct, accumulate: false, dhRecurrent);
        }

        public override IEnumerable<StepTensor> NoiseTensors => [.. _channel.NoiseTensors(Frame), .. _forward.NoiseTensors(Frame)];

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            .. _backward.FutureTensors(Frame),
            .. _channel.LoopTensors(Frame),
            .. _forward.PastTensors(Frame, isLoop: true),
            .. _channel.PriorTensors(Frame),
            Frame.Predicted("psi.hidden", _psi?.Net.Hidden ?? default, TrainingPhase.F4, kink: Kink.LeakyRelu),
            Frame.Predicted("psi.output", _psi?.Net.Output ?? default, TrainingPhase.F4, kink: Kink.LogVariance),
            .. _generator.ForwardTensors(Frame),
            .. _backwardGenerator?.ForwardTensors(Frame) ?? [],
            Frame.Predicted("log_p_psi", _psi?.LogDensity ?? default, TrainingPhase.F4),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Tokens("grad.h.direct", _forward.DH, TrainingPhase.B3),
            Frame.Predicted("grad.psi.output", _psi?.Net.Output ?? default, TrainingPhase.B4),
            Frame.Predicted("grad.gates", _forward.Gates, TrainingPhase.B5, StepOrder.Descending),
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
            ("forward LSTM state", Frame.Span(_forward.H, 0, Steps + 1)),
            ("log p_psi per step", Frame.Whole(_psi?.LogDensity ?? default)),
            _channel.WatchedKl(Frame),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }

    sealed class Generative : GenerativeStep
    {
        readonly LstmStep _lstm;
        readonly LatentStep _latent;
        readonly GeneratorStep _generator;
        readonly Weight _forwardZ;

        public Generative(ZForcing model, Workspace workspace, GenerativeFrame frame) : base(frame)
        {
            var b = frame.Rows;
            _lstm = new LstmStep(workspace, model.Configuration, model._forwardLstm, b);
            _latent = new LatentStep(workspace, frame, model._prior, workspace.Take(b, model.Configuration.LatentUnits, Readers.All));
            _generator = new GeneratorStep(workspace, model._generator, b);
            _forwardZ = workspace.Operand(model._weightZ, WeightUse.Forward);
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
            Device.Multiply(_latent.Z, _forwardZ, default, _lstm.Gates, accumulate: true);
            _lstm.End();
            _generator.Run(_lstm.H);
        }
    }
}
