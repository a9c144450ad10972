namespace VBiLstm.Configuration;

/// <summary>Which values a key of the configuration takes, where its type does not say it.</summary>
/// <param name="text">For people, to stand behind "use".</param>
[AttributeUsage(AttributeTargets.Property)]
sealed class ExpectedAttribute(string text) : Attribute
{
    public string Text { get; } = text;
}
