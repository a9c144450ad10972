using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    /// <summary>F2′: draws ε, ε′ and m for the loaded batch.</summary>
    /// <param name="latent">Stream of ε.</param>
    /// <param name="bTilde">Stream of ε′.</param>
    public void DrawNoise(NoiseStream latent = NoiseStream.LatentNoise, NoiseStream bTilde = NoiseStream.BTildeNoise)
    {
        if (!_model.HasChannel)
            return;
        EnterPhase?.Invoke(TrainingPhase.F2Noise);
        _device.FillNormal(Span(_a.EpsilonZ, 0, _steps), Noise(latent));
        if (!_a.EpsilonB.IsEmpty)
            _device.FillNormal(Span(_a.EpsilonB, 0, _steps), Noise(bTilde));
        if (!_a.SkipMask.IsEmpty)
            _device.FillBernoulli(Span(_a.SkipMask, 0, _steps), (float)_model.SkipProbability, Noise(NoiseStream.SkipGradientMask));
    }

    /// <summary>Sets ε and ε′ to zero, so that z and b̃ are their means.</summary>
    public void ZeroNoise()
    {
        if (!_model.HasChannel)
            return;
        _device.Zero(Span(_a.EpsilonZ, 0, _steps));
        if (!_a.EpsilonB.IsEmpty)
            _device.Zero(Span(_a.EpsilonB, 0, _steps));
    }

    /// <summary>Phases F1 to F4 on the loaded batch and the drawn noise.</summary>
    public void Forward()
    {
        InputProjections();
        EnterPhase?.Invoke(TrainingPhase.F3);
        if (_model.HasChannel)
        {
            ChannelLoop();
        }
        else
        {
            _plainLstm!.Steps = _steps;
            _device.LstmSequenceForward(_plainLstm);
        }

        EnterPhase?.Invoke(TrainingPhase.F4);
        BatchedNets();
        SumTerms();
    }

    // F1, F1′ and F2.
    void InputProjections()
    {
        var t = _steps;
        EnterPhase?.Invoke(TrainingPhase.F1);
        if (_model.IsCategorical && !_projectsVocabulary)
            _device.EmbeddingForward(_a.Tokens.Range(0, (t + 1) * _batchSize), Value("embedding.weight"), Span(_a.Embedded, 0, t + 1));
        if (_model.HasBackwardLstm)
        {
            if (_projectsVocabulary)
                ProjectVocabulary(t + 1, _weights.BackwardInput, Value("backward_lstm.bias"), _a.BackwardTokenGates, _a.BackwardGates);
            EnterPhase?.Invoke(TrainingPhase.F1BackwardLstm);

            // The initial slot moves with T, and an earlier, longer batch may have written there.
            _device.Zero(At(_a.BackwardH, t + 1));
            _device.Zero(At(_a.BackwardC, t + 1));
            _backwardLstm!.Steps = t + 1;
            _device.LstmSequenceForward(_backwardLstm);
        }

        EnterPhase?.Invoke(TrainingPhase.F2);
        if (_projectsVocabulary)
            ProjectVocabulary(t, _weights.ForwardInput, Value("forward_lstm.bias"), _a.TokenGates, _a.Gates);
        if (!_model.HasChannel)
            return;
        if (!_projectsVocabulary)
            _device.Multiply(Span(_a.Embedded, 0, t), _weights.ForwardInput, Value("forward_lstm.bias"), Span(_a.Gates, 0, t), accumulate: false);
        _device.Multiply(BackwardStates(), _weights.PosteriorB, Value("posterior.hidden.bias"), Span(_a.PosteriorHidden, 0, t), accumulate: false);
    }

    // The inputs of an LSTM's gates at time steps 0..count-1, each id projected once.
    void ProjectVocabulary(int count, Weight weight, Tensor bias, Tensor tokenGates, Tensor gates)
    {
        _device.Multiply(Value("embedding.weight"), weight, bias, tokenGates, accumulate: false);
        _device.EmbeddingForward(_a.Tokens.Range(0, count * _batchSize), tokenGates, Span(gates, 0, count));
    }

    // F3: five products a time step, three where b̃ does not feed the LSTM.
    void ChannelLoop()
    {
        var m = _model.MlpUnits;
        var psiBias = Value("psi.hidden.bias");
        var psiOutputBias = Value("psi.output.bias");
        var posteriorOutputBias = Value("posterior.output.bias");
        var qHat = _a.HiddenProduct.ColumnRange(0, m);
        var aHat = _a.HiddenProduct.ColumnRange(m, 4 * _model.LstmUnits);
        for (var t = 0; t < _steps; t++)
        {
            var (gates, z) = (At(_a.Gates, t), At(_a.Z, t));
            var (posteriorHidden, posteriorOutput) = (At(_a.PosteriorHidden, t), At(_a.PosteriorOutput, t));
            _device.Multiply(At(_a.H, t), _weights.HiddenStack, default, _a.HiddenProduct, accumulate: false);
            _device.LeakyReluForward(qHat, posteriorHidden, posteriorHidden, _phi);
            _device.Multiply(posteriorHidden, _weights.PosteriorOutput, posteriorOutputBias, posteriorOutput, accumulate: false);
            _device.SampleGaussianForward(posteriorOutput, At(_a.EpsilonZ, t), z, _latentHead);
            if (_model.FeedsBTilde)
            {
                var (psiHidden, psiOutput, bTilde) = (At(_a.PsiHidden, t), At(_a.PsiOutput, t), At(_a.BTilde, t));
                _device.MultiplyLeakyRelu(z, _weights.PsiHidden, psiBias, psiHidden, _phi);
                _device.Multiply(psiHidden, _weights.PsiOutput, psiOutputBias, psiOutput, accumulate: false);
                _device.SampleGaussianForward(psiOutput, At(_a.EpsilonB, t), bTilde, _reconstructionHead);
                _device.Multiply(At(_a.LatentInput, t), _weights.LatentStack, default, gates, accumulate: true);
            }
            else
            {
                _device.Multiply(z, _weights.ForwardZ, default, gates, accumulate: true);
            }

            _device.LstmCellForward(gates, aHat, At(_a.C, t), default, At(_a.C, t + 1), At(_a.TanhC, t), At(_a.H, t + 1));
        }
    }

    // F4: prior, ψ where it is outside the loop, ξ and generator over all steps at once, and every density.
    void BatchedNets()
    {
        var t = _steps;
        if (_model.HasChannel)
        {
            var hPrevious = Span(_a.H, 0, t);
            var z = Span(_a.Z, 0, t);
            _prior?.Forward(hPrevious);
            _device.GaussianKlForward(Span(_a.PosteriorOutput, 0, t), Span(_a.PriorOutput, 0, t), Span(_a.Kl, 0, t), _latentHead);
            if (_psi is not null)
            {
                _psi.Forward(z);
                ReconstructionMeans(_a.PsiOutput);
            }

            _device.GaussianLogDensityForward(BackwardStates(), Span(_a.PsiOutput, 0, t), Span(_a.LogPPsi, 0, t), 1, _latentHead);
            if (_xi is not null)
            {
                _xi.Forward(z);
                ReconstructionMeans(_a.XiOutput);
                _device.GaussianLogDensityForward(hPrevious, Span(_a.XiOutput, 0, t), Span(_a.LogPXi, 0, t), 1, _latentHead);
            }
        }

        var (hidden, h) = (Span(_a.GeneratorHidden, 0, t), Span(_a.H, 1, t));
        _device.Multiply(h, _weights.GeneratorH, Value("generator.hidden.bias"), hidden, accumulate: false);
        if (_model.GeneratorInput == GeneratorInput.HZBTilde)
        {
            _device.Multiply(Span(_a.Z, 0, t), _weights.GeneratorZ, default, hidden, accumulate: true);
            _device.Multiply(Span(_a.BTilde, 0, t), _weights.GeneratorBTilde, default, hidden, accumulate: true);
        }

        if (_model.ReadsFuture)
            _device.Multiply(BackwardStates(), _weights.GeneratorB, default, hidden, accumulate: true);
        _device.LeakyReluForward(hidden, default, hidden, _phi);
        for (var start = 0; start < t; start += _outputSteps)
        {
            var count = Math.Min(_outputSteps, t - start);
            OutputNll(Outputs(start, count), start, count);
        }

        if (_model.Gamma > 0)
            _device.SquaredNormForward(h, Span(_a.Activity, 0, t));
    }

    // o of time steps start..start+count-1.
    Tensor Outputs(int start, int count)
    {
        var output = Span(_a.Output, 0, count);
        _device.Multiply(Span(_a.GeneratorHidden, start, count), _weights.GeneratorOutput, Value("generator.output.bias"), output, accumulate: false);
        return output;
    }

    void OutputNll(Tensor output, int start, int count)
    {
        var nll = Span(_a.Nll, start, count);
        switch (_model.OutputDistribution)
        {
            case OutputDistribution.Categorical:
                _device.CategoricalNllForward(output, Targets(start, count), nll);
                break;
            case OutputDistribution.Bernoulli:
                _device.BernoulliNllForward(output, Span(_a.Embedded, start + 1, count), nll);
                break;
            default:
                _device.GaussianLogDensityForward(Span(_a.Embedded, start + 1, count), output, nll, -1, _latentHead);
                break;
        }
    }

    // The ids that follow those of time steps start..start+count-1.
    IdTensor Targets(int start, int count) => _a.Tokens.Range((start + 1) * _batchSize, count * _batchSize);

    void ReconstructionMeans(Tensor output)
    {
        if (_reconstructionHead.TanhMean)
            _device.SampleGaussianForward(Span(output, 0, _steps), default, default, _reconstructionHead);
    }

    void SumTerms()
    {
        Sum(_a.Nll, 0);
        Sum(_a.Kl, 1);
        Sum(_a.LogPPsi, 2);
        Sum(_a.LogPXi, 3);
        if (_model.Gamma > 0)
            Sum(_a.Activity, 4);
        _device.WeightedSum(_a.Terms, _a.Scalars.Coefficients, _a.Objective);
    }

    void Sum(Tensor values, int term)
    {
        if (!values.IsEmpty)
            _device.WeightedSum(Span(values, 0, _steps), Span(_a.LossWeight, 0, _steps), _a.Terms.RowRange(term, 1));
    }

    // b_t = β_{t-1+δ} for t = 1..T.
    Tensor BackwardStates() => Span(_a.BackwardH, _model.BackwardShift, _steps);

    NoiseSource Noise(NoiseStream stream) => new(_a.Scalars.NoiseKey, _a.RowIds, stream);
}
