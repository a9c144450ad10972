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
    /// <returns>The manifest, less its sources, options, account of files and splits.</returns>
    public abstract PreparedManifest Scan(Action<double> progress, CancellationToken cancellation);

    /// <summary>Writes the sequences of a split in their order.</summary>
    public abstract void Write(string split, PreparedSplitWriter writer, Action<double> progress, CancellationToken cancellation);

    /// <summary>What told the splits, for the manifest.</summary>
    protected string SplitsWording => Sources.HasSaid("train") ? "splits as the user said" : "splits as the files are named";

    /// <inheritdoc cref="SplitNames.Resolve"/>
    protected IReadOnlyDictionary<SourceEntry, string>? Resolve(IReadOnlyList<SourceEntry> files, bool areJoined) => SplitNames.Resolve(files, Sources.OwnNames, areJoined);

    /// <summary>Leaves out what is no text by its name, where the user did not name it.</summary>
    protected void LeaveOutBinaries(CancellationToken cancellation)
    {
        foreach (var entry in Sources.List(cancellation).Where(entry => !entry.IsNamed && SourceNames.IsBinary(entry.FileName)))
            Sources.LeaveOut(entry, "no text by its name");
    }
}
