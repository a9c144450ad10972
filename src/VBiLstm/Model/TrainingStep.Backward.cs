using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    bool Skips => !_a.SkipMask.IsEmpty;

    /// <summary>
    /// Phases B1 to B7 after <see cref="Forward"/>: every parameter's gradient of J. Overwrites gates and outputs by their gradients.
    /// </summary>
    public void Backward()
    {
        EnterPhase?.Invoke(TrainingPhase.B1);
        Generator();
        if (_model.HasChannel)
        {
            EnterPhase?.Invoke(TrainingPhase.B2);
            KlAndPrior();
            XiReconstruction();
            EnterPhase?.Invoke(TrainingPhase.B4);
            PsiReconstruction();
        }

        EnterPhase?.Invoke(TrainingPhase.B5);
        if (_model.HasChannel)
        {
            ReverseLoop();
            EnterPhase?.Invoke(TrainingPhase.B6);
            RecurrentWeights();
            EnterPhase?.Invoke(TrainingPhase.B7);
            BackwardLstm();
        }
        else
        {
            _device.LstmSequenceBackward(_plainLstm!);
            EnterPhase?.Invoke(TrainingPhase.B7);

            // The forward LSTM never reads the last token.
            if (!_a.DEmbedded.IsEmpty)
                _device.Zero(At(_a.DEmbedded, _steps));
            if (_backwardLstm is not null)
                _device.LstmSequenceBackward(_backwardLstm);
        }

        Inputs();
    }

    // B1.
    void Generator()
    {
        var t = _steps;
        var (hidden, dHidden, w) = (Span(_a.GeneratorHidden, 0, t), Span(_a.DHidden, 0, t), Span(_a.LossWeight, 0, t));
        var last = (t - 1) / _outputSteps * _outputSteps;
        for (var start = last; start >= 0; start -= _outputSteps)
        {
            var count = Math.Min(_outputSteps, t - start);
            var output = start == last ? Span(_a.Output, 0, count) : Outputs(start, count);
            OutputGradient(output, start, count);
            _device.WeightGradients([new(Span(_a.GeneratorHidden, start, count), Gradient("generator.output.weight"))], output, Gradient("generator.output.bias"), accumulate: start != last);
            _device.MultiplyTransposed(output, _weights.GeneratorOutput, Span(_a.DHidden, start, count), accumulate: false);
        }

        _device.LeakyReluBackward(dHidden, hidden, dHidden, default, default, _phi);

        var (h, z) = (_model.LstmUnits, _model.LatentUnits);
        var (dWeight, dBias) = (Gradient("generator.hidden.weight"), Gradient("generator.hidden.bias"));
        var dWeightH = new WeightGradient(Span(_a.H, 1, t), dWeight.RowRange(0, h));
        _device.Zero(At(_a.DH, 0));
        _device.MultiplyTransposed(dHidden, _weights.GeneratorH, Span(_a.DH, 1, t), accumulate: false);
        if (_model.Gamma > 0)
            _device.SquaredNormBackward(Span(_a.H, 1, t), w, (float)_model.Gamma, Span(_a.DH, 1, t));
        if (_model.GeneratorInput == GeneratorInput.HZBTilde)
        {
            _device.WeightGradients([dWeightH, new(Span(_a.Z, 0, t), dWeight.RowRange(h, z)), new(Span(_a.BTilde, 0, t), dWeight.RowRange(h + z, h))], dHidden, dBias);
            _device.MultiplyTransposed(dHidden, _weights.GeneratorZ, Span(_a.DZ, 0, t), accumulate: false);
            _device.MultiplyTransposed(dHidden, _weights.GeneratorBTilde, Span(_a.DBTilde, 0, t), accumulate: false);
        }
        else if (_model.ReadsFuture)
        {
            _device.WeightGradients([dWeightH, new(BackwardStates(), dWeight.RowRange(h, h))], dHidden, dBias);
            FutureStates(dHidden);
        }
        else
        {
            _device.WeightGradients([dWeightH], dHidden, dBias);
            if (_model.HasChannel)
                _device.Zero(Span(_a.DZ, 0, t));
        }
    }

    // What the generator sends into the states that it reads, β_2..β_T; β_{T+1} is zero and has no gradient.
    void FutureStates(Tensor dHidden)
    {
        _device.Zero(Span(_a.DBackwardH, 0, 2));
        if (_steps > 1)
            _device.MultiplyTransposed(dHidden.RowRange(0, (_steps - 1) * _batchSize), _weights.GeneratorB, Span(_a.DBackwardH, 2, _steps - 1), accumulate: false);
    }

    // do in place of o.
    void OutputGradient(Tensor output, int start, int count)
    {
        var w = Span(_a.LossWeight, start, count);
        switch (_model.OutputDistribution)
        {
            case OutputDistribution.Categorical:
                _device.CategoricalNllBackward(output, Targets(start, count), w);
                break;
            case OutputDistribution.Bernoulli:
                _device.BernoulliNllBackward(output, Span(_a.Embedded, start + 1, count), w);
                break;
            default:
                _device.GaussianLogDensityBackward(Span(_a.Embedded, start + 1, count), output, w, _a.Scalars.One, output, throughOutput: true,
                    default, default, accumulateTarget: false, _latentHead);
                break;
        }
    }

    // B2.
    void KlAndPrior()
    {
        var t = _steps;
        _device.GaussianKlBackward(Span(_a.PosteriorOutput, 0, t), Span(_a.PriorOutput, 0, t), Span(_a.LossWeight, 0, t), _a.Scalars.KlWeight,
            Span(_a.DPosteriorMoments, 0, t), _latentHead);
        if (_prior is null)
            return;
        var dHidden = Span(_a.DHidden, 0, t);
        _prior.Backward(Span(_a.H, 0, t), dHidden);
        if (Skips)
            _device.MaskRows(dHidden, Span(_a.SkipMask, 0, t));
        _device.MultiplyTransposed(dHidden, _weights.PriorHidden, Span(_a.DH, 0, t), accumulate: true);
    }

    // B3.
    void XiReconstruction()
    {
        if (_xi is null)
            return;
        EnterPhase?.Invoke(TrainingPhase.B3);
        var t = _steps;
        var (output, dHidden) = (Span(_a.XiOutput, 0, t), Span(_a.DHidden, 0, t));
        _device.GaussianLogDensityBackward(Span(_a.H, 0, t), output, Span(_a.LossWeight, 0, t), _a.Scalars.Beta, output, throughOutput: true,
            _model.TargetGradientH ? Span(_a.DH, 0, t) : default, Span(_a.SkipMask, 0, t), accumulateTarget: true, _reconstructionHead);
        _xi.Backward(Span(_a.Z, 0, t), dHidden);
        _device.MultiplyTransposed(dHidden, _weights.XiHidden, Span(_a.DZ, 0, t), accumulate: true);
    }

    // B4.
    void PsiReconstruction()
    {
        var t = _steps;
        var (w, psiOutput) = (Span(_a.LossWeight, 0, t), Span(_a.PsiOutput, 0, t));
        var dTarget = _model.TargetGradientB ? Span(_a.DBackwardH, _model.Alignment, t) : default;
        if (_psi is not null)
        {
            _device.GaussianLogDensityBackward(BackwardStates(), psiOutput, w, _a.Scalars.Alpha, psiOutput, throughOutput: true,
                dTarget, default, accumulateTarget: false, _reconstructionHead);
            var dHidden = Span(_a.DHidden, 0, t);
            _psi.Backward(Span(_a.Z, 0, t), dHidden);
            _device.MultiplyTransposed(dHidden, _weights.PsiHidden, Span(_a.DZ, 0, t), accumulate: true);
        }
        else
        {
            _device.GaussianLogDensityBackward(BackwardStates(), psiOutput, w, _a.Scalars.Alpha, Span(_a.DPsiMoments, 0, t), throughOutput: false,
                dTarget, default, accumulateTarget: false, _reconstructionHead);
        }
    }

    // B5: five products a time step, three where b̃ does not feed the LSTM.
    void ReverseLoop()
    {
        var (h, z) = (_model.LstmUnits, _model.LatentUnits);
        var dhRecurrent = _a.RecurrentProduct.ColumnRange(0, h);
        var dz = _a.RecurrentProduct.ColumnRange(h, z);
        var dbTilde = _model.FeedsBTilde ? _a.RecurrentProduct.ColumnRange(h + z, h) : default;
        _device.Zero(_a.DC);
        _device.Zero(dhRecurrent);
        for (var t = _steps - 1; t >= 0; t--)
        {
            var gates = At(_a.Gates, t);
            _device.LstmCellBackward(gates, At(_a.C, t), At(_a.TanhC, t), At(_a.DH, t + 1), dhRecurrent, default, _a.DC);
            _device.MultiplyTransposed(gates, _weights.RecurrentStack, _a.RecurrentProduct, accumulate: false);
            if (_model.FeedsBTilde)
            {
                var (psiOutput, dPsiHidden) = (At(_a.PsiOutput, t), At(_a.DPsiHidden, t));
                _device.SampleGaussianBackward(dbTilde, At(_a.DBTilde, t), At(_a.EpsilonB, t), At(_a.DPsiMoments, t), psiOutput, _reconstructionHead);
                _device.MultiplyTransposed(psiOutput, _weights.PsiOutput, dPsiHidden, accumulate: false);
                _device.LeakyReluBackward(dPsiHidden, At(_a.PsiHidden, t), dPsiHidden, default, default, _phi);
                _device.MultiplyTransposed(dPsiHidden, _weights.PsiHidden, dz, accumulate: true);
            }

            var (posteriorOutput, dPosteriorHidden) = (At(_a.PosteriorOutput, t), At(_a.DPosteriorHidden, t));
            _device.SampleGaussianBackward(dz, At(_a.DZ, t), At(_a.EpsilonZ, t), At(_a.DPosteriorMoments, t), posteriorOutput, _latentHead);
            _device.MultiplyTransposed(posteriorOutput, _weights.PosteriorOutput, dPosteriorHidden, accumulate: false);
            _device.LeakyReluBackward(dPosteriorHidden, At(_a.PosteriorHidden, t), dPosteriorHidden, At(_a.SkipMask, t), _a.MaskedDPosteriorHidden, _phi);
            _device.MultiplyTransposed(Skips ? _a.MaskedDPosteriorHidden : dPosteriorHidden, _weights.PosteriorH, dhRecurrent, accumulate: true);
            AfterReverseStep?.Invoke(t);
        }
    }

    // B6: products with the same output gradient are one operation. No embedded inputs where the vocabulary is projected: see ProjectedInputs.
    void RecurrentWeights()
    {
        var t = _steps;
        var (gates, hPrevious) = (Span(_a.Gates, 0, t), Span(_a.H, 0, t));
        var input = new WeightGradient(Span(_a.Embedded, 0, t), Gradient("forward_lstm.weight_input"));
        var recurrent = new WeightGradient(hPrevious, Gradient("forward_lstm.weight_recurrent"));
        var bias = Gradient("forward_lstm.bias");
        var z = Span(_a.Z, 0, t);
        var latent = new WeightGradient(z, Gradient("forward_lstm.weight_z"));
        if (_model.FeedsBTilde)
        {
            var (dPsiHidden, dPsiOutput) = (Span(_a.DPsiHidden, 0, t), Span(_a.PsiOutput, 0, t));
            _device.WeightGradients([input, recurrent, latent, new(Span(_a.BTilde, 0, t), Gradient("forward_lstm.weight_b_tilde"))], gates, bias);
            _device.WeightGradients([new(Span(_a.PsiHidden, 0, t), Gradient("psi.output.weight"))], dPsiOutput, Gradient("psi.output.bias"));
            _device.WeightGradients([new(z, Gradient("psi.hidden.weight_z"))], dPsiHidden, Gradient("psi.hidden.bias"));
        }
        else
        {
            _device.WeightGradients([input, recurrent, latent], gates, bias);
        }

        var (dPosteriorHidden, dPosteriorOutput) = (Span(_a.DPosteriorHidden, 0, t), Span(_a.PosteriorOutput, 0, t));
        _device.WeightGradients([new(Span(_a.PosteriorHidden, 0, t), Gradient("posterior.output.weight"))], dPosteriorOutput, Gradient("posterior.output.bias"));
        _device.WeightGradients([new(hPrevious, Gradient("posterior.hidden.weight_h")), new(BackwardStates(), Gradient("posterior.hidden.weight_b"))],
            dPosteriorHidden, Gradient("posterior.hidden.bias"));
    }

    // B7.
    void BackwardLstm()
    {
        var t = _steps;
        var db = Span(_a.DBackwardH, _model.Alignment, t);
        _device.Zero(At(_a.DBackwardH, _model.Alignment == 0 ? t : 0));
        _device.MultiplyTransposed(Span(_a.DPosteriorHidden, 0, t), _weights.PosteriorB, db, accumulate: _model.TargetGradientB);
        if (_model.SkipGradient == SkipGradientMode.Both)
            _device.MaskRows(db, Span(_a.SkipMask, 0, t));
        _device.LstmSequenceBackward(_backwardLstm!);
    }

    // B7's last line: de, and from it the embedding's gradient.
    void Inputs()
    {
        if (!_inputGradient)
            return;
        var t = _steps;
        if (_projectsVocabulary)
        {
            if (_model.HasBackwardLstm)
                ProjectedInputs(t + 1, _a.BackwardGates, _a.BackwardTokenGates, _weights.BackwardInput, Gradient("backward_lstm.weight_input"), accumulate: false);
            ProjectedInputs(t, _a.Gates, _a.TokenGates, _weights.ForwardInput, Gradient("forward_lstm.weight_input"), accumulate: _model.HasBackwardLstm);
            return;
        }

        // The recurrences without channel have left their share in de.
        if (_model.HasChannel)
            _device.MultiplyTransposed(Span(_a.Gates, 0, t), _weights.ForwardInput, Span(_a.DEmbedded, 0, t), accumulate: true);
        if (_model.IsCategorical)
            _device.EmbeddingBackward(_a.Tokens.Range(0, (t + 1) * _batchSize), Span(_a.DEmbedded, 0, t + 1), Gradient("embedding.weight"));
    }

    // The gates' gradients summed for each id first, then both products over the vocabulary instead of the tokens.
    void ProjectedInputs(int count, Tensor gates, Tensor tokenGates, Weight weight, Tensor dWeight, bool accumulate)
    {
        _device.EmbeddingBackward(_a.Tokens.Range(0, count * _batchSize), Span(gates, 0, count), tokenGates);
        _device.WeightGradients([new(Value("embedding.weight"), dWeight)], tokenGates, default);
        _device.MultiplyTransposed(tokenGates, weight, Gradient("embedding.weight"), accumulate);
    }
}
