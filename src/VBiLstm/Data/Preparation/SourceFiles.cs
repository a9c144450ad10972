using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using SharpCompress.Compressors.Xz;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Data.Preparation;

/// <summary>One file of a source.</summary>
/// <param name="Name">Path of the file, and of the archive around it; named in errors.</param>
/// <param name="RelativePath">Path within the folder or archive, with /.</param>
/// <param name="Content">Read forward, before the next file is asked for.</param>
public sealed record SourceFile(string Name, string RelativePath, SourceStream Content)
{
    /// <summary>The last part of the path.</summary>
    public string FileName => Path.GetFileName(RelativePath);
}

/// <summary>
/// The files that a data set is prepared from: files, folders with all below them (in the order of their paths), and zip, tar, gzip and xz archives
/// (in the archive's order). What a file is, is decided by its content.
/// </summary>
public sealed class SourceFiles
{
    const int MagicBytes = 263;
    readonly IReadOnlyList<string> _paths;

    /// <param name="paths">Files and folders.</param>
    /// <exception cref="DataException">One of them does not exist.</exception>
    public SourceFiles(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        _paths = paths;
        foreach (var path in paths)
            if (!File.Exists(path) && !Directory.Exists(path))
                throw new DataException($"--from: there is no file or folder {path}.");
    }

    /// <summary>Every file, decompressed.</summary>
    /// <param name="progress">Told the share of the bytes read, from 0 to 1.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DataException">A file cannot be read or is damaged.</exception>
    public IEnumerable<SourceFile> Read(Action<double>? progress = null, CancellationToken cancellation = default)
    {
        var files = _paths.SelectMany(path => Expand(path)).ToList();
        var total = Math.Max(1, files.Sum(file => file.Bytes));
        var before = 0L;
        foreach (var (path, relative, bytes) in files)
        {
            var start = before;
            using var file = Open(path);
            void Report() => progress?.Invoke((double)(start + file.Position) / total);
            foreach (var content in Unpack(file, path, relative, Report, cancellation))
                yield return content;
            before += bytes;
        }
    }

    /// <summary>What the manifest says of the sources.</summary>
    /// <param name="progress">Told the share of the bytes read, from 0 to 1.</param>
    /// <param name="cancellation">Ends reading.</param>
    public IReadOnlyList<PreparedSource> Describe(Action<double>? progress = null, CancellationToken cancellation = default)
    {
        var total = Math.Max(1, _paths.SelectMany(path => Expand(path)).Sum(file => file.Bytes));
        var done = 0L;
        var sources = new List<PreparedSource>();
        var buffer = new byte[1 << 20];
        foreach (var source in _paths)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var bytes = 0L;
            foreach (var (path, relative, size) in Expand(source))
            {
                if (Directory.Exists(source))
                    hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{relative}\n{size}\n"));
                using var file = new SourceStream(Open(path), path, cancellation: cancellation);
                for (int read; (read = file.Read(buffer)) > 0; progress?.Invoke((double)done / total))
                {
                    hash.AppendData(buffer, 0, read);
                    bytes += read;
                    done += read;
                }
            }

            sources.Add(new PreparedSource { Path = source, Bytes = bytes, Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) });
        }

        return sources;
    }

    static IEnumerable<(string Path, string Relative, long Bytes)> Expand(string path)
    {
        if (File.Exists(path))
            return [(path, Path.GetFileName(path), new FileInfo(path).Length)];
        try
        {
            return [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Select(file => (file, Path.GetRelativePath(path, file).Replace('\\', '/'), new FileInfo(file).Length))
                .OrderBy(file => file.Item2, StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }

    static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
    }

    static IEnumerable<SourceFile> Unpack(FileStream file, string path, string relative, Action report, CancellationToken cancellation)
    {
        if (IsHidden(relative))
            return [];
        var magic = new byte[MagicBytes];
        var length = file.ReadAtLeast(magic, MagicBytes, throwOnEndOfStream: false);
        file.Position = 0;
        if (magic.AsSpan().StartsWith("PK\x03\x04"u8) || magic.AsSpan().StartsWith("PK\x05\x06"u8))
            return Zip(file, path, report, cancellation);
        if (magic[0] == 0x1f && magic[1] == 0x8b)
            return Compressed(() => new GZipStream(file, CompressionMode.Decompress, leaveOpen: true), GzipChecksum(file, path), path, relative, report, cancellation);
        if (magic.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]))
            return Compressed(() => new XZStream(file), null, path, relative, report, cancellation);
        if (IsTar(magic, length))
            return Tar(new SourceStream(file, path, report, cancellation: cancellation), path);
        return [new SourceFile(path, relative, new SourceStream(file, path, report, cancellation: cancellation))];
    }

    static bool IsTar(byte[] magic, int length) => length == MagicBytes && magic.AsSpan(257, 5).SequenceEqual("ustar"u8);

    static IEnumerable<SourceFile> Zip(FileStream file, string path, Action report, CancellationToken cancellation)
    {
        ZipArchive archive;
        IReadOnlyList<ZipArchiveEntry> entries;
        try
        {
            archive = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
            entries = archive.Entries;
        }
        catch (Exception e) when (SourceStream.IsDamage(e))
        {
            throw new DataException($"{path} is a damaged zip archive: {e.Message} Get it again.", e);
        }

        using (archive)
        {
            foreach (var entry in entries)
            {
                if (entry.FullName.EndsWith('/') || IsHidden(entry.FullName))
                    continue;
                var name = $"{path}/{entry.FullName}";
                Stream content;
                try
                {
                    content = entry.Open();
                }
                catch (Exception e) when (SourceStream.IsDamage(e))
                {
                    throw new DataException($"{name} cannot be unpacked: {e.Message} Get the archive again.", e);
                }

                using (content)
                {
                    var stream = new SourceStream(content, name, report, entry.Crc32, cancellation);
                    yield return new SourceFile(name, entry.FullName, stream);
                    stream.Drain();
                }
            }
        }
    }

    // GZipStream takes a file without its trailer, or with other bytes behind it, for whole; so the trailer must be that of the content.
    static uint GzipChecksum(FileStream file, string path)
    {
        Span<byte> trailer = stackalloc byte[8];
        if (file.Length < 18)
            throw new DataException($"{path}, offset {file.Length}: the file ends where a gzip file's header and trailer should stand; it is truncated. Get it again.");
        file.Position = file.Length - trailer.Length;
        file.ReadExactly(trailer);
        file.Position = 0;
        return BinaryPrimitives.ReadUInt32LittleEndian(trailer);
    }

    static IEnumerable<SourceFile> Compressed(Func<Stream> open, uint? checksum, string path, string relative, Action report, CancellationToken cancellation)
    {
        Stream inner;
        try
        {
            inner = open();
        }
        catch (Exception e) when (SourceStream.IsDamage(e))
        {
            throw new DataException($"{path} cannot be unpacked: {e.Message} Get it again.", e);
        }

        var stream = new SourceStream(inner, path, report, checksum, cancellation);
        var magic = new byte[MagicBytes];
        var length = stream.ReadAtLeast(magic, MagicBytes, throwOnEndOfStream: false);
        var whole = new SourceStream(new PrefixedStream(magic.AsMemory(0, length), stream), path, cancellation: cancellation);
        if (IsTar(magic, length))
        {
            foreach (var file in Tar(whole, path))
                yield return file;
        }
        else
        {
            var isNamedSo = relative.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) || relative.EndsWith(".xz", StringComparison.OrdinalIgnoreCase);
            yield return new SourceFile(path, isNamedSo ? relative[..^3] : relative, whole);
            whole.Drain();
        }
    }

    static IEnumerable<SourceFile> Tar(SourceStream stream, string path)
    {
        using var archive = new TarReader(stream, leaveOpen: true);
        while (true)
        {
            TarEntry? entry;
            try
            {
                entry = archive.GetNextEntry();
            }
            catch (Exception e) when (e is not DataException && SourceStream.IsDamage(e))
            {
                throw new DataException($"{path}, offset {stream.Position} of its unpacked content: a damaged tar archive: {e.Message} Get it again.", e);
            }

            if (entry is null)
            {
                stream.Drain();
                yield break;
            }

            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || entry.DataStream is null || IsHidden(entry.Name))
                continue;
            var name = $"{path}/{entry.Name}";
            yield return new SourceFile(name, entry.Name, new SourceStream(entry.DataStream, name));
        }
    }

    // What macOS leaves in archives, and other files that are none of ours.
    static bool IsHidden(string path) => path.StartsWith("__MACOSX/", StringComparison.Ordinal) || path.StartsWith('.') && !path.StartsWith("./", StringComparison.Ordinal) || path.Contains("/.", StringComparison.Ordinal);
}
