namespace VBiLstm.Columns;

/// <summary>
/// A file as a library reads it: what is damaged must not keep it reading the same bytes for ever, and who waits may cancel.
/// </summary>
sealed class GuardedStream(Stream inner, bool leaveOpen, CancellationToken cancellation) : Stream
{
    const int MostReadings = 8, AnyFile = 1 << 20;
    const long AnyBytes = 8 << 20;
    long _left = MostReadings * inner.Length + AnyFile;

    /// <summary>Whether what is read four bytes at a time is a mark or the length of what follows, as Arrow's messages have it.</summary>
    public bool ChecksLengths { get; init; }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    /// <summary>How many times its size a piece of a larger file may become.</summary>
    public const long MostExpansion = 1000;

    /// <summary>Bytes, or rows, that a piece of the file may become: what is damaged must not make us allocate what it promises.</summary>
    public long Most => Math.Max(AnyBytes, MostExpansion * Length);

    /// <summary>Allows as much to be read as a whole file needs.</summary>
    public void Restart() => _left = MostReadings * inner.Length + AnyFile;

    public override int Read(Span<byte> buffer)
    {
        cancellation.ThrowIfCancellationRequested();

        // A reader that does not move reads nothing for ever as well.
        _left -= Math.Max(1, buffer.Length == 0 ? 1 : Math.Min(buffer.Length, inner.Length - inner.Position));
        if (_left < 0)
            throw new InvalidDataException("Its parts lead back to what was read before.");
        var read = inner.Read(buffer);
        return !ChecksLengths || buffer.Length != sizeof(int) || read < sizeof(int) || BitConverter.ToInt32(buffer) <= inner.Length
            ? read
            : throw new InvalidDataException("A part of it would be longer than the file.");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !leaveOpen)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
