using System.IO.Hashing;
using System.Text;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Preparation.Sources;

/// <summary>
/// The files that a data set is prepared from: files, folders with all below them (in the order of their paths), archives and compressed files (in the
/// archive's order), pipes. What a file is, is decided by its content. Each one is given to its reader or left out with a reason; one that is there twice is
/// given once.
/// </summary>
public sealed class SourceFiles : IDisposable
{
    readonly IReadOnlyList<SourcePath> _sources;
    readonly bool _skipsUnreadable, _isShallow;
    readonly LeftOutFiles _leftOut = new();
    readonly HashSet<SourceEntry> _withoutUse = [];
    readonly UnpackAccount _unpacked;
    readonly Dictionary<int, FileStream> _spooled = [];
    readonly HashSet<string> _unreadable = [];
    List<DiskFile>? _files;
    List<SourceEntry>? _entries;

    /// <param name="sources">Files, folders and archives; - is standard input.</param>
    /// <param name="skipsUnreadable">Whether files that cannot be read are left out, not errors.</param>
    /// <param name="isShallow">Whether folders in the sources and archives of files are left out.</param>
    /// <exception cref="DataException">One of them does not exist or is no file or folder.</exception>
    public SourceFiles(IReadOnlyList<SourcePath> sources, bool skipsUnreadable = false, bool isShallow = false)
    {
        ArgumentNullException.ThrowIfNull(sources);
        (_sources, _skipsUnreadable, _isShallow) = (sources, skipsUnreadable, isShallow);
        _unpacked = new UnpackAccount(_leftOut.Add, takesArchives: !isShallow);
        if (sources.Count == 0)
            throw new DataException("--from: no file or folder is given.");
        foreach (var source in sources)
        {
            if (source.Path.Length == 0)
                throw new DataException($"{source.Option}: an empty name; give a file or folder.");
            if (IsPipe(source))
                continue;
            var kind = FileIdentity.Of(source.Path).Kind;
            if (kind == FileKind.None)
                throw new DataException($"{source.Option}: there is no file or folder {Printable.Text(source.Path)}.");
            if (kind is not (FileKind.File or FileKind.Folder))
                throw new DataException($"{source.Option}: {Printable.Text(source.Path)} is a {(kind == FileKind.Socket ? "socket" : "device")}, "
                    + "not a file or folder.");
        }
    }

    /// <summary>Whether files are given whatever their names say: for unpacking, not for reading data.</summary>
    public bool TakesAll { get; init; }

    /// <summary>Names of the sources' own files and folders.</summary>
    internal IReadOnlyList<string> OwnNames => [.. _sources.Select(source =>
    {
        var full = Path.GetFullPath(source.Path);
        return FileIdentity.Of(source.Path).Kind == FileKind.Folder
            ? Path.GetFileName(Path.TrimEndingDirectorySeparator(full))
            : Path.Join(Path.GetFileName(Path.GetDirectoryName(full)), Path.GetFileName(full));
    })];

    /// <summary>Whether the user said what is of a split.</summary>
    internal bool HasSaid(string split) => _sources.Any(source => source.Split == split);

    /// <summary>What was not read, and why.</summary>
    internal IReadOnlyList<PreparedLeftOut> LeftOut => _leftOut.Describe();

    /// <summary>What the files were packed in.</summary>
    public IReadOnlyList<string> Unpacked => [.. _unpacked.Formats.Select(ArchiveFormats.Name)];

    /// <summary>How many files are read.</summary>
    public int FilesRead => _entries?.Count(entry => !_withoutUse.Contains(entry)) ?? 0;

    /// <summary>The files that are to be read, by their names.</summary>
    /// <exception cref="DataException">A source cannot be read or is damaged; two files claim one place and nobody can know which one is meant.</exception>
    public IReadOnlyList<SourceEntry> List(CancellationToken cancellation)
    {
        if (_entries is null)
        {
            _entries = [];
            foreach (var (entry, _) in Unpack(_ => { }, isListing: true, _ => true, cancellation))
                if (Keep(entry))
                    _entries.Add(entry);
            KeepOneOfEach(cancellation);
        }

        return [.. _entries.Where(entry => !_withoutUse.Contains(entry))];
    }

    /// <summary>Every file, decompressed.</summary>
    /// <param name="progress">Told the share of the bytes read, from 0 to 1.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DataException">A file cannot be read or is damaged.</exception>
    public IEnumerable<SourceFile> Read(Action<double>? progress = null, CancellationToken cancellation = default)
    {
        var wanted = List(cancellation).ToHashSet();
        var given = 0;
        foreach (var (entry, content) in Unpack(progress ?? (_ => { }), isListing: false, wanted.Contains, cancellation))
        {
            given++;
            yield return new SourceFile(entry, content, LeaveOut, _skipsUnreadable);
        }

        if (given < wanted.Count)
            throw new DataException($"{Printable.Text(_sources[0].Path)} changed while it was read; start again.");
    }

    /// <summary>What the manifest says of the sources.</summary>
    /// <param name="progress">Told the share of the bytes read, from 0 to 1.</param>
    /// <param name="cancellation">Ends reading.</param>
    internal IReadOnlyList<PreparedSource> Describe(Action<double>? progress = null, CancellationToken cancellation = default)
    {
        var files = Walk(cancellation);
        var total = Math.Max(1, files.Sum(file => file.Bytes));
        var done = 0L;
        var sources = new List<PreparedSource>();
        var buffer = new byte[1 << 20];
        foreach (var (number, source) in _sources.Index())
        {
            using var hash = Sha256Sum.Begin();
            var bytes = 0L;
            foreach (var disk in files.Where(file => file.Source == number))
            {
                if (!disk.IsSource)
                    hash.AppendData(Encoding.UTF8.GetBytes($"{disk.RelativePath}\n{disk.Bytes}\n"));
                Try(disk, () =>
                {
                    using var file = new SourceStream(Open(disk), Printable.Text(disk.Path), cancellation);
                    for (int read; (read = file.Read(buffer)) > 0; progress?.Invoke((double)done / total))
                    {
                        hash.AppendData(buffer, 0, read);
                        bytes += read;
                        done += read;
                    }
                });
            }

            sources.Add(new PreparedSource
            {
                Path = Printable.Text(source.Path),
                Split = source.Split,
                Bytes = bytes,
                Sha256 = Sha256Sum.Of(hash)
            });
        }

        return sources;
    }

    public void Dispose()
    {
        foreach (var copy in _spooled.Values)
            copy.Dispose();
    }

    static bool IsPipe(SourcePath source) => source.Path == "-" || FileIdentity.Of(source.Path).Kind is FileKind.Pipe
        || (source.Path is "/dev/stdin" or "/dev/fd/0" or "/proc/self/fd/0" && FileIdentity.Of(source.Path).Kind is not (FileKind.File or FileKind.Folder));

    // The list is made once: what appears while the data are prepared is none of them, the prepared files among it.
    List<DiskFile> Walk(CancellationToken cancellation)
    {
        if (_files is not null)
            return _files;
        var files = new List<DiskFile>();
        var walk = new SourceWalk(_isShallow, _leftOut.Add, Unreadable, cancellation);
        foreach (var (number, source) in _sources.Index())
        {
            if (!IsPipe(source))
            {
                files.AddRange(walk.Files(source, number));
                continue;
            }

            var isInput = source.Path is "-" or "/dev/stdin" or "/dev/fd/0" or "/proc/self/fd/0";
            _spooled[number] = Spool.CopyPipe(isInput ? "-" : source.Path, isInput ? "standard input" : Printable.Text(source.Path), cancellation);
            files.Add(new DiskFile(isInput ? "standard input" : source.Path, isInput ? "input" : Path.GetFileName(source.Path), number, IsSource: true,
                _spooled[number].Length));
        }

        return _files = files;
    }

    FileStream Open(DiskFile file)
    {
        try
        {
            // A pipe's copy has no name that others know; each reader gets a handle of its own.
            return new FileStream(_spooled.TryGetValue(file.Source, out var copy) ? copy.Name : file.Path, FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{Printable.Text(file.Path)} cannot be read: {e.Message}", e);
        }
    }

    IEnumerable<(SourceEntry Entry, SourceStream Content)> Unpack(Action<double> progress, bool isListing, Func<SourceEntry, bool> isWanted,
        CancellationToken cancellation)
    {
        var files = Walk(cancellation);
        var total = Math.Max(1, files.Sum(file => file.Bytes));
        var before = 0L;
        var wantedFiles = isListing ? null : _entries!.Where(isWanted).Select(entry => entry.Disk).ToHashSet();
        foreach (var disk in files)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = before;
            before += disk.Bytes;
            var (source, path) = (_sources[disk.Source], Printable.Text(disk.Path));
            if (_unreadable.Contains(path) || (wantedFiles is not null && !wantedFiles.Contains(disk.Path)))
                continue;

            // What is none of the data is not opened: it may be damaged or huge.
            if (!disk.IsSource && SourceNames.WhyNotData(disk.RelativePath) is { } reason)
            {
                _leftOut.Add(path, reason);
                continue;
            }

            if (isListing)
            {
                var listed = new List<(SourceEntry, SourceStream)>();
                Try(disk, () => listed.AddRange(Entries(disk, source, path, isListing, () => { }, cancellation)));
                foreach (var entry in listed)
                    yield return entry;
                continue;
            }

            FileStream? opened = null;
            void Report() => progress((double)(start + opened!.Position) / total);
            foreach (var entry in Entries(disk, source, path, isListing, Report, cancellation, file => opened = file))
                if (isWanted(entry.Entry))
                    yield return entry;
        }
    }

    IEnumerable<(SourceEntry Entry, SourceStream Content)> Entries(DiskFile disk, SourcePath source, string path, bool isListing, Action report,
        CancellationToken cancellation, Action<FileStream>? onOpened = null)
    {
        using var file = Open(disk);
        onOpened?.Invoke(file);
        var unpacking = new Unpacking(new UnpackBudget(path, file.Length), _unpacked, isListing, report, cancellation);
        var occurrences = new Dictionary<string, int>();
        foreach (var (packed, content) in unpacking.Files(file, new PackedFile(path, disk.RelativePath, disk.RelativePath, disk.IsSource)))
        {
            var occurrence = occurrences[packed.Name] = occurrences.GetValueOrDefault(packed.Name) + 1;
            yield return (new SourceEntry(packed.Name, packed.Path, disk.Source, disk.IsSource && packed.IsSource, source.Split)
            {
                NamePath = packed.NamePath,
                Disk = disk.Path,
                Occurrence = occurrence
            }, content);
        }
    }

    bool Keep(SourceEntry entry)
    {
        if (TakesAll || entry.IsNamed || SourceNames.WhyNotData(entry.RelativePath) is not { } reason)
            return true;
        _leftOut.Add(entry.Name, reason);
        return false;
    }

    // Files of one path, from a folder and an archive of it, compressed and not, of two sources, or that differ in capitals only: what is the same is read
    // once.
    void KeepOneOfEach(CancellationToken cancellation)
    {
        var places = _entries!.GroupBy(entry => (entry.RelativePath.ToUpperInvariant(), entry.Split)).Where(place => place.Count() > 1).ToList();
        if (places.Count == 0)
            return;
        var claiming = places.SelectMany(place => place).ToHashSet();
        var hashes = new Dictionary<SourceEntry, UInt128>();
        foreach (var (entry, content) in Unpack(_ => { }, isListing: false, claiming.Contains, cancellation))
            new SourceFile(entry, content, LeaveOut, _skipsUnreadable).TryRead(() => hashes[entry] = Hash(content));
        foreach (var place in places)
        {
            var kept = new List<SourceEntry>();
            foreach (var entry in place.Where(hashes.ContainsKey))
            {
                if (kept.FirstOrDefault(other => hashes[other] == hashes[entry] && IsSamePlace(other, entry)) is { } same)
                    LeaveOut(entry, $"the same as {same.Name}");
                else if (kept.FirstOrDefault(other => other.RelativePath == entry.RelativePath && other.Source == entry.Source) is { } other)
                    throw new DataException($"{other.Name} and {entry.Name} would be the same file but differ, and nobody can know which one is right; "
                        + "take one out.");
                else
                    kept.Add(entry);
            }
        }
    }

    // Names of other splits say that it is no accident.
    static bool IsSamePlace(SourceEntry one, SourceEntry other) => SplitNames.Of(one.NamePath).Order().SequenceEqual(SplitNames.Of(other.NamePath).Order());

    static UInt128 Hash(SourceStream content)
    {
        var hash = new XxHash128();
        var buffer = new byte[1 << 16];
        for (int read; (read = content.Read(buffer)) > 0;)
            hash.Append(buffer.AsSpan(0, read));
        return hash.GetCurrentHashAsUInt128();
    }

    /// <summary>Says that a file is none of the data and why; it is not given.</summary>
    public void LeaveOut(SourceEntry entry, string reason)
    {
        ArgumentNullException.ThrowIfNull(entry);
        _withoutUse.Add(entry);
        _leftOut.Add(entry.Name, reason);
    }

    // A file of the disk that cannot be opened or taken apart.
    void Try(DiskFile file, Action read)
    {
        try
        {
            read();
        }
        catch (DataException e) when (_skipsUnreadable)
        {
            _unreadable.Add(Printable.Text(file.Path));
            _leftOut.Add(Printable.Text(file.Path), $"cannot be read: {e.Message}");
        }
    }

    void Unreadable(string name, DataException e)
    {
        if (!_skipsUnreadable)
            throw e;
        _leftOut.Add(name, $"cannot be read: {e.Message}");
    }
}
