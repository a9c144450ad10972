using System.Diagnostics.CodeAnalysis;
using System.Formats.Tar;
using System.IO.Compression;
using SharpCompress.Archives.SevenZip;
using SharpCompress.Common;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.ZStandard;
using SharpCompress.Readers;
using VBiLstm.Columns;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>Takes one file of a source apart: through all archives and compressions, in their order, each recognised by its content.</summary>
/// <param name="budget">Of what may come out.</param>
/// <param name="account">Of what is unpacked and what is left out.</param>
/// <param name="isListing">Whether names are wanted, not contents.</param>
/// <param name="onRead">Told that something was read.</param>
/// <param name="cancellation">Ends reading.</param>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "Iterators dispose what they use when their enumerator is "
    + "disposed; what only looks at bytes owns nothing.")]
sealed class Unpacking(UnpackBudget budget, UnpackAccount account, bool isListing, Action onRead, CancellationToken cancellation)
{
    const int MaximumDepth = 8;

    /// <summary>The files in a file, itself where it is not packed. Contents are read before the next file is asked for.</summary>
    /// <param name="stream">The file; it can seek, or is read forward. It stays the caller's.</param>
    /// <param name="file">What it is.</param>
    /// <exception cref="DataException">It is damaged, or packed by what cannot be read.</exception>
    public IEnumerable<(PackedFile File, SourceStream Content)> Files(Stream stream, PackedFile file)
    {
        if (file.Depth > MaximumDepth)
            throw new DataException($"{file.Name}: archives in archives, more than {MaximumDepth} deep; unpack them yourself.");
        var head = new byte[ArchiveFormats.HeadBytes];
        var length = Try(ArchiveFormat.None, file.Name, () => stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false));
        ArchiveFormats.CheckReadable(head.AsSpan(0, length), file.Name);
        var whole = new PrefixedStream(head.AsMemory(0, length), stream);
        var format = ArchiveFormats.Of(head.AsSpan(0, length));
        if (format != ArchiveFormat.None && !account.Unpacks(format, file))
            return [];
        return format switch
        {
            ArchiveFormat.None => Plain(whole, stream.CanSeek ? stream : null, head.AsMemory(0, length), file),
            ArchiveFormat.Zip => Seekable(stream, whole, file, Zip),
            ArchiveFormat.SevenZip => Seekable(stream, whole, file, SevenZip),
            ArchiveFormat.Hdf5 => Seekable(stream, whole, file, Hdf5),
            ArchiveFormat.Tar => Tar(whole, file),
            ArchiveFormat.Gzip => Compressed(format, () => new GzipMembers(whole), file),
            ArchiveFormat.Xz => Compressed(format, () => new XzStreams(whole), file),
            ArchiveFormat.Bzip2 => Compressed(format,
                () => BZip2Stream.Create(whole, SharpCompress.Compressors.CompressionMode.Decompress, decompressConcatenated: true, leaveOpen: true), file),
            _ => Compressed(format, () => new DecompressionStream(whole, 0, checkEndOfStream: true, leaveOpen: true), file),
        };
    }

    IEnumerable<(PackedFile File, SourceStream Content)> Plain(Stream whole, Stream? seekable, ReadOnlyMemory<byte> head, PackedFile file)
    {
        using var content = new SourceStream(whole, file.Name, cancellation) { OnRead = _ => onRead(), Head = head, Seekable = seekable };
        yield return (file, content);
    }

    // Archives with a directory at their end are read by it.
    static IEnumerable<(PackedFile File, SourceStream Content)> Seekable(Stream stream, Stream whole, PackedFile file,
        Func<Stream, PackedFile, IEnumerable<(PackedFile File, SourceStream Content)>> read)
    {
        using var copy = stream.CanSeek ? null : Spool.Copy(whole, file.Name);
        if (copy is null)
            stream.Position = 0;
        foreach (var entry in read(copy ?? stream, file))
            yield return entry;
    }

    IEnumerable<(PackedFile File, SourceStream Content)> Compressed(ArchiveFormat format, Func<Stream> open, PackedFile file)
    {
        using var stream = Unpacked(format, Try(format, file.Name, open), file.Name);
        foreach (var entry in Files(stream, file.Inner()))
            yield return entry;
        Finish(stream);
    }

    IEnumerable<(PackedFile File, SourceStream Content)> Zip(Stream stream, PackedFile file)
    {
        using var archive = Try(ArchiveFormat.Zip, file.Name, () => new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true));
        var entries = Try(ArchiveFormat.Zip, file.Name, () => archive.Entries);
        var names = entries.Select(entry => SourceNames.Below(entry.FullName.Replace('\\', '/'))).ToHashSet();
        foreach (var entry in entries)
        {
            cancellation.ThrowIfCancellationRequested();
            var path = entry.FullName.Replace('\\', '/');
            if (path.EndsWith('/'))
                continue;
            var own = file.Entry(path);
            if (entry.IsEncrypted)
                throw new DataException($"{own.Name} is encrypted; unpack the archive with its password and give the files, for instance: 7z x FILE");
            using var content = Unpacked(ArchiveFormat.Zip, Try(ArchiveFormat.Zip, own.Name, entry.Open), own.Name, entry.Crc32, entry.Length);
            if (((uint)entry.ExternalAttributes >> 16 & 0xf000) == 0xa000)
            {
                using var target = new StreamReader(content);
                CheckLink(own.Name, path, target.ReadToEnd(), names);
                continue;
            }

            foreach (var inner in Files(content, own))
                yield return inner;
            Finish(content);
        }
    }

    IEnumerable<(PackedFile File, SourceStream Content)> Hdf5(Stream stream, PackedFile file)
    {
        using var datasets = new Hdf5Datasets(stream, file.Name, cancellation);
        foreach (var dataset in datasets.List((path, reason) => account.LeaveOut(file.Entry(path).Name, reason)))
        {
            var (own, head) = (file.Entry(dataset.Path + ".npy"), NpyFile.Head(dataset));
            using var array = new PrefixedStream(head, new LateStream(dataset.Read));
            using var content = Unpacked(ArchiveFormat.Hdf5, array, own.Name, head: head);
            yield return (own, content);
        }
    }

    IEnumerable<(PackedFile File, SourceStream Content)> SevenZip(Stream stream, PackedFile file)
    {
        using var archive = Try(ArchiveFormat.SevenZip, file.Name, () => SevenZipArchive.OpenArchive(stream, ReaderOptions.ForExternalStream));
        var entries = Try(ArchiveFormat.SevenZip, file.Name, () => archive.Entries.ToList());
        if (entries.Any(entry => entry.IsEncrypted))
            throw new DataException($"{file.Name} is encrypted; unpack it with its password and give the files, for instance: 7z x FILE");
        foreach (var (entry, opened) in Contents(archive, entries, file.Name))
        {
            var own = file.Entry((entry.Key ?? "").Replace('\\', '/'));
            using var content = Unpacked(ArchiveFormat.SevenZip, opened, own.Name, entry.Size == 0 ? null : (uint)entry.Crc, entry.Size);
            foreach (var inner in Files(content, own))
                yield return inner;
            content.Drain();
        }
    }

    // A solid archive is one piece, which is unpacked in its order; the files of others can be opened one by one.
    static IEnumerable<(IEntry Entry, Stream Content)> Contents(SharpCompress.Archives.IArchive archive,
        IReadOnlyList<SharpCompress.Archives.IArchiveEntry> entries, string name)
    {
        if (!archive.IsSolid)
        {
            foreach (var entry in entries.Where(entry => !entry.IsDirectory))
                yield return (entry, Try(ArchiveFormat.SevenZip, name, entry.OpenEntryStream));
            yield break;
        }

        using var reader = Try(ArchiveFormat.SevenZip, name, archive.ExtractAllEntries);
        while (Try(ArchiveFormat.SevenZip, name, reader.MoveToNextEntry))
            if (!reader.Entry.IsDirectory)
                yield return (reader.Entry, Try(ArchiveFormat.SevenZip, name, reader.OpenEntryStream));
    }

    IEnumerable<(PackedFile File, SourceStream Content)> Tar(Stream stream, PackedFile file)
    {
        using var blocks = new TarBlocks(stream);
        using var archive = new TarReader(blocks, leaveOpen: true);
        var names = new HashSet<string>();
        var links = new List<(string Name, string Path, string Target)>();
        var copies = new Dictionary<string, FileStream>(); // of what hard links behind lead to
        try
        {
            while (Try(ArchiveFormat.Tar, file.Name, () => archive.GetNextEntry()) is { } entry)
            {
                cancellation.ThrowIfCancellationRequested();
                var (own, path) = (file.Entry(entry.Name), SourceNames.Below(entry.Name));
                if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes or TarEntryType.DirectoryList or TarEntryType.TapeVolume)
                    continue;
                if (entry.EntryType == TarEntryType.SymbolicLink)
                {
                    links.Add((own.Name, entry.Name, entry.LinkName));
                    continue;
                }

                Stream data;
                var length = entry.Length;
                if (entry.EntryType == TarEntryType.HardLink)
                {
                    var target = SourceNames.Below(entry.LinkName);
                    account.HardLinked.Add($"{file.Name}\n{target}");
                    data = isListing ? Stream.Null
                        : copies.TryGetValue(target, out var kept) ? FromBegin(kept)
                        : throw new DataException($"{own.Name} is a hard link to {Printable.Text(entry.LinkName)}, "
                            + "which does not stand before it in the archive; unpack it yourself, for instance: tar -xf FILE");
                    length = isListing ? 0 : copies[target].Length;
                }
                else if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
                {
                    data = entry.DataStream ?? Stream.Null;
                    if (!isListing && account.HardLinked.Contains($"{file.Name}\n{path}"))
                    {
                        using var counted = Unpacked(ArchiveFormat.Tar, data, own.Name, length: length);
                        if (copies.Remove(path, out var older))
                            older.Dispose();
                        copies[path] = Spool.Copy(counted, own.Name);
                        data = FromBegin(copies[path]);
                    }
                }
                else
                {
                    throw new DataException($"{own.Name} is {(entry.EntryType == TarEntryType.SparseFile ? "a sparse file" : "a special file")} "
                        + $"({entry.EntryType}), which cannot be read from an archive; unpack it yourself, or pack without it.");
                }

                names.Add(path);
                using var content = Unpacked(ArchiveFormat.Tar, data, own.Name, length: length);
                foreach (var inner in Files(content, own))
                    yield return inner;
                content.Drain();
            }

            blocks.CheckEnd(file.Name);
        }
        finally
        {
            foreach (var copy in copies.Values)
                copy.Dispose();
        }

        foreach (var (name, path, target) in links)
            CheckLink(name, path, target, names);
    }

    static PrefixedStream FromBegin(FileStream copy)
    {
        copy.Position = 0;
        return new PrefixedStream(default, copy);
    }

    // A link within an archive leads to what is read itself.
    void CheckLink(string name, string path, string target, IReadOnlySet<string> names)
    {
        var parts = new List<string>(target.StartsWith('/') ? [] : path.Split('/')[..^1]);
        foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else
                parts.Add(part);
        }

        var end = SourceNames.Below(string.Join('/', parts));
        if (!names.Any(other => other == end || other.StartsWith(end + "/", StringComparison.Ordinal)))
            throw new DataException($"{name} is a link to {Printable.Text(target)}, which is not in the archive; pack what it leads to, for instance: "
                + "tar --dereference -cf FILE FOLDER");
        account.LeaveOut(name, "links to what is read itself");
    }

    SourceStream Unpacked(ArchiveFormat format, Stream content, string name, uint? checksum = null, long? length = null,
        ReadOnlyMemory<byte> head = default) => new(content, name, cancellation)
        {
            Head = head,
            Format = ArchiveFormats.Name(format),
            ExpectedChecksum = checksum,
            ExpectedLength = length,
            OnRead = read =>
            {
                budget.Take(read);
                onRead();
            },
        };

    // Reading to the end checks the checksum.
    void Finish(SourceStream stream)
    {
        if (!isListing)
            stream.Drain();
    }

    static T Try<T>(ArchiveFormat format, string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (DataException or OperationCanceledException) && SourceStream.IsDamage(e))
        {
            var message = e.Message.StartsWith("Exception of type", StringComparison.Ordinal) ? "" : " " + e.Message;
            throw new DataException(format == ArchiveFormat.None
                ? $"{name} cannot be read:{message}"
                : $"{name} cannot be unpacked as {ArchiveFormats.Name(format)}:{message} It is damaged, or packed in a way that cannot be read here; "
                    + "unpack it with another program and give the files, or get it again.", e);
        }
    }
}
