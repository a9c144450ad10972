namespace VBiLstm.Data;

/// <summary>
/// One long text as consecutive windows: sequence i predicts tokens i W + 1 to (i + 1) W from the tokens before them, the last one what is left.
/// Every token but the first is predicted exactly once.
/// </summary>
public sealed class TokenStream : SequenceDataset
{
    readonly int[] _tokens;
    readonly int _window;

    /// <param name="tokens">The text, at least two ids.</param>
    /// <param name="vocabularySize">V; every id is below it.</param>
    /// <param name="window">W, predicted steps of a window.</param>
    /// <param name="carriesState">Whether a window begins with the state that the one before it ended with, or with zeros.</param>
    /// <param name="unit">Of the results.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">Fewer than two tokens, or an id outside of the vocabulary.</exception>
    public TokenStream(int[] tokens, int vocabularySize, int window, bool carriesState, TaskUnit unit, string name)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        if (tokens.Length < 2)
            throw new DataException($"{name} holds {tokens.Length} tokens; a text needs at least two, one to read and one to predict.");
        for (var i = 0; i < tokens.Length; i++)
            if ((uint)tokens[i] >= (uint)vocabularySize)
                throw new DataException($"{name}, token {i}: id {tokens[i]} is not below the vocabulary's size, {vocabularySize}.");
        (_tokens, _window, VocabularySize, CarriesState, Unit) = (tokens, window, vocabularySize, carriesState, unit);
        Count = (tokens.Length - 2) / window + 1;
    }

    public override int Count { get; }

    public override int FrameSize => 0;

    public override int VocabularySize { get; }

    public override int MaximumLength => Math.Min(_window, _tokens.Length - 1);

    public override bool CarriesState { get; }

    public override TaskUnit Unit { get; }

    public override int Length(int index) => Math.Min(_window, _tokens.Length - 1 - index * _window);

    public override void Fill(int index, long epoch, SequenceBatch batch, int row)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var window = _tokens.AsSpan(index * _window, Length(index) + 1);
        for (var k = 0; k <= batch.Steps; k++)
            batch.Tokens[k * batch.BatchSize + row] = k < window.Length ? window[k] : 0;
    }
}
