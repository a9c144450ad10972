using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>A copy, in a temporary file, of what can be read only once or only forward; gone when it is disposed.</summary>
static class Spool
{
    /// <summary>Copies a stream to its end and returns the copy at its begin; it can seek.</summary>
    /// <exception cref="DataException">There is no room for the copy.</exception>
    public static FileStream Copy(Stream source, string name)
    {
        FileStream? copy = null;
        try
        {
            var buffer = new byte[1 << 16];
            copy = new FileStream(Path.Combine(Path.GetTempPath(), $"vbilstm-{Path.GetRandomFileName()}"), new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.Read | FileShare.Delete,
                Options = FileOptions.DeleteOnClose,
                BufferSize = 1 << 16,
            });
            for (int read; (read = source.Read(buffer)) > 0;)
                copy.Write(buffer, 0, read);
            copy.Flush();
            copy.Position = 0;
            return copy;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            copy?.Dispose();
            throw new DataException($"{name}: a copy of it cannot be written to {Path.GetTempPath()}: {e.Message} Set TMPDIR to a folder with room, "
                + "or unpack it yourself.", e);
        }
        catch
        {
            copy?.Dispose();
            throw;
        }
    }

    /// <summary>Copies a pipe, waiting for who writes it only as long as nothing is cancelled.</summary>
    public static FileStream CopyPipe(string path, string name, CancellationToken cancellation)
    {
        try
        {
            using var pipe = Task.Run(() => path == "-"
                ? Console.OpenStandardInput()
                : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1), CancellationToken.None).WaitAsync(cancellation).GetAwaiter()
                .GetResult();
            using var waiting = new WaitingStream(pipe, cancellation);
            return Copy(waiting, name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{name} cannot be read: {e.Message}", e);
        }
    }

    // A read of a pipe cannot be ended from outside; it is left behind where nobody waits for it any more.
    sealed class WaitingStream(Stream pipe, CancellationToken cancellation) : ForwardStream
    {
        readonly byte[] _buffer = new byte[1 << 16];

        public override int Read(Span<byte> buffer)
        {
            var wanted = Math.Min(buffer.Length, _buffer.Length);
            var read = Task.Run(() => pipe.Read(_buffer, 0, wanted), CancellationToken.None).WaitAsync(cancellation).GetAwaiter().GetResult();
            _buffer.AsSpan(0, read).CopyTo(buffer);
            return read;
        }
    }
}
