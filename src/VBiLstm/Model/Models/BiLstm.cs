using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>bilstm</c>: a forward and a backward LSTM without a channel; the generator reads [h_t; β_{t+1}], everything before the target and everything after it
/// (model.md section 11). Its score is no sequence likelihood, and it cannot generate.
/// </summary>
sealed class BiLstm : SequenceModel
{
    readonly Parameter? _embedding;
    readonly Lstm _backwardLstm, _forwardLstm;
    readonly Net _generator;

    public BiLstm(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        var (e, h, m) = (model.InputSize, model.LstmUnits, model.MlpUnits);
        _embedding = AddEmbedding(model, layout);
        _backwardLstm = new Lstm(layout, "backward_lstm", e, h, TrainingPhase.B7);
        var inputWeight = Lstm.AddInputWeight(layout, "forward_lstm", e, h, TrainingPhase.B5);
        var bias = Lstm.AddBias(layout, "forward_lstm", h, TrainingPhase.B5);
        var recurrent = Lstm.AddRecurrentWeight(layout, "forward_lstm", h, TrainingPhase.B5);
        _forwardLstm = new Lstm(inputWeight, recurrent, bias);
        var hidden = layout.Add("generator.hidden.weight", h + h, m, TrainingPhase.B1).View;
        _generator = new Net(layout, "generator", [hidden.RowRange(0, h), hidden.RowRange(h, h)], Output.Width, TrainingPhase.B1);
    }

    public override bool ReadsFuture => true;

    public override long ForwardMultiplyAdds => _backwardLstm.MultiplyAdds + _forwardLstm.MultiplyAdds + _generator.MultiplyAdds;

    public override long GenerativeMultiplyAdds => 0;

    private protected override long InputMultiplyAdds => _backwardLstm.InputMultiplyAdds + _forwardLstm.InputMultiplyAdds;

    internal override int LoopSteps(TrainingPhase phase, int timeSteps)
        => phase is TrainingPhase.F1BackwardLstm or TrainingPhase.B7 ? timeSteps + 1 : base.LoopSteps(phase, timeSteps);

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections) => joinsDirections && ReadsOneInput
        ? [new(_backwardLstm.Inputs, maximumSteps + 1, Directions: 2)]
        : [new(_backwardLstm.Inputs, maximumSteps + 1), new(_forwardLstm.Inputs, maximumSteps)];

    // Input dropout gives the forward LSTM inputs of its own; zoneout and recurrent dropout change its cell.
    bool ReadsOneInput => Configuration is { InputDropout: 0, RecurrentDropout: 0, ZoneoutCell: 0, ZoneoutHidden: 0 };

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame) => throw new ConfigurationException(
        "model.kind is bilstm, whose generator reads the future of each step: it has no prior mode and draws no samples. "
        + "Train lstm, z-forcing or variational-bilstm for that.");

    sealed class Pass : ModelPass
    {
        readonly InputPass _inputs;
        readonly LstmPass _backward, _forward;
        readonly BidirectionalLstm? _both;
        readonly GeneratorPass _generator;
        readonly StatePenalties _penalties;
        readonly Action _generatorGradients;

        public Pass(BiLstm model, Workspace workspace, StepFrame frame, in StepSizes sizes) : base(frame)
        {
            var both = WeightUse.Forward | WeightUse.Transposed;
            _inputs = new InputPass(workspace, frame, model._embedding, sizes);
            _backward = new LstmPass(workspace, model._backwardLstm, sizes, sizes.MaximumSteps + 1, both);
            var weightNoise = new WeightNoise(workspace, model.Configuration, model.Layout);
            _forward = new LstmPass(workspace, model._forwardLstm, sizes, sizes.MaximumSteps, both,
                new LstmRegularisation(workspace, model.Configuration, model._forwardLstm, sizes), weightNoise);
            if (sizes.JoinsDirections && model.ReadsOneInput)
            {
                _both = LstmPass.MakeBidirectional(_forward, _backward, _inputs.Embedded, _inputs.DEmbedded);
            }
            else
            {
                _backward.MakeSequence(LstmDirection.Backward, _inputs.Embedded, _inputs.DEmbedded, frame.Validity, addsToDInput: true);
                _forward.MakeSequence(LstmDirection.Forward, _inputs.Embedded, _inputs.DEmbedded);
            }

            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _penalties = new StatePenalties(workspace, model.Configuration, sizes);
            States = [new("h", _forward.H), new("c", _forward.C)];
            _generatorGradients = () => _generator.Gradients(Frame,
                [_generator.InputGradient(0, _forward.ReadOutput(Frame)), _generator.InputGradient(1, _backward.AfterTargets(Frame))]);
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        // h_1..h_T.
        Tensor H => Frame.Span(_forward.H, 1, Steps);

        public override void DrawNoise(NoisePurpose purpose)
        {
            _forward.DrawNoise(Frame, purpose);
        }

        public override void ZeroNoise() => DrawNoise(NoisePurpose.Evaluation);

        public override void Forward(bool scoresOnly)
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            if (_both is not null)
            {
                Frame.Enter(TrainingPhase.F1BackwardLstm);
                (_both.Forward.Steps, _both.Backward.Steps) = (Steps, Steps + 1);
                _backward.ZeroSlot(Steps + 1);
                Device.BidirectionalForward(_both);
            }
            else
            {
                _backward.FutureForward(Frame, _inputs);
                Frame.Enter(TrainingPhase.F2);
                _inputs.Project(_forward, Steps);
                Frame.Enter(TrainingPhase.F3);
                _forward.SequenceForward(Frame, Steps, _inputs.First(Steps));
            }

            Frame.Enter(TrainingPhase.F4);
            _generator.Forward(Frame, _forward.MaskOutput(Frame), _backward.AfterTargets(Frame));
            if (scoresOnly)
                return;
            _penalties.Forward(Frame, _forward);
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            _penalties.Sum(Frame);
        }

        public override void Backward()
        {
            Frame.Enter(TrainingPhase.B1);
            _generator.StateBackward(Frame, _forward, _penalties);
            Device.Fork(_generatorGradients);
            _backward.AfterTargetsBackward(Frame, _generator, 1, accumulate: false);
            Frame.Enter(TrainingPhase.B5);
            if (_both is not null)
            {
                Device.BidirectionalBackward(_both);
                Frame.Enter(TrainingPhase.B7);
            }
            else
            {
                _forward.SequenceBackward(Frame);
                Frame.Enter(TrainingPhase.B7);

                // The forward LSTM never reads the last token.
                if (!_inputs.DEmbedded.IsEmpty)
                    Device.Zero(Frame.At(_inputs.DEmbedded, Steps));
                _backward.SequenceBackward(Frame);
            }

            _inputs.Backward(Steps, _forward, _backward);
        }

        public override IEnumerable<StepTensor> NoiseTensors => _forward.NoiseTensors(Frame);

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            .. _backward.FutureTensors(Frame),
            .. _forward.PastTensors(Frame, isLoop: false),
            .. _generator.ForwardTensors(Frame),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
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
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }
}
