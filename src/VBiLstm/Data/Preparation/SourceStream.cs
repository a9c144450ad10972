using System.IO.Hashing;
using SharpCompress.Common;

namespace VBiLstm.Data.Preparation;

/// <summary>A file of a source as it is read, forward only: what fails on the way is a <see cref="DataException"/> that names the file and the offset.</summary>
public sealed class SourceStream : Stream
{
    readonly Stream _inner;
    readonly string _name;
    readonly Action? _onRead;
    readonly CancellationToken _cancellation;
    readonly Crc32? _checksum;
    readonly uint _expected;
    long _position;

    /// <param name="inner">What is read.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="onRead">Told each time that something was read.</param>
    /// <param name="expectedChecksum">CRC-32 of the whole content; null where there is none.</param>
    /// <param name="cancellation">Ends reading.</param>
    public SourceStream(Stream inner, string name, Action? onRead = null, uint? expectedChecksum = null, CancellationToken cancellation = default)
    {
        (_inner, _name, _onRead, _cancellation) = (inner, name, onRead, cancellation);
        (_checksum, _expected) = (expectedChecksum is null ? null : new Crc32(), expectedChecksum ?? 0);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        _cancellation.ThrowIfCancellationRequested();
        int read;
        try
        {
            read = _inner.Read(buffer);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw new DataException($"{_name}, offset {_position}: cannot be read on: {e.Message} The file is damaged; get it again.", e);
        }

        _position += read;
        _checksum?.Append(buffer[..read]);
        if (read == 0 && buffer.Length > 0 && _checksum is not null && _checksum.GetCurrentHashAsUInt32() != _expected)
            throw new DataException($"{_name}, offset {_position}: the content does not have the checksum that the archive names; it is damaged. Get the archive again.");
        _onRead?.Invoke();
        return read;
    }

    /// <summary>What a library throws at damaged content; their kinds are many.</summary>
    public static bool IsDamage(Exception e)
        => e is IOException or UnauthorizedAccessException or InvalidDataException or SharpCompressException or NotSupportedException or ArgumentException
            or FormatException or InvalidOperationException or ArithmeticException or IndexOutOfRangeException or NullReferenceException or NotImplementedException;

    /// <summary>Reads to the end, which checks the content's checksum.</summary>
    public void Drain()
    {
        Span<byte> rest = stackalloc byte[4096];
        while (Read(rest) > 0)
        {
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
