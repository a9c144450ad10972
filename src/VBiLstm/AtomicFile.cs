namespace VBiLstm;

/// <summary>Writes whole files or none: aside, flushed to disk, then renamed. Pipes and devices are written as they are.</summary>
static class AtomicFile
{
    // What a kill left aside; no file is written for so long.
    static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);
    static int _written;

    /// <summary>Writes a text as UTF-8, as the other does.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; the old file is untouched.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; a file that stood there stays whole until the new one is on disk.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; the old file is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (FileIdentity.Of(path).Kind is FileKind.Pipe or FileKind.Socket or FileKind.Device)
        {
            // Such a thing is written to, never replaced by a file.
            using var special = new FileStream(path, FileMode.Open, FileAccess.Write);
            write(special);
            return;
        }

        // A link stays one: what it leads to is replaced.
        if (new FileInfo(path).LinkTarget is not null)
            path = File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        RemoveAbandoned(folder, Path.GetFileName(path));

        // A name of its own: two writers of one file each finish theirs.
        var aside = Path.Combine(folder, $".{Path.GetFileName(path)}.{Environment.ProcessId}-{Interlocked.Increment(ref _written)}.tmp");
        try
        {
            using (var stream = new FileStream(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                DurableStorage.Flush(stream);
            }

            SharedFile.Replace(aside, path);
            DurableStorage.FlushFolder(folder);
        }
        catch (Exception e)
        {
            TryDelete(aside);
            if (e is IOException or UnauthorizedAccessException)
                throw new IOException($"{path} could not be written: {e.Message}", e);
            throw;
        }
    }

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
