using VBiLstm.Data.Prepared;

namespace VBiLstm.Data.Preparation;

/// <summary>One way from raw files to sequences. The sources are read once for <see cref="Scan"/> and once for each split, so that nothing need be kept.</summary>
abstract class Preparation(SourceFiles sources, PreparationOptions options)
{
    protected SourceFiles Sources { get; } = sources;

    protected PreparationOptions Options { get; } = options;

    /// <summary>Texts of the token ids, after <see cref="Scan"/>; empty for frames.</summary>
    public virtual IReadOnlyList<string> Vocabulary => [];

    /// <summary>Reads everything once: vocabulary, statistics, sizes.</summary>
    /// <returns>The manifest, less its sources, options and splits.</returns>
    public abstract PreparedManifest Scan(Action<double> progress, CancellationToken cancellation);

    /// <summary>Writes the sequences of a split in their order.</summary>
    public abstract void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation);

    /// <summary>The split that a file's name speaks of; null where it names none.</summary>
    protected static string? SplitOf(SourceFile file)
    {
        var name = file.FileName;
        bool Has(string word) => name.Contains(word, StringComparison.OrdinalIgnoreCase);
        return Has("train") ? "train" : Has("val") ? "validation" : Has("test") || Has("t10k") ? "test" : null;
    }

    protected static bool IsDocumentation(SourceFile file) => file.FileName.StartsWith("README", StringComparison.OrdinalIgnoreCase) || file.FileName.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase);
}
