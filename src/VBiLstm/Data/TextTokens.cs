using System.Text;

namespace VBiLstm.Data;

/// <summary>What the tokens of a data set stand for.</summary>
public enum TokenKind
{
    /// <summary>Numbers that a program gave a meaning to.</summary>
    Numbers,

    /// <summary>Unicode characters of one long text.</summary>
    Characters,

    /// <summary>Words of sentences, each between its begin and its end.</summary>
    Words,
}

/// <summary>Texts as token ids of the vocabulary that a run remembers, in the way in which its data were prepared.</summary>
public sealed class TextTokens
{
    readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <param name="data">What the run remembers.</param>
    public TextTokens(DataIdentity data)
    {
        ArgumentNullException.ThrowIfNull(data);
        for (var id = 0; id < data.Vocabulary.Count; id++)
            _ids.TryAdd(data.Vocabulary[id], id);
        Kind = _ids.ContainsKey(SpecialTokens.BeginOfSentence) && _ids.ContainsKey(SpecialTokens.EndOfSentence) ? TokenKind.Words
            : _ids.Count > 0 && data.Unit == TaskUnit.BitsPerCharacter ? TokenKind.Characters
            : TokenKind.Numbers;
        First = _ids.TryGetValue(SpecialTokens.BeginOfSentence, out var begin) ? begin : _ids.GetValueOrDefault("\n", 0);
    }

    /// <summary>What the tokens stand for.</summary>
    public TokenKind Kind { get; }

    /// <summary>s_0 of a text: the begin of a sentence, else the end of a line, else the first token.</summary>
    public int First { get; }

    /// <summary>What ends a line: the end of a sentence, or the newline where the vocabulary has it; null where nothing does.</summary>
    public int? Last => _ids.TryGetValue(Kind == TokenKind.Words ? SpecialTokens.EndOfSentence : "\n", out var id) ? id : null;

    /// <summary>The ids of a text, without a begin and an end; words that the vocabulary lacks are the unknown word.</summary>
    /// <param name="text">Words between white space, characters, or numbers between white space.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">A character or word that the vocabulary lacks, or what is no number below its size.</exception>
    public int[] Encode(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Kind == TokenKind.Characters)
            return [.. text.EnumerateRunes().Index().Select(rune => IdOf(rune.Item.ToString(), $"{name}, character {rune.Index + 1}"))];
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Index();
        return [.. words.Select(word => IdOf(word.Item, $"{name}, word {word.Index + 1}"))];
    }

    int IdOf(string token, string name)
        => _ids.TryGetValue(token, out var id) || (Kind == TokenKind.Words && _ids.TryGetValue(SpecialTokens.Unknown, out id))
            ? id
            : throw new DataException($"{name}: '{Printable.Text(token)}' is none of the {_ids.Count:N0} tokens that the model was trained on; take it out.");
}
