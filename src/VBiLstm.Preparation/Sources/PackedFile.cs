namespace VBiLstm.Preparation.Sources;

/// <summary>A file in whatever archives it stands, as it comes out of them.</summary>
/// <param name="Name">As it may be printed, the archives in it.</param>
/// <param name="Path">Below the source, as if every archive had been unpacked where it lies.</param>
/// <param name="NamePath">The same with archives as folders: their names speak of splits as folders' do.</param>
/// <param name="IsSource">Whether it is what the user named, in no archive.</param>
readonly record struct PackedFile(string Name, string Path, string NamePath, bool IsSource)
{
    /// <summary>Archives and compressions around it.</summary>
    public int Depth { get; init; }

    /// <summary>A file in this archive.</summary>
    /// <param name="entry">Its path as the archive has it, with /.</param>
    public PackedFile Entry(string entry)
    {
        var below = SourceNames.Below(entry);
        var folder = Path.LastIndexOf('/') is >= 0 and var end ? Path[..(end + 1)] : "";
        return new($"{Name}/{Printable.Text(entry)}", folder + below, IsSource ? below : $"{NamePath}/{below}", IsSource: false) { Depth = Depth + 1 };
    }

    /// <summary>What is compressed in this file.</summary>
    public PackedFile Inner() => this with { Path = SourceNames.WithoutCompression(Path), Depth = Depth + 1 };
}
