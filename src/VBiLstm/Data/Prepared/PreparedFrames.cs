namespace VBiLstm.Data.Prepared;

/// <summary>
/// Sequences of standardised frames; s_0 is an all-zero start frame and s_1..s_T are the frames, or s_0 is the first frame where that is only read.
/// </summary>
sealed class PreparedFrames : SequenceDataset
{
    readonly PreparedSplitFile _split;
    readonly float[] _values;
    readonly bool _behindZeros;

    public PreparedFrames(PreparedSplitFile split, PreparedManifest manifest, string name)
    {
        _split = split;
        (Count, FrameSize, Unit, _behindZeros) = (split.Count, manifest.FrameSize, manifest.Unit, !manifest.IsStream);
        var longest = 0;
        for (var i = 0; i < Count; i++)
        {
            longest = Math.Max(longest, split.Length(i));
            if (Length(i) < 1)
                throw new DataException($"{name}, sequence {i} has 1 frame; where the first is only read it needs two at least. Prepare the data again.");
        }

        MaximumLength = longest - (_behindZeros ? 0 : 1);
        if (Count == 0)
            throw new DataException($"{name} holds no sequence; a split needs one at least.");
        if ((long)longest * FrameSize > Array.MaxLength)
            throw new DataException($"{name}: a sequence of {longest:N0} frames of {FrameSize:N0} samples is longer than can be read at once "
                + $"({Array.MaxLength:N0} samples); cut it.");
        _values = new float[longest * FrameSize];
    }

    public override int Count { get; }

    public override int FrameSize { get; }

    public override int VocabularySize => 0;

    public override int MaximumLength { get; }

    public override TaskUnit Unit { get; }

    public override int Length(int index) => _split.Length(index) - (_behindZeros ? 0 : 1);

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var values = _values.AsSpan(0, _split.Length(index) * FrameSize);
        _split.Read(index, 0, values);
        BatchFilling.FillRow(batch, row, values, _behindZeros);
    }

    protected override void Dispose(bool disposing)
    {
        _split.Dispose();
        base.Dispose(disposing);
    }
}
