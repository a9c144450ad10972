using System.Runtime.InteropServices;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// What the host gives a step, side by side in device memory so that one upload brings it. The tokens or frames come last: a shorter batch leaves their end
/// behind.
/// </summary>
sealed class StepInputs
{
    // Every part begins at a multiple of 64 bytes, as the arena's tensors do.
    const int Alignment = 16;

    readonly Device _device;
    readonly ModelConfiguration _model;
    readonly int _batchSize, _samples, _sampleKeys, _settings, _rowIds, _validity, _lossWeight, _sampleTokens, _sequences;
    readonly IdTensor _all;
    readonly int[] _host;
    int _pending;

    public StepInputs(Workspace workspace, ModelConfiguration model, in StepSizes sizes)
    {
        var once = sizes.PerSequence;
        (_device, _model, _batchSize, _samples) = (workspace.Device, model, once.BatchSize, sizes.Samples);
        var (tokens, columns) = (checked((sizes.MaximumSteps + 1) * _batchSize), model.IsCategorical ? 1 : model.FrameSize);
        var words = StepScalars.Words;
        _sampleKeys = Next((_samples - 1) * StepScalars.KeyWords);
        (_settings, _pending) = (words, words);
        (_rowIds, _validity, _lossWeight) = (Next(_batchSize), Next(tokens), Next(once.Rows));
        var sampleTokens = model.IsCategorical && _samples > 1 ? checked(tokens * _samples) : 0;
        (_sampleTokens, _sequences) = (Next(sampleTokens), Next(checked(tokens * columns)));
        _all = workspace.TakeIds(words);
        _host = workspace.IsMeasuring ? [] : new int[words];
        Scalars = new StepScalars(_all.Range(0, StepScalars.Words));
        RowIds = _all.Range(_rowIds, _batchSize);
        Validity = Column(_validity, tokens);
        LossWeight = Column(_lossWeight, once.Rows);
        if (model.IsCategorical)
            (Tokens, SampleTokens) = (_all.Range(_sequences, tokens), _samples > 1 ? _all.Range(_sampleTokens, sampleTokens) : _all.Range(_sequences, tokens));
        else
            Frames = new Tensor(AddressOf(_sequences), tokens, columns, columns);

        int Next(int count)
        {
            var start = checked(words + Alignment - 1) / Alignment * Alignment;
            words = checked(start + count);
            return start;
        }
    }

    public StepScalars Scalars { get; }

    /// <summary>[B], of the sequences as everything else here.</summary>
    public IdTensor RowIds { get; }

    /// <summary>v_k, [T+1, B, 1].</summary>
    public Tensor Validity { get; }

    /// <summary>w_t, [T, B, 1].</summary>
    public Tensor LossWeight { get; }

    /// <summary>s_k, [(T+1)·B]; empty where the data are frames.</summary>
    public IdTensor Tokens { get; }

    /// <summary>As <see cref="Tokens"/> for every row of a sequence, [(T+1)·samples·B].</summary>
    public IdTensor SampleTokens { get; }

    /// <summary>s_k, [T+1, B, D]; empty where the data are tokens.</summary>
    public Tensor Frames { get; }

    /// <summary>Key of the noise of a sample: that of the settings, and of the trajectories after it.</summary>
    public IdTensor NoiseKey(int sample)
        => sample == 0 ? Scalars.NoiseKey : _all.Range(_sampleKeys + (sample - 1) * StepScalars.KeyWords, StepScalars.KeyWords);

    /// <summary>Whether a batch was taken that <see cref="Upload"/> has not brought yet.</summary>
    public bool HasPendingBatch => _pending > _settings;

    /// <summary>v_k of the batch taken last, [T+1, B], on the host.</summary>
    public ReadOnlySpan<float> HostValidity => Floats(_validity, Validity.Rows);

    /// <summary>Takes a batch that fits, for the next <see cref="Upload"/>.</summary>
    public void Take(SequenceBatch batch)
    {
        var tokens = (batch.Steps + 1) * _batchSize;
        batch.RowIds.CopyTo(_host.AsSpan(_rowIds));
        var validity = Floats(_validity, Validity.Rows);
        var lossWeight = Floats(_lossWeight, LossWeight.Rows);
        var normaliser = 1f / Math.Max(1, batch.StepSequences);
        for (var k = 0; k <= batch.Steps; k++)
        {
            for (var n = 0; n < _batchSize; n++)
            {
                var valid = n < batch.Sequences && k <= batch.Lengths[n];
                validity[k * _batchSize + n] = valid ? 1 : 0;
                if (k > 0)
                    lossWeight[(k - 1) * _batchSize + n] = valid ? normaliser : 0;
            }
        }

        if (_model.IsCategorical)
        {
            batch.Tokens.AsSpan(0, tokens).CopyTo(_host.AsSpan(_sequences));
            for (var row = 0; _samples > 1 && row < tokens * _samples; row += _batchSize)
                batch.Tokens.AsSpan(row / (_samples * _batchSize) * _batchSize, _batchSize).CopyTo(_host.AsSpan(_sampleTokens + row));
        }
        else
        {
            batch.Frames.AsSpan(0, tokens * _model.FrameSize).CopyTo(Floats(_sequences, tokens * _model.FrameSize));
        }

        _pending = _sequences + tokens * (_model.IsCategorical ? 1 : _model.FrameSize);
    }

    /// <summary>Brings a step's settings to the device, and the batch with them where one was taken since the last time.</summary>
    /// <param name="settings">Of the step.</param>
    /// <param name="training">Adam's constants; null where no update follows.</param>
    public void Upload(in StepSettings settings, TrainingConfiguration? training)
    {
        StepScalars.Write(settings, _model, training, _host.AsSpan(0, StepScalars.Words));
        for (var sample = 1; sample < _samples; sample++)
            StepScalars.WriteKey(settings with { Step = settings.Step + sample }, _host.AsSpan(_sampleKeys + (sample - 1) * StepScalars.KeyWords));
        _device.Upload(_host.AsSpan(0, _pending), _all.Range(0, _pending));
        _pending = _settings;
    }

    Span<float> Floats(int start, int count) => MemoryMarshal.Cast<int, float>(_host.AsSpan(start, count));

    Tensor Column(int start, int rows) => new(AddressOf(start), rows, 1, 1);

    nint AddressOf(int start) => _all.Address + (nint)start * sizeof(float);
}
