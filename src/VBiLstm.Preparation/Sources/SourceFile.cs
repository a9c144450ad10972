using VBiLstm.Columns;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>A file of a source, in whatever archives it stands.</summary>
/// <param name="Name">Path of the file, and of the archives around it, as it may be printed.</param>
/// <param name="RelativePath">Path within the folder or archive, with /, without the endings of compression.</param>
/// <param name="Source">Number of the source that it belongs to.</param>
/// <param name="IsNamed">Whether the user named this very file.</param>
/// <param name="Split">The split that the user said it is of; null where its name tells.</param>
public sealed record SourceEntry(string Name, string RelativePath, int Source, bool IsNamed, string? Split)
{
    /// <summary>The last part of the path.</summary>
    public string FileName => RelativePath[(RelativePath.LastIndexOf('/') + 1)..];

    /// <summary>The relative path with archives as folders: their names speak of splits as folders' do.</summary>
    internal string NamePath { get; init; } = RelativePath;

    /// <summary>Path of the file on the disk.</summary>
    internal string Disk { get; init; } = Name;

    /// <summary>Tells one entry from others of the same name.</summary>
    internal int Occurrence { get; init; }
}

/// <summary>A file of a source as it is read. What its reader does not leave out counts as read.</summary>
public sealed class SourceFile(SourceEntry entry, SourceStream content, Action<SourceEntry, string> leaveOut, bool skipsUnreadable)
{
    /// <inheritdoc cref="SourceEntry"/>
    public SourceEntry Entry { get; } = entry;

    /// <inheritdoc cref="SourceEntry.Name"/>
    public string Name => Entry.Name;

    /// <inheritdoc cref="SourceEntry.RelativePath"/>
    public string RelativePath => Entry.RelativePath;

    /// <inheritdoc cref="SourceEntry.FileName"/>
    public string FileName => Entry.FileName;

    /// <summary>Read forward, before the next file is asked for.</summary>
    public SourceStream Content { get; } = content;

    /// <summary>A file of columns (Parquet, Arrow); null where it begins as none. It is read instead of <see cref="Content"/>.</summary>
    /// <exception cref="DataException">It is damaged, or of a form that cannot be read.</exception>
    internal ColumnFile? OpenColumns()
    {
        if (!ColumnFile.IsOne(Content.Head.Span))
            return null;

        // What comes out of an archive is copied aside.
        var isOwn = Content.Seekable is not null;
        return ColumnFile.Open(Content.Seekable ?? Spool.Copy(Content, Name), leaveOpen: isOwn, Name, Content.Cancellation);
    }

    internal bool IsLeftOut { get; private set; }

    /// <summary>Says that the file is none of the data and why; it is not given again.</summary>
    public void LeaveOut(string reason)
    {
        IsLeftOut = true;
        leaveOut(Entry, reason);
    }

    /// <summary>Reads the file; one that cannot be read is left out where the user asked for that (--skip-unreadable).</summary>
    /// <returns>False where it was left out.</returns>
    /// <exception cref="DataException">It cannot be read.</exception>
    public bool TryRead(Action read)
    {
        ArgumentNullException.ThrowIfNull(read);
        try
        {
            read();
            return true;
        }
        catch (DataException e) when (skipsUnreadable)
        {
            LeaveOut($"cannot be read: {e.Message}");
            return false;
        }
    }
}
