using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model.Parts;

namespace VBiLstm.Model.Models;

/// <summary>
/// <c>srnn</c> (Fraccaro et al. 2016; model.md section 15): a forward LSTM that reads no latent, a backward LSTM over its states and the targets, and a
/// chain of latents between them whose posterior mean is a residual on the prior's.
/// </summary>
sealed class Srnn : SequenceModel
{
    readonly Parameter? _embedding;
    readonly Lstm _forwardLstm, _backwardLstm;
    readonly Net _prior, _posterior, _generator;
    readonly ParameterView _chainStack;

    // What the chain's z_{t-1} meets is one matrix:
    //          M columns   M columns
    // z rows   P_z         Q_z
    public Srnn(ModelConfiguration model, ParameterLayout layout) : base(model, layout)
    {
        var (e, h, z, m) = (model.InputSize, model.LstmUnits, model.LatentUnits, model.MlpUnits);
        _embedding = AddEmbedding(model, layout);
        _forwardLstm = new Lstm(layout, "forward_lstm", e, h, TrainingPhase.B7);
        _backwardLstm = new Lstm(layout, "backward_lstm", h + e, h, TrainingPhase.B7);
        _chainStack = layout.AddStack(z, 2 * m);
        var priorZ = layout.AddTo(_chainStack, Net.InputName("prior", "z"), 0, 0, z, m, TrainingPhase.B6);
        var posteriorZ = layout.AddTo(_chainStack, Net.InputName("posterior", "z"), 0, m, z, m, TrainingPhase.B6);
        var priorH = layout.Add(Net.InputName("prior", "h"), h, m, TrainingPhase.B6);
        _prior = new Net(layout, "prior", [priorH.View, priorZ.View], 2 * z, TrainingPhase.B6);
        var posteriorB = layout.Add(Net.InputName("posterior", "b"), h, m, TrainingPhase.B6);
        _posterior = new Net(layout, "posterior", [posteriorB.View, posteriorZ.View], 2 * z, TrainingPhase.B6);
        var hidden = layout.Add("generator.hidden.weight", h + z, m, TrainingPhase.B1).View;
        _generator = new Net(layout, "generator", [hidden.RowRange(0, h), hidden.RowRange(h, z)], Output.Width, TrainingPhase.B1);
    }

    public override bool HasLatent => true;

    private protected override IReadOnlyList<string> InferenceParts => ["backward_lstm", "posterior"];

    public override long ForwardMultiplyAdds
        => _forwardLstm.MultiplyAdds + _backwardLstm.MultiplyAdds + _prior.MultiplyAdds + _posterior.MultiplyAdds + _generator.MultiplyAdds;

    public override long SharedMultiplyAdds => _forwardLstm.MultiplyAdds + _backwardLstm.MultiplyAdds + _prior.InputMultiplyAdds(0)
        + _posterior.InputMultiplyAdds(0) + _generator.InputMultiplyAdds(0);

    public override long GenerativeMultiplyAdds => ForwardMultiplyAdds - _backwardLstm.MultiplyAdds - _posterior.MultiplyAdds;

    // The backward LSTM's inputs have a gradient whatever the data are: they hold h.
    private protected override long InputMultiplyAdds => _forwardLstm.InputMultiplyAdds;

    internal override IEnumerable<DeviceRecurrence> DeviceRecurrences(int maximumSteps, bool joinsDirections)
        => [new(_forwardLstm.Inputs, maximumSteps), new(_backwardLstm.Inputs, maximumSteps)];

    internal override int LoopSteps(TrainingPhase phase, int timeSteps)
        => phase is TrainingPhase.F1 or TrainingPhase.F1BackwardLstm or TrainingPhase.B7 ? timeSteps : base.LoopSteps(phase, timeSteps);

    internal override ModelPass CreatePass(Workspace workspace, StepFrame frame, in StepSizes sizes) => new Pass(this, workspace, frame, sizes);

    internal override GenerativeStep CreateGenerativeStep(Workspace workspace, GenerativeFrame frame) => new Generative(this, workspace, frame);

    sealed class Pass : ModelPass
    {
        readonly GaussianHead _latentHead;
        readonly FreeBits _freeBits;
        readonly InputPass _inputs;
        readonly LstmPass _forward, _backward;
        readonly NetPass _prior, _posterior;
        readonly GeneratorPass _generator;
        readonly StatePenalties _penalties;
        readonly SampleNoise _epsilon;
        readonly SharedRows _priorProducts, _posteriorProducts, _generatorProducts;
        readonly Weight _chainStack;
        readonly Tensor _dChainStack;
        readonly Tensor _stateAndTarget, _chainProduct, _z, _kl;
        readonly Tensor _dStateAndTarget, _dz, _dPosteriorMoments, _dHiddens;
        readonly int _h, _m, _latents;
        readonly Action _projectStates, _generatorGradients, _chainGradients;

        public Pass(Srnn model, Workspace workspace, StepFrame frame, in StepSizes sizes) : base(frame)
        {
            var configuration = model.Configuration;
            _latentHead = workspace.Functions.Latent;
            (_h, _m, _latents) = (configuration.LstmUnits, configuration.MlpUnits, configuration.LatentUnits);
            var (rows, b, both) = (sizes.Rows, sizes.BatchSize, WeightUse.Forward | WeightUse.Transposed);

            // The backward LSTM reads embedded targets beside states, so ids are embedded one by one.
            var embedded = sizes with { ProjectsVocabulary = false };
            var once = embedded.PerSequence;
            _inputs = new InputPass(workspace, frame, model._embedding, embedded);
            _stateAndTarget = workspace.Take(once.Rows, model._backwardLstm.Inputs, Readers.Products);
            _dStateAndTarget = workspace.TakeForTraining(rows, model._backwardLstm.Inputs);
            var weightNoise = new WeightNoise(workspace, configuration, model.Layout);
            _forward = new LstmPass(workspace, model._forwardLstm, once, sizes.MaximumSteps, both,
                new LstmRegularisation(workspace, configuration, model._forwardLstm, once), weightNoise);
            _forward.MakeSequence(LstmDirection.Forward, _inputs.Embedded, _inputs.DEmbedded, addsToDInput: true);
            _backward = new LstmPass(workspace, model._backwardLstm, once with { InputGradient = workspace.Training }, sizes.MaximumSteps, both);
            _backward.MakeSequence(LstmDirection.Backward, _stateAndTarget, _dStateAndTarget, frame.Validity.RowRange(once.BatchSize, once.Rows));
            _prior = new NetPass(workspace, model._prior, rows, inputUses: [both, 0]);
            _posterior = new NetPass(workspace, model._posterior, rows, inputUses: [both, 0]);
            _generator = new GeneratorPass(workspace, model._generator, model.Output, _inputs, sizes);
            _priorProducts = new SharedRows(workspace, sizes, _prior.Hidden);
            _posteriorProducts = new SharedRows(workspace, sizes, _posterior.Hidden);
            _generatorProducts = new SharedRows(workspace, sizes, _generator.Hidden);
            _penalties = new StatePenalties(workspace, configuration, sizes);
            _chainStack = workspace.Operand(model._chainStack, both);
            _dChainStack = workspace.Gradient(model._chainStack);

            _epsilon = SampleNoise.OfLatent(workspace, sizes, _latents);
            _chainProduct = workspace.Take(b, 2 * _m);
            _z = workspace.Take(checked(rows + b), _latents, Readers.All);
            _kl = workspace.Take(rows, 1);
            _freeBits = new FreeBits(workspace, model.Configuration, rows);
            States = [new("h", _forward.H), new("c", _forward.C), new("z", _z)];
            Latents = new LatentTensors(_z.RowRange(b, rows), _posterior.Output, _prior.Output, _kl, LogDensity: workspace.Take(rows, 1));
            _dz = workspace.TakeForTraining(_z.Rows, _latents);
            _dPosteriorMoments = workspace.TakeForTraining(rows, 2 * _latents);
            _dHiddens = workspace.TakeForTraining(rows, 2 * _m, Readers.All);
            _projectStates = ProjectStates;
            _generatorGradients = () => _generator.Gradients(Frame,
                [_generator.InputGradient(0, _forward.ReadOutput(Frame)), _generator.InputGradient(1, Z)]);
            _chainGradients = ChainGradients;
        }

        public override InputPass Inputs => _inputs;

        public override Tensor Nll => _generator.Nll;

        public override CarriedState[] States { get; }

        public override LatentTensors Latents { get; }

        // h_1..h_T.
        Tensor H => Frame.PerSequence.Span(_forward.H, 1, Steps);

        Tensor DH => Frame.Span(_forward.DH, 1, Steps);

        // b_1..b_T: step t's is the slot before, since the recurrence begins at y_1.
        Tensor B => Frame.PerSequence.Span(_backward.H, 0, Steps);

        Tensor Z => Frame.Span(_z, 1, Steps);

        Tensor DZ => Frame.Span(_dz, 1, Steps);

        Tensor DPriorHidden => Frame.Whole(_dHiddens).ColumnRange(0, _m);

        Tensor DPosteriorHidden => Frame.Whole(_dHiddens).ColumnRange(_m, _m);

        public override void DrawNoise(NoisePurpose purpose)
        {
            Frame.Enter(TrainingPhase.F2Noise);
            _epsilon.Draw(Frame, purpose);
            _forward.DrawNoise(Frame.PerSequence, purpose);
        }

        public override void ZeroNoise()
        {
            _epsilon.Zero(Frame);
            _forward.DrawNoise(Frame.PerSequence, NoisePurpose.Evaluation);
        }

        public override void Forward(bool scoresOnly)
        {
            Frame.Enter(TrainingPhase.F1);
            _inputs.Forward(Steps + 1);
            _forward.SequenceForward(Frame.PerSequence, Steps, _inputs.First(Steps));

            Frame.Enter(TrainingPhase.F2);
            Device.Fork(_projectStates);

            Frame.Enter(TrainingPhase.F1BackwardLstm);
            var stateAndTarget = Frame.PerSequence.Whole(_stateAndTarget);
            Device.Copy(H, stateAndTarget.ColumnRange(0, _h));
            Device.Copy(Frame.PerSequence.Span(_inputs.Embedded, 1, Steps), stateAndTarget.ColumnRange(_h, _inputs.Embedded.Columns));
            _backward.ZeroSlot(Steps);
            _backward.SequenceForward(Frame.PerSequence, Steps, stateAndTarget);

            Frame.Enter(TrainingPhase.F2);
            _posterior.HiddenProduct(0, B, _posteriorProducts.Target(Frame));
            _posteriorProducts.Repeat(Frame);
            Device.JoinBranches();

            Frame.Enter(TrainingPhase.F3);
            ForwardLoop();

            Frame.Enter(TrainingPhase.F4);
            Device.GaussianKlForward(Frame.Whole(_posterior.Output), Frame.Whole(_prior.Output), Frame.Whole(_kl), _latentHead);
            _freeBits.Forward(Frame, _kl);
            _generator.HiddenProduct(_forward.MaskOutput(Frame.PerSequence), _generatorProducts.Target(Frame));
            _generatorProducts.Repeat(Frame);
            _generator.ForwardWith(Frame, 1, Z);
            if (scoresOnly)
                return;
            _penalties.Forward(Frame, _forward);
            Frame.Sum(_generator.Nll, ObjectiveTerm.Nll);
            Frame.Sum(_kl, ObjectiveTerm.Kl);
            _freeBits.Sum(Frame);
            _penalties.Sum(Frame);
        }

        void ProjectStates()
        {
            _prior.HiddenProduct(0, H, _priorProducts.Target(Frame));
            _priorProducts.Repeat(Frame);
        }

        // F3: three products a time step.
        void ForwardLoop()
        {
            var (priorProduct, posteriorProduct) = (_chainProduct.ColumnRange(0, _m), _chainProduct.ColumnRange(_m, _m));
            for (var t = 0; t < Steps; t++)
            {
                var (priorHidden, priorOutput) = (Frame.At(_prior.Hidden, t), Frame.At(_prior.Output, t));
                var (posteriorHidden, posteriorOutput) = (Frame.At(_posterior.Hidden, t), Frame.At(_posterior.Output, t));
                Device.Multiply(Frame.At(_z, t), _chainStack, default, _chainProduct, accumulate: false);
                _prior.Activate(priorProduct, priorHidden);
                _prior.OutputForward(priorHidden, priorOutput);
                _posterior.Activate(posteriorProduct, posteriorHidden);
                _posterior.OutputForward(posteriorHidden, posteriorOutput);
                var mean = Mean(posteriorOutput);
                Device.Add(mean, Mean(priorOutput), mean);
                Device.SampleGaussianForward(posteriorOutput, Frame.At(_epsilon.Values, t), Frame.At(_z, t + 1), _latentHead);
            }
        }

        Tensor Mean(Tensor output) => output.ColumnRange(0, _latents);

        public override void Backward()
        {
            Frame.Enter(TrainingPhase.B1);
            _generator.StateBackward(Frame, _forward, _penalties);
            Device.Fork(_generatorGradients);
            Device.Zero(Frame.At(_dz, 0));
            _generator.InputBackward(Frame, 1, DZ, Steps);

            Frame.Enter(TrainingPhase.B2);
            Device.GaussianKlBackward(Frame.Whole(_posterior.Output), Frame.Whole(_prior.Output), _freeBits.Weights(Frame), Frame.Scalars.KlWeight,
                Frame.Whole(_dPosteriorMoments), _latentHead);

            Frame.Enter(TrainingPhase.B5);
            ReverseLoop();
            Frame.Enter(TrainingPhase.B6);
            Device.Fork(_chainGradients);
            _prior.InputBackward(0, DPriorHidden, DH, accumulate: true);
            _posterior.InputBackward(0, DPosteriorHidden, Frame.Span(_backward.DH, 0, Steps), accumulate: false);

            Frame.Enter(TrainingPhase.B7);
            RecurrentGradients();
        }

        // B5: three products a time step. The KL's share in dμ_p is the negative of that in dμ_q, which reaches μ_p as well because μ_q = μ_p + r.
        void ReverseLoop()
        {
            for (var t = Steps - 1; t >= 0; t--)
            {
                var (priorOutput, posteriorOutput, dHiddens) = (Frame.At(_prior.Output, t), Frame.At(_posterior.Output, t), Frame.At(_dHiddens, t));
                var (dz, dMoments) = (Frame.At(_dz, t + 1), Frame.At(_dPosteriorMoments, t));
                Device.SampleGaussianBackward(dz, default, Frame.At(_epsilon.Values, t), dMoments, posteriorOutput, _latentHead);
                var dMean = Mean(priorOutput);
                Device.Add(dMean, Mean(posteriorOutput), dMean);
                _prior.HiddenBackward(priorOutput, Frame.At(_prior.Hidden, t), dHiddens.ColumnRange(0, _m));
                _posterior.HiddenBackward(posteriorOutput, Frame.At(_posterior.Hidden, t), dHiddens.ColumnRange(_m, _m));
                Device.MultiplyTransposed(dHiddens, _chainStack, Frame.At(_dz, t), accumulate: true);
            }
        }

        // B6.
        void ChainGradients()
        {
            _prior.OutputGradients(Frame.Whole(_prior.Hidden), Frame.Whole(_prior.Output));
            _posterior.OutputGradients(Frame.Whole(_posterior.Hidden), Frame.Whole(_posterior.Output));
            _prior.HiddenGradients([_prior.InputGradient(0, H)], DPriorHidden);
            _posterior.HiddenGradients([_posterior.InputGradient(0, B)], DPosteriorHidden);
            Device.WeightGradients([new(Frame.Span(_z, 0, Steps), _dChainStack)], Frame.Whole(_dHiddens), default);
        }

        // B7: the backward LSTM sends into h and the targets; the forward LSTM comes last, because everything sends into h.
        void RecurrentGradients()
        {
            _backward.SequenceBackward(Frame);
            var dStateAndTarget = Frame.Whole(_dStateAndTarget);
            Device.Add(DH, dStateAndTarget.ColumnRange(0, _h), DH);
            if (!_inputs.DEmbedded.IsEmpty)
            {
                Device.Zero(Frame.At(_inputs.DEmbedded, 0));
                Device.Copy(dStateAndTarget.ColumnRange(_h, _inputs.DEmbedded.Columns), Frame.Span(_inputs.DEmbedded, 1, Steps));
            }

            _forward.SequenceBackward(Frame);
            _inputs.Backward(Steps, _forward);
        }

        public override IEnumerable<StepTensor> NoiseTensors =>
        [
            Frame.Predicted("eps_z", _epsilon.Values, TrainingPhase.F2Noise),
            .. _forward.NoiseTensors(Frame),
        ];

        public override IEnumerable<StepTensor> ForwardTensors =>
        [
            .. _inputs.ForwardTensors(Frame),
            .. _forward.PastTensors(Frame, isLoop: false),
            Frame.Predicted("backward_gates", Frame.Inside(_backward.Gates), TrainingPhase.F1BackwardLstm, StepOrder.Descending),
            Frame.Predicted("backward_c", Frame.Inside(_backward.C), TrainingPhase.F1BackwardLstm, StepOrder.Descending),
            Frame.Predicted("backward_h", _backward.H, TrainingPhase.F1BackwardLstm, StepOrder.Descending),
            Frame.Predicted("prior.hidden", _prior.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("prior.output", _prior.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
            Frame.Predicted("posterior.hidden", _posterior.Hidden, TrainingPhase.F3, StepOrder.Ascending, Kink.LeakyRelu),
            Frame.Predicted("posterior.output", _posterior.Output, TrainingPhase.F3, StepOrder.Ascending, Kink.LogVariance),
            Frame.Predicted("z", Z, TrainingPhase.F3, StepOrder.Ascending),
            .. _generator.ForwardTensors(Frame),
            Frame.Predicted("kl", _kl, TrainingPhase.F4),
            .. _penalties.ForwardTensors(Frame),
        ];

        public override IEnumerable<StepTensor> BackwardTensors =>
        [
            Frame.Predicted("grad.posterior.moments", _dPosteriorMoments, TrainingPhase.B2),
            Frame.Predicted("grad.z", DZ, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.prior.output", _prior.Output, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.posterior.output", _posterior.Output, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.hiddens", _dHiddens, TrainingPhase.B5, StepOrder.Descending),
            Frame.Predicted("grad.backward_h", _backward.DH, TrainingPhase.B6),
            Frame.Predicted("grad.backward_gates", Frame.Inside(_backward.Gates), TrainingPhase.B7, StepOrder.Ascending),
            Frame.Tokens("grad.h.direct", _forward.DH, TrainingPhase.B7),
            Frame.Predicted("grad.gates", Frame.Inside(_forward.Gates), TrainingPhase.B7, StepOrder.Descending),
            .. _inputs.GradientTensors(Frame),
        ];

        public override IEnumerable<StepTensor> InitialStateGradients =>
        [
            new("grad.z0", Frame.At(_dz, 0), TrainingPhase.B5),
            new("grad.h0.recurrent", _forward.DHRecurrent, TrainingPhase.B7),
            new("grad.c0", _forward.DC, TrainingPhase.B7),
        ];

        public override IEnumerable<(string Name, Tensor Values)> Watched =>
        [
            ("input frames", _inputs.First(Steps + 1)),
            ("forward LSTM state", Frame.Span(_forward.H, 0, Steps + 1)),
            ("backward LSTM state", B),
            ("latent z", Z),
            ("KL per step", Frame.Whole(_kl)),
            ("NLL per step", Frame.Whole(_generator.Nll)),
        ];
    }

    sealed class Generative : GenerativeStep
    {
        readonly LstmStep _lstm;
        readonly LatentStep _latent;
        readonly GeneratorStep _generator;

        public Generative(Srnn model, Workspace workspace, GenerativeFrame frame) : base(frame)
        {
            var (b, z) = (frame.Rows, model.Configuration.LatentUnits);
            _lstm = new LstmStep(workspace, model.Configuration, model._forwardLstm, b);
            _latent = new LatentStep(workspace, frame, model._prior, workspace.Take(b, z, Readers.All));
            _generator = new GeneratorStep(workspace, model._generator, b);
        }

        public override Tensor Output => _generator.Output;

        public override Tensor[] States => [_lstm.H, _lstm.C, _latent.Z];

        public override Tensor Latents => _latent.Z;

        public override bool DrawsNoise => true;

        public override void Reset()
        {
            _lstm.Reset();
            Device.Zero(_latent.Z);
        }

        public override void Run()
        {
            _lstm.Begin(Frame.X);
            _lstm.End();
            _latent.Run(_lstm.H, _latent.Z);
            _generator.Run(_lstm.H, _latent.Z);
        }
    }
}
