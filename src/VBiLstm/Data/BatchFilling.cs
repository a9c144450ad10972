namespace VBiLstm.Data;

static class BatchFilling
{
    /// <summary>
    /// Fills a batch with one shard, as many rows as it has, of a step's sequences of the given numbers; rows without one become padding.
    /// </summary>
    public static void Fill(SequenceDataset data, ReadOnlySpan<int> indices, int shard, long epoch, SequenceBatch batch, bool numberedByDataset)
    {
        var first = shard * batch.BatchSize;
        batch.Sequences = Math.Clamp(indices.Length - first, 0, batch.BatchSize);
        batch.OtherSequences = indices.Length - batch.Sequences;
        batch.Continues = false;
        batch.Steps = 1;
        foreach (var index in indices)
            batch.Steps = Math.Max(batch.Steps, data.Length(index));
        for (var row = 0; row < batch.BatchSize; row++)
        {
            if (row >= batch.Sequences)
            {
                (batch.Lengths[row], batch.RowIds[row]) = (0, 0);
                ClearRow(batch, row);
                continue;
            }

            var index = indices[first + row];
            batch.Lengths[row] = data.Length(index);
            batch.RowIds[row] = numberedByDataset ? index : first + row;
            data.Fill(index, epoch, batch, row);
        }
    }

    /// <summary>In the place of a sequence's number: the row is padding.</summary>
    public const int NoSequence = -1;

    /// <summary>Fills every row of a batch with the sequence of the given number, under which it draws its noise.</summary>
    public static void Fill(SequenceDataset data, ReadOnlySpan<int> rows, SequenceBatch batch)
    {
        (batch.Sequences, batch.OtherSequences, batch.Continues, batch.Steps) = (0, 0, false, 1);
        for (var row = 0; row < rows.Length; row++)
        {
            if (rows[row] == NoSequence)
                continue;
            batch.Sequences = row + 1;
            batch.Steps = Math.Max(batch.Steps, data.Length(rows[row]));
        }

        for (var row = 0; row < rows.Length; row++)
        {
            (batch.Lengths[row], batch.RowIds[row]) = rows[row] == NoSequence ? (0, 0) : (data.Length(rows[row]), rows[row]);
            if (rows[row] == NoSequence)
                ClearRow(batch, row);
            else
                data.Fill(rows[row], 0, batch, row);
        }
    }

    /// <summary>Writes s_0..s_T of ids into a row, and zeros behind them.</summary>
    public static void FillRow(SequenceBatch batch, int row, ReadOnlySpan<int> ids)
    {
        for (var k = 0; k <= batch.Steps; k++)
            batch.Tokens[k * batch.BatchSize + row] = k < ids.Length ? ids[k] : 0;
    }

    /// <summary>Writes frames one after the other into a row, from s_0 on or, behind a frame of zeros, from s_1 on, and zeros behind them.</summary>
    public static void FillRow(SequenceBatch batch, int row, ReadOnlySpan<float> frames, bool behindZeros)
    {
        for (var k = 0; k <= batch.Steps; k++)
        {
            var target = batch.Frames.AsSpan((k * batch.BatchSize + row) * batch.FrameSize, batch.FrameSize);
            var first = (behindZeros ? k - 1 : k) * batch.FrameSize;
            if (first >= 0 && first < frames.Length)
                frames.Slice(first, batch.FrameSize).CopyTo(target);
            else
                target.Clear();
        }
    }

    static void ClearRow(SequenceBatch batch, int row)
    {
        if (batch.FrameSize > 0)
            FillRow(batch, row, [], behindZeros: false);
        else
            FillRow(batch, row, []);
    }
}
