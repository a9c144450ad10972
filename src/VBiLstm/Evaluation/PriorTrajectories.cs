using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Model;
using VBiLstm.Noise;

namespace VBiLstm.Evaluation;

/// <summary>
/// −log p(y) of sequences under the generative process from K trajectories of each, side by side (model.md section 2.6): −log of the mean over trajectories
/// of Π_t p_η(y_t). Resampled it is a bootstrap particle filter (Gordon et al. 1993): trajectories that predict badly give way to copies of those that predict
/// well. The mean estimates p(y) without bias either way, so that its logarithm is a lower bound in expectation, tighter the more there are; one trajectory
/// gives the loosest.
/// </summary>
sealed class PriorTrajectories
{
    readonly PriorMode _prior;
    readonly int _count, _sequences, _idStride;
    readonly bool _resamples;
    readonly float[] _nll, _frames;
    readonly int[] _tokens, _ids, _ancestors;
    readonly double[] _logWeights;
    readonly float[][] _states, _chosen;

    /// <param name="prior">Has K rows for each sequence of a batch: trajectory k of sequence n is row k · B + n.</param>
    /// <param name="batch">B sequences, or of as many as those that follow.</param>
    /// <param name="count">K.</param>
    /// <param name="idStride">Numbers of sequences in the data set, by which those of trajectories differ.</param>
    /// <param name="resamples">Whether trajectories are resampled where their effective number falls below K/2.</param>
    public PriorTrajectories(PriorMode prior, SequenceBatch batch, int count, int idStride, bool resamples)
    {
        if ((long)count * idStride > int.MaxValue)
            throw new ConfigurationException($"{count:N0} trajectories of {idStride:N0} sequences are more than {int.MaxValue:N0}; use fewer trajectories.");
        (_prior, _count, _idStride, _resamples, _sequences) = (prior, count, idStride, resamples && count > 1, batch.BatchSize);
        var rows = checked(count * _sequences);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows, prior.BatchSize, nameof(count));
        (_nll, _ids, _ancestors, _logWeights) = (new float[rows], new int[rows], new int[rows], new double[rows]);
        (_frames, _tokens) = batch.FrameSize > 0 ? (new float[rows * batch.FrameSize], Array.Empty<int>()) : ([], new int[rows]);
        _states = _resamples ? prior.CreateStates() : [];
        _chosen = _resamples ? prior.CreateStates() : [];
    }

    /// <summary>
    /// −log p of each sequence [B], nats, over its own steps; goes on from the states of the batch before where the batch continues it.
    /// </summary>
    public double[] Score(SequenceBatch batch, long seed)
    {
        for (var row = 0; row < _ids.Length; row++)
            _ids[row] = checked(batch.RowIds[row % _sequences] + row / _sequences * _idStride);
        if (batch.Continues)
            _prior.Renumber(_ids);
        else
            _prior.Reset(_ids);
        _logWeights.AsSpan().Clear();
        var sums = new double[_sequences];
        for (var t = 0; t < batch.Steps; t++)
        {
            Step(batch, seed, t);
            for (var row = 0; row < _nll.Length; row++)
                if (t < batch.Lengths[row % _sequences])
                    _logWeights[row % _sequences * _count + row / _sequences] -= _nll[row];
            if (_resamples)
                Resample(batch, seed, t, sums);
        }

        for (var n = 0; n < _sequences; n++)
            sums[n] -= LogMeanExp.Of(LogWeights(n));
        return sums;
    }

    void Step(SequenceBatch batch, long seed, int t)
    {
        var (b, d) = (_sequences, batch.FrameSize);
        if (d > 0)
        {
            _prior.Step(OfAll(batch.Frames.AsSpan(t * b * d, b * d), _frames), seed, t);
            _prior.Score(OfAll(batch.Frames.AsSpan((t + 1) * b * d, b * d), _frames), _nll);
        }
        else
        {
            _prior.Step(OfAll(batch.Tokens.AsSpan(t * b, b), _tokens), seed, t);
            _prior.Score(OfAll(batch.Tokens.AsSpan((t + 1) * b, b), _tokens), _nll);
        }
    }

    static ReadOnlySpan<T> OfAll<T>(ReadOnlySpan<T> sequences, T[] trajectories)
    {
        for (var at = 0; at < trajectories.Length; at += sequences.Length)
            sequences.CopyTo(trajectories.AsSpan(at));
        return trajectories;
    }

    void Resample(SequenceBatch batch, long seed, int t, double[] sums)
    {
        var any = false;
        for (var row = 0; row < _ancestors.Length; row++)
            _ancestors[row] = row;
        for (var n = 0; n < _sequences; n++)
        {
            if (t + 1 >= batch.Lengths[n] || EffectiveNumber(n) >= 0.5 * _count)
                continue;
            any = true;
            sums[n] -= LogMeanExp.Of(LogWeights(n));
            var random = new CounterRandom(seed, NoiseStream.Resampling, (uint)batch.RowIds[n], (uint)t);
            ChooseAncestors(n, random.NextSingle());
        }

        if (!any)
            return;
        _prior.ReadState(_states);
        for (var i = 0; i < _states.Length; i++)
        {
            var units = _states[i].Length / _ancestors.Length;
            for (var row = 0; row < _ancestors.Length; row++)
                _states[i].AsSpan(_ancestors[row] * units, units).CopyTo(_chosen[i].AsSpan(row * units));
        }

        _prior.WriteState(_chosen);
    }

    // Systematic resampling: K points at equal distances, the first at chance, over the cumulated weights, which then are alike.
    void ChooseAncestors(int n, double offset)
    {
        var logWeights = LogWeights(n);
        var total = LogMeanExp.Of(logWeights);
        var (cumulated, child) = (0.0, 0);
        for (var k = 0; k < _count; k++)
        {
            cumulated += Math.Exp(logWeights[k] - total);
            for (; child < _count && (child + offset < cumulated || k == _count - 1); child++)
                _ancestors[child * _sequences + n] = k * _sequences + n;
        }

        logWeights.Clear();
    }

    // (Σ w)² / Σ w².
    double EffectiveNumber(int n)
    {
        var logWeights = LogWeights(n);
        var total = LogMeanExp.Of(logWeights);
        var squares = 0.0;
        foreach (var logWeight in logWeights)
            squares += Math.Exp(2 * (logWeight - total));
        return (double)_count * _count / squares;
    }

    Span<double> LogWeights(int n) => _logWeights.AsSpan(n * _count, _count);
}
