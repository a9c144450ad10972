using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>twin-net</c> (Serdyuk et al. 2018; model.md section 16): a forward and a backward LSTM, each with a generator of its own for the same targets, and the
/// distance of an affine map of h_t from b_t = β_{t+1}, the state that predicts the same symbol. Only the forward path is scored and generates.
/// </summary>
sealed class TwinNet : SequenceModel
{
    readonly Parameter? _embedding;
    readonly Lstm _backwardLstm, _forwardLstm;
    readonly Net _generator, _backwardGenerator;
    readonly Parameter _twinWeight, _twinBias;

    public TwinNet(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        var (e, h, m) = (model.InputSize, model.LstmUnits, model.MlpUnits);
        _embedding = AddEmbedding(model, layout);
        _backwardLstm = new Lstm(layout, "backward_lstm", e, h, TrainingPhase.B7);
        _forwardLstm = new Lstm(layout, "forward_lstm", e, h, TrainingPhase.B5);
        _generator = new Net(layout, "generator", [layout.Add("generator.hidden.weight", h, m, TrainingPhase.B1).View], Output.Width, TrainingPhase.B1);
        var backwardHidden = layout.Add("backward_generator.hidden.weight", h, m, TrainingPhase.B1);
        _backwardGenerator = new Net(layout, "backward_generator", [backwardHidden.View], Output.Width, TrainingPhase.B1);
        _twinWeight = layout.Add("twin.weight", h, h, TrainingPhase.B2);
        _twinBias = layout.AddBias("twin.bias", h, TrainingPhase.B2);
    }

    // The backward generator's own likelihood trains the rest of the backward path.
    private protected override IReadOnlyList<string> UntrainedParts => Configuration.TwinWeight > 0 ? [] : ["twin"];

    private protected override IReadOnlyList<string> InferenceParts => ["backward_lstm", "backward_generator", "twin"];

    public override long ForwardMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.MultiplyAdds
        + _generator.MultiplyAdds + _backwardGenerator.MultiplyAdds + (long)_twinWeight.Rows * _twinWeight.Columns;

    public override long ScoreMultiplyAdds => _forwardLstm.MultiplyAdds + _generator.MultiplyAdds;

    public override long GenerativeMultiplyAdds => ScoreMultiplyAdds;

    private protected override long InputMultiplyAdds => _backwardLstm.InputMultiplyAdds + _forwardLstm.InputMultiplyAdds;

    internal override int LoopSteps(TrainingPhase phase, int timeSteps)
        => phase is TrainingPhase.F1BackwardLstm or TrainingPhase.B7 ? timeSteps + 1 : base.LoopSteps(phase, timeSteps);

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections)
        => [new(_backwardLstm.Inputs, maximumSteps + 1), new(_forwardLstm.Inputs, maximumSteps)];

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame)
        => new LstmGenerativeStep(workspace, frame, this, _forwardLstm, _generator);

    sealed class Pass : ModelPass
    {
        readonly InputPass _inputs;
        readonly LstmPass _backward, _forward;
        readonly GeneratorPass _generator, _backwardGenerator;
        readonly StatePenalties _penalties;
        readonly Weight _twin;
        readonly Tensor _twinBias, _dTwinWeight, _dTwinBias;
        readonly Tensor _twinState, _distance;
        readonly Action _twinForward, _generatorGradients, _backwardGeneratorGradients, _twinGradients;

        public Pass(TwinNet model, Workspace workspace, StepFrame frame, in StepSizes sizes) : base(frame)
        {
            var configuration = model.Configuration;
            var both = WeightUse.Forward | WeightUse.Transposed;
            _inputs = new InputPass(workspace, frame, model._embedding, sizes);
            _backward = new LstmPass(workspace, model._backwardLstm, sizes, sizes.MaximumSteps + 1, both);
            _backward.MakeSequence(LstmDirection.Backward, _inputs.Embedded, _inputs.DEmbedded, frame.Validity, addsToDInput: true);
            var weightNoise = new WeightNoise(workspace, configuration, model.Layout);
            _forward = new LstmPass(workspace, model._forwardLstm, sizes, sizes.MaximumSteps, both,
                new LstmRegularisation(workspace, configuration, model._forwardLstm, sizes), weightNoise);
            _forward.MakeSequence(LstmDirection.Forward, _inputs.Embedded, _inputs.DEmbedded);
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _backwardGenerator = new GeneratorPass(workspace, model._backwardGenerator, model.Output, _inputs, sizes, "backward_");
            _penalties = new StatePenalties(workspace, configuration, sizes);
            _twin = workspace.Operand(model._twinWeight);
            _twinBias = workspace.Value(model._twinBias);
            (_dTwinWeight, _dTwinBias) = (workspace.Gradient(model._twinWeight), workspace.Gradient(model._twinBias));
            _twinState = workspace.Take(sizes.Rows, configuration.LstmUnits, Readers.All);
            _distance = workspace.Take(sizes.Rows, 1);
            States = [new("h", _forward.H), new("c", _forward.C)];
            _twinForward = TwinForward;
            _generatorGradients = () => _generator.Gradients(Frame, [_generator.InputGradient(0, _forward.ReadOutput(Frame))]);
            _backwardGeneratorGradients = () => _backwardGenerator.Gradients(Frame, [_backwardGenerator.InputGradient(0, B)]);
            _twinGradients = () => Device.WeightGradients([new(H, _dTwinWeight)], Frame.Whole(_twinState), _dTwinBias);
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        // h_1..h_T.
        Tensor H => Frame.Span(_forward.H, 1, Steps);

        Tensor B => _backward.AfterTargets(Frame);

        public override void DrawNoise(NoisePurpose purpose) => _forward.DrawNoise(Frame, purpose);

        public override void ZeroNoise() => DrawNoise(NoisePurpose.Evaluation);

        public override void Forward(bool scoresOnly)
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            if (!scoresOnly)
                _backward.FutureForward(Frame, _inputs);
            Frame.Enter(TrainingPhase.F2);
            _inputs.Project(_forward, Steps);
            Frame.Enter(TrainingPhase.F3);
            _forward.SequenceForward(Frame, Steps, _inputs.First(Steps));
            Frame.Enter(TrainingPhase.F4);
            if (!scoresOnly)
                Device.Fork(_twinForward);
            _generator.Forward(Frame, _forward.MaskOutput(Frame));
            if (scoresOnly)
                return;
            _penalties.Forward(Frame, _forward);
            Device.JoinBranches();
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            _penalties.Sum(Frame);
            Frame.Sum(_backwardGenerator.Nll, ObjectiveTerm.BackwardNll);
            Frame.Sum(_distance, ObjectiveTerm.TwinDistance);
        }

        void TwinForward()
        {
            _backwardGenerator.Forward(Frame, B);
            Device.Multiply(H, _twin, _twinBias, Frame.Whole(_twinState), accumulate: false);
            Device.DistanceForward(Frame.Whole(_twinState), B, Frame.Whole(_distance));
        }

        public override void Backward()
        {
            Frame.Enter(TrainingPhase.B1);
            _generator.StateBackward(Frame, _forward, _penalties);
            Device.Fork(_generatorGradients);
            _backwardGenerator.OutputBackward(Frame);
            Device.Fork(_backwardGeneratorGradients);
            _backward.AfterTargetsBackward(Frame, _backwardGenerator, 0, accumulate: false);

            // The distance sends nothing into b: the backward LSTM learns from its own likelihood alone.
            Frame.Enter(TrainingPhase.B2);
            var dTwin = Frame.Whole(_twinState);
            Device.DistanceBackward(dTwin, B, Frame.LossWeights, Frame.Scalars.TwinWeight, dTwin);
            Device.Fork(_twinGradients);
            Device.MultiplyTransposed(dTwin, _twin, Frame.Span(_forward.DH, 1, Steps), accumulate: true);

            Frame.Enter(TrainingPhase.B5);
            _forward.SequenceBackward(Frame);
            Frame.Enter(TrainingPhase.B7);

            // The forward LSTM never reads the last token.
            if (!_inputs.DEmbedded.IsEmpty)
                Device.Zero(Frame.At(_inputs.DEmbedded, Steps));
            _backward.SequenceBackward(Frame);
            _inputs.Backward(Steps, _forward, _backward);
        }

        public override IEnumerable<StepTensor> NoiseTensors => _forward.NoiseTensors(Frame);

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            .. _backward.FutureTensors(Frame),
            .. _forward.PastTensors(Frame, isLoop: false),
            .. _generator.ForwardTensors(Frame),
            .. _backwardGenerator.ForwardTensors(Frame),
            Frame.Predicted("twin.state", _twinState, TrainingPhase.F4),
            Frame.Predicted("twin_distance", _distance, TrainingPhase.F4),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Predicted("grad.twin.state", _twinState, TrainingPhase.B2),
            Frame.Tokens("grad.h.direct", _forward.DH, TrainingPhase.B3),
            Frame.Predicted("grad.gates", Frame.Inside(_forward.Gates), TrainingPhase.B5, StepOrder.Descending),
            .. _backward.FutureGradients(Frame),
            .. _inputs.GradientTensors(Frame),
        ];

        public override IEnumerable<StepTensor> InitialStateGradients =>
            [new("grad.h0.recurrent", _forward.DHRecurrent, TrainingPhase.B5), new("grad.c0", _forward.DC, TrainingPhase.B5)];

        public override IEnumerable<(string Name, Tensor Values)> Watched =>
        [
            ("input frames", _inputs.First(Steps + 1)),
            ("backward LSTM state", Frame.Span(_backward.H, 0, Steps + 1)),
            ("forward LSTM state", Frame.Span(_forward.H, 0, Steps + 1)),
            ("twin distance per step", Frame.Whole(_distance)),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }
}
