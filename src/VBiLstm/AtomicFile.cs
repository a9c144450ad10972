namespace VBiLstm;

/// <summary>Writes whole files or none: aside, flushed to disk, then renamed. Pipes and devices are written as they are.</summary>
static class AtomicFile
{
    // What a kill left aside; no file is written for so long.
    static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);
    const int BufferBytes = 1 << 16;
    static int _written;

    /// <summary>Writes a text as UTF-8, as the other does.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; the old file is untouched.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; a file that stood there stays whole until the new one is on disk.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; the old file is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (IsSpecial(path))
        {
            using var special = new FileStream(path, FileMode.Open, FileAccess.Write);
            write(special);
            return;
        }

        path = Prepare(path, out var aside);
        try
        {
            using (var stream = new FileStream(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes))
            {
                write(stream);
                DurableStorage.Flush(stream);
            }

            Put(aside, path);
        }
        catch (Exception e)
        {
            TryDelete(aside);
            if (IsOfFile(e))
                throw NotWritten(path, e);
            throw;
        }
    }

    /// <summary>
    /// As <see cref="Write"/>, without holding a thread while the system writes; flushing to disk, which no system does by itself, holds one.
    /// </summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; the old file is untouched.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the file had its name; the old file is untouched.</exception>
    public static async Task WriteAsync(string path, Func<Stream, Task> write, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (IsSpecial(path))
        {
            var special = new FileStream(path, FileMode.Open, FileAccess.Write);
            await using (special.ConfigureAwait(false))
                await write(special).ConfigureAwait(false);
            return;
        }

        path = Prepare(path, out var aside);
        try
        {
            var stream = new FileStream(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes, useAsync: true);
            await using (stream.ConfigureAwait(false))
            {
                await write(stream).ConfigureAwait(false);
                await stream.FlushAsync(cancellation).ConfigureAwait(false);
                await Task.Run(() => DurableStorage.Flush(stream), cancellation).ConfigureAwait(false);
            }

            cancellation.ThrowIfCancellationRequested();
            await Task.Run(() => Put(aside, path), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            TryDelete(aside);
            if (IsOfFile(e))
                throw NotWritten(path, e);
            throw;
        }
    }

    // Such a thing is written to, never replaced by a file.
    static bool IsSpecial(string path) => FileIdentity.Of(path).Kind is FileKind.Pipe or FileKind.Socket or FileKind.Device;

    // Gives what is replaced and a name aside, in a folder that is there.
    static string Prepare(string path, out string aside)
    {
        // A link stays one: what it leads to is replaced.
        if (new FileInfo(path).LinkTarget is not null)
            path = File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        var folder = FolderOf(path);
        Directory.CreateDirectory(folder);
        RemoveAbandoned(folder, Path.GetFileName(path));

        // A name of its own: two writers of one file each finish theirs.
        aside = Path.Combine(folder, $".{Path.GetFileName(path)}.{Environment.ProcessId}-{Interlocked.Increment(ref _written)}.tmp");
        return path;
    }

    static void Put(string aside, string path)
    {
        SharedFile.Replace(aside, path);
        DurableStorage.FlushFolder(FolderOf(path));
    }

    static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    static bool IsOfFile(Exception e) => e is IOException or UnauthorizedAccessException;

    static IOException NotWritten(string path, Exception e) => new($"{path} could not be written: {e.Message}", e);

    static void RemoveAbandoned(string folder, string name)
    {
        foreach (var file in Directory.EnumerateFiles(folder, $".{name}.*.tmp"))
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > Abandoned)
                TryDelete(file);
    }

    // What failed first is what must be told.
    static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
