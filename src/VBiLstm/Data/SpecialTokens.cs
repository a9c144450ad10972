namespace VBiLstm.Data;

/// <summary>Tokens of a word vocabulary that no text holds.</summary>
static class SpecialTokens
{
    public const string BeginOfSentence = "<s>", EndOfSentence = "</s>", Unknown = "<unk>";
}
