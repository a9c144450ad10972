using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    /// <summary>What <see cref="DrawNoise"/> leaves.</summary>
    internal IEnumerable<StepTensor> NoiseTensors => Kept(
        Predicted("eps_z", _a.EpsilonZ, TrainingPhase.F2Noise),
        Predicted("eps_b", _a.EpsilonB, TrainingPhase.F2Noise),
        Predicted("skip_mask", _a.SkipMask, TrainingPhase.F2Noise));

    /// <summary>What <see cref="Forward"/> leaves, in the order of the computation. A device that keeps a recurrence to itself lacks what is inside.</summary>
    internal IEnumerable<StepTensor> ForwardTensors
    {
        get
        {
            var (f1, f3, f4) = (TrainingPhase.F1BackwardLstm, TrainingPhase.F3, TrainingPhase.F4);
            var (psi, psiOrder) = _psi is null ? (f3, StepOrder.Ascending) : (f4, StepOrder.AllAtOnce);
            var wholeOutput = _outputSteps >= _steps ? _a.Output : default;
            return Kept(
                Tokens("embedded", _model.IsCategorical ? _a.Embedded : default, TrainingPhase.F1),
                Tokens("backward_gates", Inside(_a.BackwardGates), f1, StepOrder.Descending),
                Tokens("backward_c", Inside(_a.BackwardC), f1, StepOrder.Descending),
                Tokens("backward_tanh_c", Inside(_a.BackwardTanhC), f1, StepOrder.Descending),
                Tokens("backward_h", _a.BackwardH, f1, StepOrder.Descending),
                Predicted("posterior.hidden", _a.PosteriorHidden, f3, StepOrder.Ascending, Kink.LeakyRelu),
                Predicted("posterior.output", _a.PosteriorOutput, f3, StepOrder.Ascending, Kink.LogVariance),
                Predicted("z", _a.Z, f3, StepOrder.Ascending),
                Predicted("psi.hidden", _a.PsiHidden, psi, psiOrder, Kink.LeakyRelu),
                Predicted("psi.output", _a.PsiOutput, psi, psiOrder, Kink.LogVariance),
                Predicted("b_tilde", _a.BTilde, f3, StepOrder.Ascending),
                Predicted("gates", ForwardInside(_a.Gates), f3, StepOrder.Ascending),
                Predicted("c", ForwardInside(_a.C.RowRange(_batchSize, _steps * _batchSize)), f3, StepOrder.Ascending),
                Predicted("tanh_c", ForwardInside(_a.TanhC), f3, StepOrder.Ascending),
                Predicted("h", _a.H.RowRange(_batchSize, _steps * _batchSize), f3, StepOrder.Ascending),
                Predicted("prior.hidden", _a.PriorHidden, f4, kink: Kink.LeakyRelu),
                Predicted("prior.output", _a.PriorOutput, f4, kink: Kink.LogVariance),
                Predicted("xi.hidden", _a.XiHidden, f4, kink: Kink.LeakyRelu),
                Predicted("xi.output", _a.XiOutput, f4, kink: Kink.LogVariance),
                Predicted("generator.hidden", _a.GeneratorHidden, f4, kink: Kink.LeakyRelu),
                Predicted("output", wholeOutput, f4, kink: _model.OutputDistribution == Configuration.OutputDistribution.Gaussian ? Kink.LogVariance : Kink.None),
                Predicted("nll", _a.Nll, f4),
                Predicted("kl", _a.Kl, f4),
                Predicted("log_p_psi", _a.LogPPsi, f4),
                Predicted("log_p_xi", _a.LogPXi, f4),
                Predicted("activity", _model.Gamma > 0 ? _a.Activity : default, f4),
                new StepTensor("terms", _a.Metrics.RowRange(0, StepMetrics.Count - 1), f4));
        }
    }

    /// <summary>What <see cref="Backward"/> leaves, in the order of the computation: gradients of activations, then those of parameters, phase by phase.</summary>
    internal IEnumerable<StepTensor> BackwardTensors
    {
        get
        {
            var (b5, psi) = (TrainingPhase.B5, _psi is null ? TrainingPhase.B5 : TrainingPhase.B4);
            var psiOrder = _psi is null ? StepOrder.Descending : StepOrder.AllAtOnce;
            var activations = Kept(
                Predicted("grad.prior.output", _a.PriorOutput, TrainingPhase.B2),
                Predicted("grad.posterior.moments", _a.DPosteriorMoments, TrainingPhase.B2),
                Predicted("grad.xi.output", _a.XiOutput, TrainingPhase.B3),
                Tokens("grad.h.direct", _a.DH, TrainingPhase.B3),
                Predicted("grad.psi.moments", _a.DPsiMoments, TrainingPhase.B4),
                Predicted("grad.z.direct", _a.DZ, TrainingPhase.B4),
                Predicted("grad.gates", ForwardInside(_a.Gates), b5, StepOrder.Descending),
                Predicted("grad.psi.output", _a.PsiOutput, psi, psiOrder),
                Predicted("grad.psi.hidden", _a.DPsiHidden, b5, StepOrder.Descending),
                Predicted("grad.posterior.output", _a.PosteriorOutput, b5, StepOrder.Descending),
                Predicted("grad.posterior.hidden", _a.DPosteriorHidden, b5, StepOrder.Descending),
                Tokens("grad.backward_h", _a.DBackwardH, TrainingPhase.B7),
                Tokens("grad.backward_gates", Inside(_a.BackwardGates), TrainingPhase.B7, StepOrder.Ascending),
                Tokens("grad.embedded", _a.DEmbedded, TrainingPhase.B7));
            var parameters = _parameters.Layout.All.Select(parameter => new StepTensor("grad." + parameter.Name, parameter.In(_parameters.Gradients), GradientPhase(parameter.Name)));
            return activations.Concat(parameters).OrderBy(tensor => tensor.Phase);
        }
    }

    /// <summary>What <see cref="Update"/> computes first.</summary>
    internal StepTensor GradientNormTensor => new("gradient_norm", _a.GradientNorm, TrainingPhase.Adam);

    // The phase that computes a parameter's gradient.
    TrainingPhase GradientPhase(string parameter) => parameter.Split('.')[0] switch
    {
        "generator" => TrainingPhase.B1,
        "prior" => TrainingPhase.B2,
        "xi" => TrainingPhase.B3,
        "psi" when _psi is not null => TrainingPhase.B4,
        "forward_lstm" when !_model.HasChannel => TrainingPhase.B5,
        "psi" or "posterior" or "forward_lstm" => TrainingPhase.B6,
        _ => TrainingPhase.B7,
    };

    Tensor Inside(Tensor tensor) => _device.OpaqueRecurrences ? default : tensor;

    Tensor ForwardInside(Tensor tensor) => _model.HasChannel ? tensor : Inside(tensor);

    // Of the tokens s_0..s_T.
    StepTensor Tokens(string name, Tensor tensor, TrainingPhase phase, StepOrder order = StepOrder.AllAtOnce)
        => new(name, Span(tensor, 0, _steps + 1), phase, 0, order);

    // Of the predicted steps 1..T.
    StepTensor Predicted(string name, Tensor tensor, TrainingPhase phase, StepOrder order = StepOrder.AllAtOnce, Kink kink = Kink.None)
        => new(name, Span(tensor, 0, _steps), phase, 1, order, kink);

    static IEnumerable<StepTensor> Kept(params StepTensor[] tensors) => tensors.Where(tensor => !tensor.Values.IsEmpty);
}
