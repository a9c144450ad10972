namespace VBiLstm.Data.Prepared;

/// <summary>Sequences of standardised frames; s_0 is an all-zero start frame, s_1..s_T are the frames.</summary>
sealed class PreparedFrames : SequenceDataset
{
    readonly PreparedSplitFile _split;
    readonly float[] _values;

    public PreparedFrames(PreparedSplitFile split, PreparedManifest manifest, string name)
    {
        _split = split;
        (Count, FrameSize, Unit) = (split.Count, manifest.FrameSize, manifest.Unit);
        for (var i = 0; i < Count; i++)
            MaximumLength = Math.Max(MaximumLength, split.Length(i));
        if (Count == 0)
            throw new DataException($"{name} holds no sequence; a split needs one at least.");
        if ((long)MaximumLength * FrameSize > Array.MaxLength)
            throw new DataException($"{name}: a sequence of {MaximumLength:N0} frames of {FrameSize:N0} samples is longer than can be read at once "
                + $"({Array.MaxLength:N0} samples); cut it.");
        _values = new float[MaximumLength * FrameSize];
    }

    public override int Count { get; }

    public override int FrameSize { get; }

    public override int VocabularySize => 0;

    public override int MaximumLength { get; }

    public override TaskUnit Unit { get; }

    public override int Length(int index) => _split.Length(index);

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var values = _values.AsSpan(0, Length(index) * FrameSize);
        _split.Read(index, 0, values);
        BatchFilling.FillRow(batch, row, values, behindZeros: true);
    }

    protected override void Dispose(bool disposing)
    {
        _split.Dispose();
        base.Dispose(disposing);
    }
}
