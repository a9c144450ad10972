using VBiLstm.Data.Prepared;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// One way from raw files to sequences. The sources are read once for <see cref="Scan"/> and once for each split, so that nothing need be kept.
/// </summary>
abstract class Preparation(SourceFiles sources, PreparationOptions options)
{
    protected SourceFiles Sources { get; } = sources;

    protected PreparationOptions Options { get; } = options;

    /// <summary>Texts of the token ids, after <see cref="Scan"/>; empty for frames.</summary>
    public virtual IReadOnlyList<string> Vocabulary => [];

    /// <summary>Reads everything once: vocabulary, statistics, sizes.</summary>
    /// <returns>The manifest, less its sources, options, account of files and splits.</returns>
    public abstract PreparedManifest Scan(Action<double> progress, CancellationToken cancellation);

    /// <summary>Writes the sequences of a split in their order.</summary>
    public abstract void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation);

    /// <summary>What told the splits, for the manifest.</summary>
    protected string SplitsWording => Sources.HasSaid("train") ? "splits as the user said" : "splits as the files are named";

    /// <inheritdoc cref="SplitNames.Resolve"/>
    protected IReadOnlyDictionary<SourceEntry, string>? Resolve(IReadOnlyList<SourceEntry> files, bool areJoined)
        => SplitNames.Resolve(files, Sources.OwnNames, areJoined);

    /// <summary>Whether some files are validation's own.</summary>
    protected static bool HasValidation(IReadOnlyDictionary<SourceEntry, string> splits) => splits.Values.Contains("validation");

    /// <summary>
    /// Where a split's units stand: of the files of which split, from which on, up to which. Without validation files the last tenth of training is it.
    /// </summary>
    /// <param name="split">train, validation or test.</param>
    /// <param name="splits">Of each file.</param>
    /// <param name="count">Units of all files of a split.</param>
    protected static (string Source, long First, long End) RangeOf(string split, IReadOnlyDictionary<SourceEntry, string> splits, Func<string, long> count)
    {
        if (HasValidation(splits) || split == "test")
            return (split, 0, count(split));
        var all = count("train");
        var kept = all - all / 10;
        return split == "train" ? ("train", 0, kept) : ("train", kept, all);
    }

    /// <summary>Leaves out what is no text by its name, where the user did not name it; columns may be of texts.</summary>
    protected void LeaveOutBinaries(CancellationToken cancellation)
    {
        foreach (var entry in Sources.List(cancellation).Where(entry => !entry.IsNamed && SourceNames.IsBinary(entry.FileName)
            && !SourceNames.IsColumns(entry.FileName)))
            Sources.LeaveOut(entry, "no text by its name");
    }
}
