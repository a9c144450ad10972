namespace VBiLstm.Data;

/// <summary>
/// One long text as consecutive windows: sequence i predicts tokens i W + 1 to (i + 1) W from the tokens before them, the last one what is left.
/// Every token but the first is predicted exactly once.
/// </summary>
public sealed class TokenStream : SequenceDataset
{
    readonly StreamWindows<int> _windows;

    /// <summary>Reads a part of the text.</summary>
    /// <param name="first">Number of its first token, from 0.</param>
    /// <param name="ids">Filled with the ids from there on.</param>
    public delegate void TokenReader(int first, Span<int> ids);

    /// <param name="tokens">The text's ids, at least two.</param>
    /// <param name="read">Reads them.</param>
    /// <param name="vocabularySize">V; every id is below it.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="carriesState">Whether a window begins with the state that the one before it ended with, or with zeros.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="source">What <paramref name="read"/> reads from, disposed with the stream.</param>
    /// <exception cref="DataException">Fewer than two tokens.</exception>
    public TokenStream(int tokens, TokenReader read, int vocabularySize, int window, bool carriesState, TaskUnit unit, string name, IDisposable? source = null)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        if (tokens < 2)
            throw new DataException($"{name} holds {tokens} tokens; a text needs at least two, one to read and one to predict.");
        _windows = new StreamWindows<int>(tokens, width: 1, window, read.Invoke, name, source);
        (VocabularySize, CarriesState, Unit) = (vocabularySize, carriesState, unit);
    }

    /// <summary>As the other constructor, of ids in memory.</summary>
    /// <param name="tokens">The text's ids, at least two. The array is kept, not copied.</param>
    /// <param name="vocabularySize">V; every id is below it.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="carriesState">Whether a window begins with the state that the one before it ended with, or with zeros.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">Fewer than two tokens, or an id outside of the vocabulary.</exception>
    public TokenStream(int[] tokens, int vocabularySize, int window, bool carriesState, TaskUnit unit, string name)
        : this((tokens ?? throw new ArgumentNullException(nameof(tokens))).Length, (first, ids) => tokens.AsSpan(first, ids.Length).CopyTo(ids), vocabularySize,
            window, carriesState, unit, name)
    {
        CheckIds(tokens, vocabularySize, name);
    }

    internal static void CheckIds(int[] tokens, int vocabularySize, string name)
    {
        var wrong = Array.FindIndex(tokens, id => (uint)id >= (uint)vocabularySize);
        if (wrong >= 0)
            throw new DataException($"{name}, token {wrong}: id {tokens[wrong]} is not below the vocabulary's size, {vocabularySize}.");
    }

    /// <inheritdoc/>
    public override int Count => _windows.Count;

    /// <inheritdoc/>
    public override int FrameSize => 0;

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override int MaximumLength => _windows.MaximumLength;

    /// <inheritdoc/>
    public override bool CarriesState { get; }

    /// <inheritdoc/>
    public override TaskUnit Unit { get; }

    /// <inheritdoc/>
    public override int Length(int index) => _windows.Length(index);

    /// <inheritdoc/>
    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        BatchFilling.FillRow(batch, row, _windows.Read(index));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _windows.Dispose();
        base.Dispose(disposing);
    }
}
