using VBiLstm.Noise;

namespace VBiLstm.Data;

/// <summary>
/// The training split as an endless sequence of batches, any of which can be read directly: the order of an epoch depends on (seed, epoch) alone.
/// Sequences of similar length share a batch where lengths differ. Each sequence comes once an epoch; one batch of an epoch may be partial.
/// Where state is carried, every epoch reads the data in their own order.
/// </summary>
sealed class TrainingBatches
{
    // Batches whose sequences are sorted by length together: enough to pad little, few enough to stay random.
    const int BatchesPerWindow = 64;

    readonly SequenceDataset _data;
    readonly int _batchSize;
    readonly long _seed;
    readonly int[] _order;
    readonly int[] _batchOrder;
    readonly long[] _keys;
    readonly int[] _carried;
    readonly bool _lengthsDiffer;
    long _epoch = -1;

    public TrainingBatches(SequenceDataset data, int batchSize, long seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        (_data, _batchSize, _seed) = (data, batchSize, seed);
        _order = new int[data.Count];
        BatchesPerEpoch = BatchesPerEpochOf(data, batchSize);
        _batchOrder = new int[BatchesPerEpoch];
        _carried = data.CarriesState ? new int[batchSize] : [];
        _lengthsDiffer = !data.CarriesState && Enumerable.Range(0, data.Count).Any(index => data.Length(index) != data.MaximumLength);
        _keys = _lengthsDiffer ? new long[data.Count] : [];
    }

    public int BatchesPerEpoch { get; }

    /// <summary>As <see cref="BatchesPerEpoch"/>, before anything is arranged.</summary>
    public static int BatchesPerEpochOf(SequenceDataset data, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(data);
        return (data.Count + batchSize - 1) / batchSize;
    }

    /// <summary>Passes over the data after <paramref name="steps"/> steps.</summary>
    public double Epochs(long steps) => (double)steps / BatchesPerEpoch;

    /// <summary>Reads a shard of the batch of step <paramref name="step"/>, both counted from 0: as many rows as <paramref name="batch"/> has.</summary>
    public void Read(long step, SequenceBatch batch, int shard = 0)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (epoch, number) = Math.DivRem(step, BatchesPerEpoch);
        if (_data.CarriesState)
        {
            var count = CarriedOrder.Read(_data.Count, (int)number, _carried);
            BatchFilling.Fill(_data, _carried.AsSpan(0, count), shard, epoch, batch, numberedByDataset: false);
            batch.Continues = number > 0;
            return;
        }

        if (epoch != _epoch)
            Arrange(epoch);
        var start = _batchOrder[number] * _batchSize;
        BatchFilling.Fill(_data, _order.AsSpan(start, Math.Min(_batchSize, _order.Length - start)), shard, epoch, batch, numberedByDataset: false);
    }

    void Arrange(long epoch)
    {
        for (var i = 0; i < _order.Length; i++)
            _order[i] = i;
        for (var i = 0; i < _batchOrder.Length; i++)
            _batchOrder[i] = i;
        var random = new CounterRandom(_seed, NoiseStream.Shuffle, 0, (uint)epoch);
        CounterRandom.Shuffle(_order, ref random);
        if (_lengthsDiffer)
        {
            // Sequences of one length stay as they were shuffled, or they would share a batch in every epoch.
            for (var i = 0; i < _order.Length; i++)
                _keys[i] = (long)_data.Length(_order[i]) << 32 | (uint)i;
            var window = checked(BatchesPerWindow * _batchSize);
            for (var start = 0; start < _order.Length; start += window)
            {
                var count = Math.Min(window, _order.Length - start);
                _keys.AsSpan(start, count).Sort(_order.AsSpan(start, count));
            }

            CounterRandom.Shuffle(_batchOrder, ref random);
        }

        _epoch = epoch;
    }
}
