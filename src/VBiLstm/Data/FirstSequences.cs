namespace VBiLstm.Data;

/// <summary>The first sequences of a split, whose owner is elsewhere.</summary>
sealed class FirstSequences : SequenceDataset
{
    /// <summary>As many as tell what is usual.</summary>
    public const int Most = 1000;

    readonly SequenceDataset _data;

    /// <param name="data">The split, of which <see cref="Most"/> are taken at most.</param>
    public FirstSequences(SequenceDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        (_data, Count) = (data, Math.Min(data.Count, Most));
    }

    public override int Count { get; }

    public override int FrameSize => _data.FrameSize;

    public override int VocabularySize => _data.VocabularySize;

    public override int MaximumLength => _data.MaximumLength;

    public override bool CarriesState => _data.CarriesState;

    public override TaskUnit Unit => _data.Unit;

    public override int Length(int index) => _data.Length(index);

    public override void Fill(int index, long epoch, SequenceBatch batch, int row) => _data.Fill(index, epoch, batch, row);
}
