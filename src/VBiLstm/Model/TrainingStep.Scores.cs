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
        SumValid(_pass.Nll, nll);
        kl.Clear();
        logWeight.Clear();
        if (_pass.Latents is not { } latents)
            return;
        SumValid(latents.Kl, kl);
        if (logWeight.IsEmpty)
            return;
        var (z, logDensity) = (_frame.Whole(latents.Z), _frame.Whole(latents.LogDensity));
        var head = _workspace.Functions.Latent;
        _device.GaussianLogDensityForward(z, _frame.Whole(latents.Prior), logDensity, 1, head);
        AddValid(latents.LogDensity, 1, logWeight);
        _device.GaussianLogDensityForward(z, _frame.Whole(latents.Posterior), logDensity, 1, head);
        AddValid(latents.LogDensity, -1, logWeight);
    }

    /// <summary>
    /// After <see cref="Forward"/>: adds to per-dimension sums over the valid steps of all rows: the KL of each latent dimension, E_q[z] and its square.
    /// Spans have length Z.
    /// </summary>
    public void LatentStatistics(Span<double> kl, Span<double> mean, Span<double> meanSquare)
    {
        if (_pass.Latents is not { } latents)
            return;
        var z = _model.LatentUnits;
        var rows = Steps * BatchSize;
        var q = new float[rows * 2 * z];
        var p = new float[rows * 2 * z];
        var validity = _frame.Inputs.HostValidity;
        _device.Download(_frame.Whole(latents.Posterior), q);
        if (!latents.Prior.IsEmpty)
            _device.Download(_frame.Whole(latents.Prior), p);
        for (var row = 0; row < rows; row++)
        {
            if (validity[row + BatchSize] == 0)
                continue;
            for (var j = 0; j < z; j++)
            {
                var at = row * 2 * z + j;
                double lambdaQ = Math.Clamp(q[at + z], _model.LogVarianceMin, _model.LogVarianceMax);
                double lambdaP = Math.Clamp(p[at + z], _model.LogVarianceMin, _model.LogVarianceMax);
                double difference = q[at] - p[at];
                if (latents.Prior.IsEmpty)
                    (lambdaP, difference) = (0, q[at]);
                kl[j] += 0.5 * (lambdaP - lambdaQ + Math.Exp(lambdaQ - lambdaP) + difference * difference * Math.Exp(-lambdaP) - 1);
                mean[j] += q[at];
                meanSquare[j] += (double)q[at] * q[at];
            }
        }
    }

    void SumValid(Tensor values, Span<double> sums)
    {
        sums.Clear();
        if (!sums.IsEmpty)
            AddValid(values, 1, sums);
    }

    void AddValid(Tensor values, double sign, Span<double> sums)
    {
        var rows = Steps * BatchSize;
        var validity = _frame.Inputs.HostValidity;
        _device.Download(_frame.Whole(values), _hostRows.AsSpan(0, rows));
        for (var row = 0; row < rows; row++)
            if (validity[row + BatchSize] != 0)
                sums[row % BatchSize] += sign * _hostRows[row];
    }
}
