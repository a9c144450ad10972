using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>vrnn</c> (Chung et al. 2015; model.md section 14): features of the inputs and of z feed the LSTM; prior, posterior and generator of a step read h_t,
/// which has read everything before the target. There is no backward LSTM.
/// </summary>
sealed class Vrnn : SequenceModel
{
    readonly Parameter? _embedding;
    readonly FeatureLayer _featureX, _featureZ;
    readonly Lstm _lstm;
    readonly Net _posterior, _generator;
    readonly Net? _prior;
    readonly ParameterView _stateStack;

    // [h_{t-1} | f_{t-1}] is one tensor, and what it meets one matrix:
    //          4H columns
    // h rows   U
    // f rows   W_f
    public Vrnn(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        _embedding = AddEmbedding(model, layout);
        _featureX = new FeatureLayer(layout, "feature_x", e, m, TrainingPhase.B7);
        _featureZ = new FeatureLayer(layout, "feature_z", z, m, TrainingPhase.B6);
        var inputWeight = Lstm.AddInputWeight(layout, "forward_lstm", m, h, TrainingPhase.B6);
        var bias = Lstm.AddBias(layout, "forward_lstm", h, TrainingPhase.B6);
        _stateStack = layout.AddStack(h + m, 4 * h);
        var recurrent = Lstm.AddRecurrentWeightTo(_stateStack, layout, "forward_lstm", 0, h, TrainingPhase.B6);
        layout.AddTo(_stateStack, "forward_lstm.weight_feature_z", h, 0, m, 4 * h, TrainingPhase.B6);
        _lstm = new Lstm(inputWeight, recurrent, bias);
        var posteriorH = layout.Add(Net.InputName("posterior", "h"), h, m, TrainingPhase.B6);
        var posteriorX = layout.Add(Net.InputName("posterior", "x"), m, m, TrainingPhase.B6);
        _posterior = new Net(layout, "posterior", [posteriorH.View, posteriorX.View], 2 * z, TrainingPhase.B6);
        _prior = model.Prior == PriorKind.Learned ? Net.WithInput(layout, "prior", "h", h, m, 2 * z, TrainingPhase.B2) : null;
        var hidden = layout.Add("generator.hidden.weight", h + m, m, TrainingPhase.B1).View;
        _generator = new Net(layout, "generator", [hidden.RowRange(0, h), hidden.RowRange(h, m)], Output.Width, TrainingPhase.B1);
    }

    public override bool HasLatent => true;

    private protected override IReadOnlyList<string> InferenceParts => ["posterior"];

    public override long ForwardMultiplyAdds
        => _featureX.MultiplyAdds + _featureZ.MultiplyAdds + _lstm.InputMultiplyAdds + (long)_stateStack.Rows * _stateStack.Columns
            + _posterior.MultiplyAdds + (_prior?.MultiplyAdds ?? 0) + _generator.MultiplyAdds;

    public override long SharedMultiplyAdds => _featureX.MultiplyAdds + _lstm.InputMultiplyAdds + _posterior.InputMultiplyAdds(1);

    public override long GenerativeMultiplyAdds => ForwardMultiplyAdds - _posterior.MultiplyAdds;

    private protected override long InputMultiplyAdds => _featureX.MultiplyAdds;

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections) => [];

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame) => new Generative(this, workspace, frame);

    sealed class Pass : ModelPass
    {
        readonly GaussianHead _latentHead;
        readonly InputPass _inputs;
        readonly FeaturePass _featureX, _featureZ;
        readonly LstmPass _lstm;
        readonly NetPass _posterior;
        readonly PriorPass _prior;
        readonly GeneratorPass _generator;
        readonly StatePenalties _penalties;
        readonly SampleNoise _epsilon;
        readonly SharedRows _targetProducts;
        readonly FreeBits _freeBits;
        readonly Weight _stateStack;
        readonly Tensor _dStateStack;
        readonly Tensor _x, _z, _kl;
        readonly Tensor _dx, _dz, _dPosteriorMoments, _dPosteriorHidden;
        readonly Action _klForward, _generatorGradients, _priorGradients, _recurrentGradients;

        public Pass(Vrnn model, Workspace workspace, StepFrame frame, in StepSizes sizes) : base(frame)
        {
            var configuration = model.Configuration;
            _latentHead = workspace.Functions.Latent;
            var (rows, b, z, m) = (sizes.Rows, sizes.BatchSize, configuration.LatentUnits, configuration.MlpUnits);
            var both = WeightUse.Forward | WeightUse.Transposed;

            // The LSTM reads features, which have a gradient whatever the data are; ids are embedded one by one.
            var embedded = sizes with { ProjectsVocabulary = false };
            var features = embedded with { InputGradient = workspace.Training };
            var once = embedded.PerSequence;
            _inputs = new InputPass(workspace, frame, model._embedding, embedded);
            _featureX = new FeaturePass(workspace, model._featureX, embedded.InputGradient);
            _featureZ = new FeaturePass(workspace, model._featureZ, inputGradient: true);
            var weightNoise = new WeightNoise(workspace, configuration, model.Layout);
            _lstm = new LstmPass(workspace, model._lstm, features, sizes.MaximumSteps, recurrentUse: 0,
                new LstmRegularisation(workspace, configuration, model._lstm, features), weightNoise, besides: m);
            _posterior = new NetPass(workspace, model._posterior, rows);
            _prior = new PriorPass(workspace, model._prior, rows);
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _penalties = new StatePenalties(workspace, configuration, sizes);
            States = [new("h", _lstm.H), new("c", _lstm.C), new("feature_z", _lstm.Beside)];
            _stateStack = weightNoise.Operand(model._stateStack, both);
            _dStateStack = workspace.Gradient(model._stateStack);

            _epsilon = SampleNoise.OfLatent(workspace, sizes, z);
            _x = workspace.Take(checked((once.MaximumSteps + 1) * once.BatchSize), m, Readers.All);
            _targetProducts = new SharedRows(workspace, sizes, _posterior.Hidden);
            _z = workspace.Take(rows, z, workspace.ProductsInTraining);
            _kl = workspace.Take(rows, 1);
            _freeBits = new FreeBits(workspace, configuration, rows);
            Latents = new LatentTensors(_z, _posterior.Output, _prior.Output, _kl, LogDensity: workspace.Take(rows, 1));
            _dx = workspace.TakeForTraining(_x.Rows, m, Readers.All);
            _dz = workspace.TakeForTraining(b, z);
            _dPosteriorMoments = workspace.TakeForTraining(rows, 2 * z);
            _dPosteriorHidden = workspace.TakeForTraining(rows, m, Readers.All);
            (_klForward, _priorGradients, _recurrentGradients) = (KlForward, () => _prior.Gradients(Frame, H), RecurrentGradients);
            _generatorGradients = () => _generator.Gradients(Frame,
                [_generator.InputGradient(0, _lstm.ReadOutput(Frame)), _generator.InputGradient(1, F)]);
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        public override LatentTensors Latents { get; }

        // h_1..h_T.
        Tensor H => Frame.Span(_lstm.H, 1, Steps);

        Tensor DH => Frame.Span(_lstm.DH, 1, Steps);

        // f_1..f_T.
        Tensor F => Frame.Span(_lstm.Beside, 1, Steps);

        Tensor DF => Frame.Span(_lstm.DBeside, 1, Steps);

        Tensor Z => Frame.Whole(_z);

        // Features of what the LSTM reads, X_0..X_{T-1}, and of the targets, X_1..X_T.
        Tensor XInputs => Frame.PerSequence.Span(_x, 0, Steps);

        Tensor XTargets => Frame.PerSequence.Span(_x, 1, Steps);

        public override void DrawNoise(NoisePurpose purpose)
        {
            Frame.Enter(TrainingPhase.F2Noise);
            _epsilon.Draw(Frame, purpose);
            _lstm.DrawNoise(Frame, purpose);
        }

        public override void ZeroNoise()
        {
            _epsilon.Zero(Frame);
            _lstm.DrawNoise(Frame, NoisePurpose.Evaluation);
        }

        public override void Forward(bool scoresOnly)
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            _featureX.Forward(_inputs.First(Steps + 1), Frame.PerSequence.Span(_x, 0, Steps + 1));

            Frame.Enter(TrainingPhase.F2);
            _lstm.InputProducts(Frame, XInputs);
            _posterior.HiddenProduct(1, XTargets, _targetProducts.Target(Frame));
            _targetProducts.Repeat(Frame);

            Frame.Enter(TrainingPhase.F3);
            ForwardLoop();

            Frame.Enter(TrainingPhase.F4);
            Device.Fork(_klForward);
            _generator.Forward(Frame, _lstm.MaskOutput(Frame), F);
            if (!scoresOnly)
                _penalties.Forward(Frame, _lstm);
            Device.JoinBranches();
            if (scoresOnly)
                return;
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            Frame.Sum(_kl, ObjectiveTerm.Kl);
            _freeBits.Sum(Frame);
            _penalties.Sum(Frame);
        }

        void KlForward()
        {
            _prior.Forward(H);
            _prior.KlForward(Frame.Whole(_posterior.Output), Frame.Whole(_kl));
            _freeBits.Forward(Frame, _kl);
        }

        // F3: four products a time step.
        void ForwardLoop()
        {
            for (var t = 0; t < Steps; t++)
            {
                var (posteriorHidden, posteriorOutput, z) = (Frame.At(_posterior.Hidden, t), Frame.At(_posterior.Output, t), Frame.At(_z, t));
                _lstm.CellForward(Frame, t, Frame.At(_lstm.States, t), _stateStack, default);
                _posterior.AddHiddenProduct(0, Frame.At(_lstm.H, t + 1), posteriorHidden);
                _posterior.Activate(posteriorHidden);
                _posterior.SampleForward(posteriorHidden, posteriorOutput, Frame.At(_epsilon.Values, t), z, _latentHead);
                _featureZ.ForwardThin(z, Frame.At(_lstm.Beside, t + 1));
            }
        }

        public override void Backward()
        {
            Frame.Enter(TrainingPhase.B1);
            _generator.StateBackward(Frame, _lstm, _penalties);
            Device.Fork(_generatorGradients);
            _generator.InputBackward(Frame, 1, DF, Steps);

            Frame.Enter(TrainingPhase.B2);
            _prior.KlBackward(Frame, Frame.Whole(_posterior.Output), _freeBits.Weights(Frame), Frame.Whole(_dPosteriorMoments), mask: default, DH);
            Device.Fork(_priorGradients);

            Frame.Enter(TrainingPhase.B5);
            ReverseLoop();
            Frame.Enter(TrainingPhase.B6);
            Device.Fork(_recurrentGradients);

            Frame.Enter(TrainingPhase.B7);
            InputGradients();
        }

        // B5: four products a time step.
        void ReverseLoop()
        {
            Device.Zero(_lstm.DC);
            for (var t = Steps - 1; t >= 0; t--)
            {
                var (posteriorOutput, dPosteriorHidden, df) = (Frame.At(_posterior.Output, t), Frame.At(_dPosteriorHidden, t), Frame.At(_lstm.DBeside, t + 1));
                _featureZ.ActivationBackward(Frame.At(_lstm.Beside, t + 1), df);
                Device.MultiplyTransposedSampleGaussian(df, _featureZ.Weight, _dz, accumulate: false, default, Frame.At(_epsilon.Values, t),
                    Frame.At(_dPosteriorMoments, t), posteriorOutput, _latentHead);
                _posterior.HiddenBackward(posteriorOutput, Frame.At(_posterior.Hidden, t), dPosteriorHidden);
                _posterior.InputBackward(0, dPosteriorHidden, Frame.At(_lstm.DH, t + 1), accumulate: true);
                _lstm.CellBackward(Frame, t, dhRecurrent: default);
                Device.MultiplyTransposed(Frame.At(_lstm.Gates, t), _stateStack, Frame.At(_lstm.DStates, t), accumulate: true);
            }
        }

        // B6: products with the same output gradient are one operation.
        void RecurrentGradients()
        {
            var (inputs, states) = (_lstm.ReadInput(Frame, XInputs), Frame.Span(_lstm.States, 0, Steps));
            Device.WeightGradients([new(inputs, _lstm.DInputWeight), new(states, _dStateStack)], Frame.Whole(_lstm.Gates), _lstm.DBias);
            _posterior.OutputGradients(Frame.Whole(_posterior.Hidden), Frame.Whole(_posterior.Output));
            _posterior.HiddenGradients([_posterior.InputGradient(0, H), _posterior.InputGradient(1, XTargets)], Frame.Whole(_dPosteriorHidden));
            _featureZ.Gradients(Z, DF);
        }

        // B7: the features of the inputs, and what they read.
        void InputGradients()
        {
            Device.Zero(Frame.At(_dx, 0));
            _posterior.InputBackward(1, Frame.Whole(_dPosteriorHidden), Frame.Span(_dx, 1, Steps), accumulate: false);
            _lstm.AddInputGradient(Frame, Frame.Span(_dx, 0, Steps));
            var dx = Frame.Span(_dx, 0, Steps + 1);
            _featureX.ActivationBackward(Frame.Span(_x, 0, Steps + 1), dx);
            _featureX.Gradients(_inputs.First(Steps + 1), dx);
            if (!_inputs.DEmbedded.IsEmpty)
                _featureX.InputBackward(dx, Frame.Span(_inputs.DEmbedded, 0, Steps + 1));
            _inputs.Backward(Steps, _lstm);
        }

        public override IEnumerable<StepTensor> NoiseTensors =>
        [
            Frame.Predicted("eps_z", _epsilon.Values, TrainingPhase.F2Noise),
            .. _lstm.NoiseTensors(Frame),
        ];

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            Frame.Tokens("feature_x", _x, TrainingPhase.F1, kink: Kink.LeakyRelu),
            .. _lstm.PastTensors(Frame, isLoop: true),
            Frame.Predicted("posterior.hidden", _posterior.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("posterior.output", _posterior.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
            Frame.Predicted("z", _z, TrainingPhase.F3, StepOrder.Ascending),
            Frame.Predicted("feature_z", F, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("prior.hidden", _prior.Hidden, TrainingPhase.F4, kink: Kink.LeakyRelu),
            Frame.Predicted("prior.output", _prior.Output, TrainingPhase.F4, kink: Kink.LogVariance),
            .. _generator.ForwardTensors(Frame),
            Frame.Predicted("kl", _kl, TrainingPhase.F4),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Predicted("grad.prior.output", _prior.Output, TrainingPhase.B2),
            Frame.Predicted("grad.posterior.moments", _dPosteriorMoments, TrainingPhase.B2),
            Frame.Predicted("grad.gates", _lstm.Gates, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.posterior.output", _posterior.Output, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.posterior.hidden", _dPosteriorHidden, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.feature_z", DF, TrainingPhase.B5, StepOrder.Descending),
            Frame.Tokens("grad.feature_x", _dx, TrainingPhase.B7),
            .. _inputs.GradientTensors(Frame),
        ];

        public override IEnumerable<StepTensor> InitialStateGradients
            => [new("grad.states0", Frame.At(_lstm.DStates, 0), TrainingPhase.B5), new("grad.c0", _lstm.DC, TrainingPhase.B5)];

        public override IEnumerable<(string Name, Tensor Values)> Watched =>
        [
            ("input frames", _inputs.First(Steps + 1)),
            ("latent z", Z),
            ("forward LSTM state", Frame.Span(_lstm.H, 0, Steps + 1)),
            ("KL per step", Frame.Whole(_kl)),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }

    sealed class Generative : GenerativeStep
    {
        readonly FeaturePass _featureX, _featureZ;
        readonly LstmStep _lstm;
        readonly LatentStep _latent;
        readonly GeneratorStep _generator;
        readonly Weight _weightF;
        readonly Tensor _x, _f;

        public Generative(Vrnn model, Workspace workspace, GenerativeFrame frame) : base(frame)
        {
            var (b, h, z, m) = (frame.Rows, model.Configuration.LstmUnits, model.Configuration.LatentUnits, model.Configuration.MlpUnits);
            _featureX = new FeaturePass(workspace, model._featureX, inputGradient: false);
            _featureZ = new FeaturePass(workspace, model._featureZ, inputGradient: false);
            _lstm = new LstmStep(workspace, model.Configuration, model._lstm, b);
            _latent = new LatentStep(workspace, frame, model._prior, workspace.Take(b, z, Readers.All));
            _generator = new GeneratorStep(workspace, model._generator, b);
            _weightF = workspace.Operand(model._stateStack.RowRange(h, m), WeightUse.Forward);
            (_x, _f) = (workspace.Take(b, m, Readers.All), workspace.Take(b, m, Readers.All));
        }

        public override Tensor Output => _generator.Output;

        public override Tensor[] States => [_lstm.H, _lstm.C, _f];

        public override Tensor Latents => _latent.Z;

        public override bool DrawsNoise => true;

        public override void Reset()
        {
            _lstm.Reset();
            Device.Zero(_f);
        }

        public override void Run()
        {
            _featureX.Forward(Frame.X, _x);
            _lstm.Begin(_x);
            Device.Multiply(_f, _weightF, default, _lstm.Gates, accumulate: true);
            _lstm.End();
            _latent.Run(_lstm.H);
            _featureZ.ForwardThin(_latent.Z, _f);
            _generator.Run(_lstm.H, _f);
        }
    }
}
