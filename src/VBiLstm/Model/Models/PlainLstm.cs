using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>lstm</c>: a forward LSTM and the generator on h_t (model.md section 11, the paper's unregularised LSTM). Its score is the likelihood itself.
/// </summary>
sealed class PlainLstm : SequenceModel
{
    readonly Parameter? _embedding;
    readonly Lstm _lstm;
    readonly Net _generator;

    public PlainLstm(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        _embedding = AddEmbedding(model, layout);
        var inputWeight = Lstm.AddInputWeight(layout, "forward_lstm", model.InputSize, model.LstmUnits, TrainingPhase.B5);
        var bias = Lstm.AddBias(layout, "forward_lstm", model.LstmUnits, TrainingPhase.B5);
        var recurrent = Lstm.AddRecurrentWeight(layout, "forward_lstm", model.LstmUnits, TrainingPhase.B5);
        _lstm = new Lstm(inputWeight, recurrent, bias);
        var hidden = layout.Add("generator.hidden.weight", model.LstmUnits, model.MlpUnits, TrainingPhase.B1);
        _generator = new Net(layout, "generator", [hidden.View], Output.Width, TrainingPhase.B1);
    }

    public override long ForwardMultiplyAdds => _lstm.MultiplyAdds + _generator.MultiplyAdds;

    public override long GenerativeMultiplyAdds => ForwardMultiplyAdds;

    private protected override long InputMultiplyAdds => _lstm.InputMultiplyAdds;

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections) => [new(_lstm.Inputs, maximumSteps)];

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame)
        => new LstmGenerativeStep(workspace, frame, this, _lstm, _generator);

    sealed class Pass : ModelPass
    {
        readonly InputPass _inputs;
        readonly LstmPass _lstm;
        readonly GeneratorPass _generator;
        readonly StatePenalties _penalties;
        readonly Action _generatorGradients;

        public Pass(PlainLstm model, Workspace workspace, StepFrame frame, in StepSizes sizes) : base(frame)
        {
            _inputs = new InputPass(workspace, frame, model._embedding, sizes);
            var weightNoise = new WeightNoise(workspace, model.Configuration, model.Layout);
            _lstm = new LstmPass(workspace, model._lstm, sizes, sizes.MaximumSteps, WeightUse.Forward | WeightUse.Transposed,
                new LstmRegularisation(workspace, model.Configuration, model._lstm, sizes), weightNoise);
            _lstm.MakeSequence(LstmDirection.Forward, _inputs.Embedded, _inputs.DEmbedded);
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _penalties = new StatePenalties(workspace, model.Configuration, sizes);
            States = [new("h", _lstm.H), new("c", _lstm.C)];
            _generatorGradients = () => _generator.Gradients(Frame, [_generator.InputGradient(0, _lstm.ReadOutput(Frame))]);
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        // h_1..h_T.
        Tensor H => Frame.Span(_lstm.H, 1, Steps);

        public override void DrawNoise(NoisePurpose purpose)
        {
            _lstm.DrawNoise(Frame, purpose);
        }

        public override void ZeroNoise() => DrawNoise(NoisePurpose.Evaluation);

        public override void Forward(bool scoresOnly)
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            Frame.Enter(TrainingPhase.F2);
            _inputs.Project(_lstm, Steps);
            Frame.Enter(TrainingPhase.F3);
            _lstm.SequenceForward(Frame, Steps, _inputs.First(Steps));
            Frame.Enter(TrainingPhase.F4);
            _generator.Forward(Frame, _lstm.MaskOutput(Frame));
            if (scoresOnly)
                return;
            _penalties.Forward(Frame, _lstm);
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            _penalties.Sum(Frame);
        }

        public override void Backward()
        {
            Frame.Enter(TrainingPhase.B1);
            _generator.StateBackward(Frame, _lstm, _penalties);
            Device.Fork(_generatorGradients);
            Frame.Enter(TrainingPhase.B5);
            _lstm.SequenceBackward(Frame);
            Frame.Enter(TrainingPhase.B7);

            // The LSTM never reads the last token.
            if (!_inputs.DEmbedded.IsEmpty)
                Device.Zero(Frame.At(_inputs.DEmbedded, Steps));
            _inputs.Backward(Steps, _lstm);
        }

        public override IEnumerable<StepTensor> NoiseTensors => _lstm.NoiseTensors(Frame);

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            .. _lstm.PastTensors(Frame, isLoop: false),
            .. _generator.ForwardTensors(Frame),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Tokens("grad.h.direct", _lstm.DH, TrainingPhase.B3),
            Frame.Predicted("grad.gates", Frame.Inside(_lstm.Gates), TrainingPhase.B5, StepOrder.Descending),
            .. _inputs.GradientTensors(Frame),
        ];

        public override IEnumerable<StepTensor> InitialStateGradients =>
            [new("grad.h0.recurrent", _lstm.DHRecurrent, TrainingPhase.B5), new("grad.c0", _lstm.DC, TrainingPhase.B5)];

        public override IEnumerable<(string Name, Tensor Values)> Watched =>
        [
            ("input frames", _inputs.First(Steps + 1)),
            ("forward LSTM state", Frame.Span(_lstm.H, 0, Steps + 1)),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }
}
