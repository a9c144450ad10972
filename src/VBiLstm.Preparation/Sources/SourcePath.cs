namespace VBiLstm.Preparation.Sources;

/// <summary>A file, folder or archive that a data set is prepared from.</summary>
/// <param name="Path">As the user gave it; - is standard input.</param>
/// <param name="Split">train, validation or test where the user said that it is all of one (--train, --valid, --test); null where names tell (--from).</param>
public sealed record SourcePath(string Path, string? Split = null)
{
    /// <summary>The option that named it.</summary>
    public string Option { get; init; } = Split switch { "train" => "--train", "validation" => "--valid", "test" => "--test", _ => "--from" };
}
