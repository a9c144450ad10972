using VBiLstm.Devices;
using VBiLstm.Model.Models;

namespace VBiLstm.Model;

sealed partial class TrainingStep
{
    // The moments of the last pass on the host, [T, B, 2Z] each, where they were asked for, and e^(λ_q − λ_p) and e^(−λ_p) of one row.
    float[] _posteriorMoments = [], _priorMoments = [];
    double[] _exponentials = [];
    bool _hasMoments;

    /// <summary>
    /// After <see cref="Forward()"/>: sums over the valid steps of each row, nats, accumulated in double. Spans have length B; an empty span is not filled.
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
    /// After <see cref="Forward()"/>: adds to per-dimension sums over the valid steps of some sequences, of several samples those of the first: the KL of each
    /// latent dimension, E_q[z] and its square. Spans have length Z.
    /// </summary>
    /// <param name="first">The first sequence of the batch.</param>
    /// <param name="count">Sequences.</param>
    /// <param name="kl">KL.</param>
    /// <param name="mean">E_q[z].</param>
    /// <param name="meanSquare">Its square.</param>
    public void LatentStatistics(int first, int count, Span<double> kl, Span<double> mean, Span<double> meanSquare)
    {
        if (_pass.Latents is not { } latents)
            return;
        ReadMoments(latents);
        var (z, p, q) = (_model.LatentUnits, _priorMoments, _posteriorMoments);
        var ratios = _exponentials.AsSpan(0, z);
        var precisions = _exponentials.AsSpan(z, z);
        var validity = _frame.Inputs.HostValidity;
        for (var t = 0; t < Steps; t++)
        {
            for (var n = first; n < first + count; n++)
            {
                if (validity[(t + 1) * Sequences + n] == 0)
                    continue;
                var at = (t * BatchSize + n) * 2 * z;
                for (var j = 0; j < z; j++)
                {
                    precisions[j] = -PriorLogVariance(at + z + j);
                    ratios[j] = Clamped(q[at + z + j]) + precisions[j];
                }

                Exponentials.Replace(_exponentials);
                for (var j = 0; j < z; j++)
                {
                    double muQ = q[at + j], difference = p.Length == 0 ? q[at + j] : q[at + j] - p[at + j];
                    kl[j] += 0.5 * (PriorLogVariance(at + z + j) - Clamped(q[at + z + j]) + ratios[j] + difference * difference * precisions[j] - 1);
                    mean[j] += muQ;
                    meanSquare[j] += muQ * muQ;
                }
            }
        }

        // A fixed prior is N(0, I).
        double PriorLogVariance(int index) => p.Length == 0 ? 0 : Clamped(p[index]);
    }

    double Clamped(float logVariance) => Math.Clamp(logVariance, _model.LogVarianceMin, _model.LogVarianceMax);

    void ReadMoments(LatentTensors latents)
    {
        if (_hasMoments)
            return;
        _hasMoments = true;
        if (_posteriorMoments.Length == 0)
        {
            _posteriorMoments = new float[latents.Posterior.Count];
            _priorMoments = new float[latents.Prior.Count];
            _exponentials = new double[2 * _model.LatentUnits];
        }

        var (q, p) = (_frame.Whole(latents.Posterior), _frame.Whole(latents.Prior));
        _device.Download(q, _posteriorMoments.AsSpan(0, (int)q.Count));
        if (!p.IsEmpty)
            _device.Download(p, _priorMoments.AsSpan(0, (int)p.Count));
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
            if (validity[(row / BatchSize + 1) * Sequences + row % Sequences] != 0)
                sums[row % BatchSize] += sign * _hostRows[row];
    }
}
