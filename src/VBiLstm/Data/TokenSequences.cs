namespace VBiLstm.Data;

/// <summary>Sequences of token ids that a program has in memory, sentences for instance. One long text is a <see cref="TokenStream"/>.</summary>
public sealed class TokenSequences : SequenceDataset
{
    readonly IReadOnlyList<int[]> _sequences;

    /// <param name="vocabularySize">V; every id is below it.</param>
    /// <param name="sequences">Ids, [T+1] each, of which the first is only read. The arrays are kept, not copied.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">No sequence, one of fewer than two ids, or an id outside of the vocabulary.</exception>
    public TokenSequences(int vocabularySize, IReadOnlyList<int[]> sequences, TaskUnit unit = TaskUnit.Nats, string name = "the tokens")
    {
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        (VocabularySize, _sequences, Unit) = (vocabularySize, sequences, unit);
        if (sequences.Count == 0)
            throw new DataException($"{name} hold no sequence.");
        for (var i = 0; i < sequences.Count; i++)
        {
            var ids = sequences[i] ?? throw new DataException($"{name}, sequence {i} is null.");
            if (ids.Length < 2)
                throw new DataException($"{name}, sequence {i} has {ids.Length} tokens; it needs two, one to read and one to predict.");
            TokenStream.CheckIds(ids, vocabularySize, $"{name}, sequence {i}");
        }

        MaximumLength = sequences.Max(ids => ids.Length) - 1;
    }

    /// <inheritdoc/>
    public override int Count => _sequences.Count;

    /// <inheritdoc/>
    public override int FrameSize => 0;

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override int MaximumLength { get; }

    /// <inheritdoc/>
    public override TaskUnit Unit { get; }

    /// <inheritdoc/>
    public override int Length(int index) => _sequences[index].Length - 1;

    /// <inheritdoc/>
    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        BatchFilling.FillRow(batch, row, _sequences[index]);
    }
}
