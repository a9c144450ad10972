namespace VBiLstm.Data;

/// <summary>A split once through, in the order of its numbers (by length where lengths differ); rows are numbered by the data set.</summary>
public sealed class EvaluationBatches
{
    readonly SequenceDataset _data;
    readonly int _batchSize;
    readonly int[] _order;

    public EvaluationBatches(SequenceDataset data, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        (_data, _batchSize) = (data, batchSize);
        _order = [.. Enumerable.Range(0, data.Count).OrderBy(data.Length)];
    }

    public int Count => (_order.Length + _batchSize - 1) / _batchSize;

    public void Read(int number, SequenceBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var start = number * _batchSize;
        BatchFilling.Fill(_data, _order.AsSpan(start, Math.Min(_batchSize, _order.Length - start)), 0, batch, numberedByDataset: true);
    }
}
