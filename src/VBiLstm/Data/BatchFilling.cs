namespace VBiLstm.Data;

static class BatchFilling
{
    /// <summary>Fills a batch with the sequences of the given numbers; the rows behind them become padding.</summary>
    public static void Fill(SequenceDataset data, ReadOnlySpan<int> indices, long epoch, SequenceBatch batch, bool numberedByDataset)
    {
        batch.Sequences = indices.Length;
        batch.Continues = false;
        batch.Steps = 1;
        foreach (var index in indices)
            batch.Steps = Math.Max(batch.Steps, data.Length(index));
        for (var row = 0; row < batch.BatchSize; row++)
        {
            var used = row < indices.Length;
            batch.Lengths[row] = used ? data.Length(indices[row]) : 0;
            batch.RowIds[row] = !used ? 0 : numberedByDataset ? indices[row] : row;
            if (used)
                data.Fill(indices[row], epoch, batch, row);
            else
                ClearRow(batch, row);
        }
    }

    static void ClearRow(SequenceBatch batch, int row)
    {
        for (var k = 0; k <= batch.Steps; k++)
        {
            if (batch.FrameSize > 0)
                batch.Frames.AsSpan((k * batch.BatchSize + row) * batch.FrameSize, batch.FrameSize).Clear();
            else
                batch.Tokens[k * batch.BatchSize + row] = 0;
        }
    }
}
