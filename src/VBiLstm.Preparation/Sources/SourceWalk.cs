using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>A file of the disk that is a source or lies below one.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="RelativePath">Below its source, with /.</param>
/// <param name="Source">Number of the source.</param>
/// <param name="IsSource">Whether it is the source itself.</param>
/// <param name="Bytes">Its size.</param>
readonly record struct DiskFile(string Path, string RelativePath, int Source, bool IsSource, long Bytes);

/// <summary>Walks over the sources: folders with all below them, links once, nothing that could wait for ever.</summary>
/// <param name="isShallow">Whether folders in folders are left out.</param>
/// <param name="leaveOut">Told what is no source, and why.</param>
/// <param name="unreadable">Told what should be one but cannot be read; throws, or leaves it out.</param>
/// <param name="cancellation">Ends the walk.</param>
sealed class SourceWalk(bool isShallow, Action<string, string> leaveOut, Action<string, DataException> unreadable, CancellationToken cancellation)
{
    readonly Dictionary<(string Id, string Split), string> _folders = [];
    readonly Dictionary<(string Id, string Split), (string Path, bool IsLinked)> _files = [];

    /// <summary>The files of a source, in the order of their paths.</summary>
    /// <param name="source">A file or folder that exists.</param>
    /// <param name="number">Of the source.</param>
    public IReadOnlyList<DiskFile> Files(SourcePath source, int number)
    {
        var identity = FileIdentity.Of(source.Path);
        if (identity.Kind == FileKind.File)
            return IsKnown(identity, source.Path, source.Split ?? "", isLinked: false)
                ? []
                : [new(source.Path, Path.GetFileName(source.Path), number, IsSource: true, new FileInfo(source.Path).Length)];
        var found = new List<(DiskFile File, FileIdentity Identity, bool IsLinked)>();
        // To folders, with the folders above; after all others, which are read by their own paths.
        var links = new SortedDictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        Walk(source.Path, "", isLinked: false, []);
        while (links.Count > 0)
        {
            var (relative, above) = links.First();
            links.Remove(relative);
            Walk(Path.Combine(source.Path, relative), relative, isLinked: true, above);
        }

        found.Sort((a, b) => string.CompareOrdinal(a.File.RelativePath, b.File.RelativePath));

        // What is no link comes first, so that of a file and a link to it the file stays.
        var kept = found.Where(entry => !entry.IsLinked
            && !IsKnown(entry.Identity, entry.File.Path, SplitWord(source, entry.File.RelativePath), isLinked: false)).Select(entry => entry.File).ToHashSet();
        kept.UnionWith(found.Where(entry => entry.IsLinked
            && !IsKnown(entry.Identity, entry.File.Path, SplitWord(source, entry.File.RelativePath), isLinked: true)).Select(entry => entry.File));
        return [.. found.Select(entry => entry.File).Where(kept.Contains)];

        void Walk(string folder, string relative, bool isLinked, IReadOnlyList<string> above)
        {
            cancellation.ThrowIfCancellationRequested();
            var id = FileIdentity.Of(folder).Id;
            if (above.Contains(id))
            {
                leaveOut(Printable.Text(folder), "links to folders above");
                return;
            }

            if (!_folders.TryAdd((id, SplitWord(source, relative + "/x")), folder))
            {
                leaveOut(Printable.Text(folder), "folders that were read already, by another path");
                return;
            }

            FileSystemInfo[] entries;
            try
            {
                entries = new DirectoryInfo(folder)
                    .GetFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false, MatchType = MatchType.Simple });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                unreadable(Printable.Text(folder), new DataException($"{Printable.Text(folder)} cannot be read: {e.Message}", e));
                return;
            }

            var isPrepared = PreparedFiles.AreIn(folder);
            foreach (var entry in entries)
                Visit(entry, relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}", isPrepared, isLinked, [.. above, id]);
        }

        void Visit(FileSystemInfo entry, string relative, bool isPrepared, bool isLinked, IReadOnlyList<string> above)
        {
            cancellation.ThrowIfCancellationRequested();
            var path = Path.Combine(source.Path, relative);
            var name = Printable.Text(path);
            if (isPrepared && PreparedFiles.IsOne(entry.Name))
            {
                leaveOut(name, "prepared data");
                return;
            }

            var identity = FileIdentity.Of(path);
            isLinked |= entry.LinkTarget is not null;
            switch (identity.Kind)
            {
                case FileKind.Folder when SourceNames.WhyNotData(entry.Name + "/x") is { } reason:
                    leaveOut(name, reason);
                    break;
                case FileKind.Folder when isShallow:
                    leaveOut(name, "folders");
                    break;
                case FileKind.Folder when entry.LinkTarget is not null:
                    links.Add(relative, above);
                    break;
                case FileKind.Folder:
                    Walk(path, relative, isLinked, above);
                    break;
                case FileKind.File:
                    found.Add((new DiskFile(path, relative, number, IsSource: false, new FileInfo(path).Length), identity, isLinked));
                    break;
                case FileKind.None:
                    unreadable(name, new DataException(entry.LinkTarget is { } target
                        ? $"{name} is a link to {Printable.Text(target)}, where nothing is; take it out."
                        : $"{name} cannot be read: it vanished, or its name is not UTF-8. Rename it, or take it out."));
                    break;
                default:
                    unreadable(name, new DataException($"{name} is "
                        + $"{(identity.Kind switch { FileKind.Pipe => "a pipe (FIFO)", FileKind.Socket => "a socket", _ => "a device" })}, not a file; "
                        + $"take it out of the folder{(identity.Kind == FileKind.Pipe ? ", or name it on the command line itself" : "")}."));
                    break;
            }
        }
    }

    bool IsKnown(FileIdentity identity, string path, string split, bool isLinked)
    {
        var full = Path.GetFullPath(path);
        if (_files.TryAdd((identity.Id, split), (full, isLinked)))
            return false;
        var (other, isOtherLinked) = _files[(identity.Id, split)];

        // Two names of one file that are no links are two files to everybody but the disk.
        if (!isLinked && !isOtherLinked && other != full)
            return false;
        leaveOut(Printable.Text(path), "the same file as another that is read");
        return true;
    }

    // A folder or file that serves two splits by two names is read for both.
    static string SplitWord(SourcePath source, string relative) => source.Split ?? string.Join(' ', SplitNames.Of(relative));
}
