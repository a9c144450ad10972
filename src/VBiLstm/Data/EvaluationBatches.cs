namespace VBiLstm.Data;

/// <summary>
/// A split once through, in the order of its numbers (by length where lengths differ; row by row where state is carried); rows are numbered by the data set.
/// </summary>
sealed class EvaluationBatches
{
    readonly SequenceDataset _data;
    readonly int _batchSize;
    readonly int[] _order;
    readonly int[] _carried;

    public EvaluationBatches(SequenceDataset data, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        (_data, _batchSize) = (data, batchSize);
        _carried = data.CarriesState ? new int[batchSize] : [];
        _order = data.CarriesState ? [] : [.. Enumerable.Range(0, data.Count).OrderBy(data.Length)];
    }

    public int Count => (_data.Count + _batchSize - 1) / _batchSize;

    /// <summary>Reads a shard of a batch, both counted from 0: as many rows as <paramref name="batch"/> has.</summary>
    public void Read(int number, SequenceBatch batch, int shard = 0)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (_data.CarriesState)
        {
            var count = CarriedOrder.Read(_data.Count, number, _carried);
            BatchFilling.Fill(_data, _carried.AsSpan(0, count), shard, 0, batch, numberedByDataset: true);
            batch.Continues = number > 0;
            return;
        }

        BatchFilling.Fill(_data, Sequences(number), shard, 0, batch, numberedByDataset: true);
    }

    /// <summary>
    /// Reads shards of any batches side by side, so many rows each; rows without a sequence become padding. Not where state is carried, which goes from batch
    /// to batch.
    /// </summary>
    internal void Read(ReadOnlySpan<(int Batch, int Shard)> shards, int shardSize, SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var rows = new int[batch.BatchSize];
        Array.Fill(rows, BatchFilling.NoSequence);
        for (var i = 0; i < shards.Length; i++)
        {
            var sequences = Sequences(shards[i].Batch);
            var first = Math.Min(shards[i].Shard * shardSize, sequences.Length);
            sequences.Slice(first, Math.Min(shardSize, sequences.Length - first)).CopyTo(rows.AsSpan(i * shardSize));
        }

        BatchFilling.Fill(_data, rows, batch);
    }

    ReadOnlySpan<int> Sequences(int number)
    {
        var start = number * _batchSize;
        return _order.AsSpan(start, Math.Min(_batchSize, _order.Length - start));
    }
}
