namespace VBiLstm.Data;

/// <summary>
/// One long text as consecutive windows: sequence i predicts tokens i W + 1 to (i + 1) W from the tokens before them, the last one what is left.
/// Every token but the first is predicted exactly once.
/// </summary>
public sealed class TokenStream : SequenceDataset
{
    readonly TokenReader _read;
    readonly int _tokens;
    readonly int _window;

    /// <summary>Gives <paramref name="count"/> ids of the text from token <paramref name="first"/> on.</summary>
    public delegate ReadOnlySpan<int> TokenReader(int first, int count);

    /// <param name="tokens">The text's ids, at least two.</param>
    /// <param name="read">Reads them.</param>
    /// <param name="vocabularySize">V; every id is below it.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="carriesState">Whether a window begins with the state that the one before it ended with, or with zeros.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">Fewer than two tokens, or an id outside of the vocabulary.</exception>
    public TokenStream(int tokens, TokenReader read, int vocabularySize, int window, bool carriesState, TaskUnit unit, string name)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        if (tokens < 2)
            throw new DataException($"{name} holds {tokens} tokens; a text needs at least two, one to read and one to predict.");
        var ids = read(0, tokens);
        for (var i = 0; i < tokens; i++)
            if ((uint)ids[i] >= (uint)vocabularySize)
                throw new DataException($"{name}, token {i}: id {ids[i]} is not below the vocabulary's size, {vocabularySize}.");
        (_tokens, _read, _window, VocabularySize, CarriesState, Unit) = (tokens, read, window, vocabularySize, carriesState, unit);
        Count = (tokens - 2) / window + 1;
    }

    /// <summary>As the other constructor, of ids in memory.</summary>
    public TokenStream(int[] tokens, int vocabularySize, int window, bool carriesState, TaskUnit unit, string name)
        : this((tokens ?? throw new ArgumentNullException(nameof(tokens))).Length, (first, count) => tokens.AsSpan(first, count), vocabularySize, window, carriesState, unit, name)
    {
    }

    public override int Count { get; }

    public override int FrameSize => 0;

    public override int VocabularySize { get; }

    public override int MaximumLength => Math.Min(_window, _tokens - 1);

    public override bool CarriesState { get; }

    public override TaskUnit Unit { get; }

    public override int Length(int index) => Math.Min(_window, _tokens - 1 - index * _window);

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var window = _read(index * _window, Length(index) + 1);
        for (var k = 0; k <= batch.Steps; k++)
            batch.Tokens[k * batch.BatchSize + row] = k < window.Length ? window[k] : 0;
    }
}
