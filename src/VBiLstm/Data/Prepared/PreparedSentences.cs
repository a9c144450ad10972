namespace VBiLstm.Data.Prepared;

/// <summary>Sentences of token ids, each from its begin to its end token: a sentence of n ids has n - 1 predicted steps.</summary>
sealed class PreparedSentences : SequenceDataset
{
    readonly PreparedSplitFile _split;
    readonly int[] _ids;

    public PreparedSentences(PreparedSplitFile split, PreparedManifest manifest, string name)
    {
        _split = split;
        (Count, VocabularySize, Unit) = (split.Count, manifest.VocabularySize, manifest.Unit);
        for (var i = 0; i < Count; i++)
        {
            var length = split.Length(i);
            if (length < 2)
                throw new DataException($"{name}, sentence {i}: {length} token; a sentence has at least its begin and its end. Prepare the data again.");
            MaximumLength = Math.Max(MaximumLength, length - 1);
        }

        if (Count == 0)
            throw new DataException($"{name} holds no sentence; a split needs one at least.");
        split.CheckIds(VocabularySize);
        _ids = new int[MaximumLength + 1];
    }

    public override int Count { get; }

    public override int FrameSize => 0;

    public override int VocabularySize { get; }

    public override int MaximumLength { get; }

    public override TaskUnit Unit { get; }

    public override int Length(int index) => _split.Length(index) - 1;

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var ids = _ids.AsSpan(0, _split.Length(index));
        _split.Read(index, 0, ids);
        BatchFilling.FillRow(batch, row, ids);
    }

    protected override void Dispose(bool disposing)
    {
        _split.Dispose();
        base.Dispose(disposing);
    }
}
