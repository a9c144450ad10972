using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    /// <summary>
    /// After <see cref="Forward"/>: sums over the valid steps of each row, nats, accumulated in double. Spans have length B; an empty span is not filled.
    /// </summary>
    /// <param name="nll">−log p_η.</param>
    /// <param name="kl">KL(q ‖ p), analytic given the sampled past; 0 for <c>lstm</c>.</param>
    /// <param name="logWeight">log p_θ(z) − log q_φ(z) of the sampled z, for importance weights.</param>
    public void SequenceScores(Span<double> nll, Span<double> kl, Span<double> logWeight)
    {
        SumValid(_a.Nll, 1, nll);
        SumValid(_a.Kl, 1, kl);
        logWeight.Clear();
        if (logWeight.IsEmpty || !_model.HasChannel)
            return;
        var (z, q, p) = (Span(_a.Z, 0, _steps), Span(_a.PosteriorOutput, 0, _steps), Span(_a.PriorOutput, 0, _steps));
        _device.GaussianLogDensityForward(z, q, Span(_a.LogQZ, 0, _steps), 1, _latentHead);
        _device.GaussianLogDensityForward(z, p, Span(_a.LogPZ, 0, _steps), 1, _latentHead);
        AddValid(_a.LogPZ, 1, logWeight);
        AddValid(_a.LogQZ, -1, logWeight);
    }

    /// <summary>
    /// After <see cref="Forward"/>: adds to per-dimension sums over the valid steps of all rows: the KL of each latent dimension, E_q[z] and its square. Spans have length Z.
    /// </summary>
    public void LatentStatistics(Span<double> kl, Span<double> mean, Span<double> meanSquare)
    {
        if (!_model.HasChannel)
            return;
        var z = _model.LatentUnits;
        var rows = _steps * _batchSize;
        var q = new float[rows * 2 * z];
        var p = new float[rows * 2 * z];
        _device.Download(_a.PosteriorOutput.RowRange(0, rows), q);
        if (!_a.PriorOutput.IsEmpty)
            _device.Download(_a.PriorOutput.RowRange(0, rows), p);
        for (var row = 0; row < rows; row++)
        {
            if (_hostValidity[row + _batchSize] == 0)
                continue;
            for (var j = 0; j < z; j++)
            {
                var at = row * 2 * z + j;
                double lambdaQ = Math.Clamp(q[at + z], _model.LogVarianceMin, _model.LogVarianceMax);
                double lambdaP = Math.Clamp(p[at + z], _model.LogVarianceMin, _model.LogVarianceMax);
                double difference = q[at] - p[at];
                if (_a.PriorOutput.IsEmpty)
                    (lambdaP, difference) = (0, q[at]);
                kl[j] += 0.5 * (lambdaP - lambdaQ + Math.Exp(lambdaQ - lambdaP) + difference * difference * Math.Exp(-lambdaP) - 1);
                mean[j] += q[at];
                meanSquare[j] += (double)q[at] * q[at];
            }
        }
    }

    void SumValid(Tensor values, double sign, Span<double> sums)
    {
        sums.Clear();
        if (!values.IsEmpty && !sums.IsEmpty)
            AddValid(values, sign, sums);
    }

    void AddValid(Tensor values, double sign, Span<double> sums)
    {
        _device.Download(Span(values, 0, _steps), _hostRows.AsSpan(0, _steps * _batchSize));
        for (var row = 0; row < _steps * _batchSize; row++)
            if (_hostValidity[row + _batchSize] != 0)
                sums[row % _batchSize] += sign * _hostRows[row];
    }
}
