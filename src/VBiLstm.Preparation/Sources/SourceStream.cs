using System.IO.Hashing;
using ICSharpCode.SharpZipLib;
using SharpCompress.Common;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>
/// A file of a source as it is read, forward only: what fails on the way is a <see cref="DataException"/> that names the file and the offset. It owns what it
/// reads.
/// </summary>
public sealed class SourceStream : ForwardStream
{
    readonly Stream _inner;
    readonly string _name;
    readonly CancellationToken _cancellation;
    readonly Crc32 _checksum = new();
    long _position;
    bool _hasFailed;

    /// <param name="inner">What is read; disposed with this.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="cancellation">Ends reading.</param>
    public SourceStream(Stream inner, string name, CancellationToken cancellation = default)
        => (_inner, _name, _cancellation) = (inner, name, cancellation);

    /// <summary>Told each time how many bytes were read.</summary>
    public Action<int>? OnRead { get; init; }

    /// <summary>The first bytes, as many as tell what the file is, or all; they are still to be read.</summary>
    internal ReadOnlyMemory<byte> Head { get; init; }

    /// <summary>Ends reading.</summary>
    internal CancellationToken Cancellation => _cancellation;

    /// <summary>The file itself, where it is no part of another one: for formats that are not read forward.</summary>
    internal Stream? Seekable { get; init; }

    /// <summary>What it is unpacked from; null where it is not.</summary>
    public string? Format { get; init; }

    /// <summary>Bytes that an archive says the file has; null where it says nothing.</summary>
    public long? ExpectedLength { get; init; }

    /// <summary>CRC-32 of the whole content; null where there is none.</summary>
    public uint? ExpectedChecksum { get; init; }

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

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
            throw Failed($"cannot be {(Format is null ? "read on" : $"unpacked on as {Format}")}: {e.Message} The file is damaged; get it again.", e);
        }

        _position += read;
        if (ExpectedChecksum is not null)
            _checksum.Append(buffer[..read]);
        if (_position > ExpectedLength || (read == 0 && buffer.Length > 0 && _position < ExpectedLength))
            throw Failed($"the archive says that the file has {ExpectedLength:N0} bytes; it is damaged. Get the archive again.");
        if (read == 0 && buffer.Length > 0 && ExpectedChecksum is not null && _checksum.GetCurrentHashAsUInt32() != ExpectedChecksum)
            throw Failed("the content does not have the checksum that the archive names; it is damaged. Get the archive again.");
        OnRead?.Invoke(read);
        return read;
    }

    DataException Failed(string reason, Exception? inner = null)
    {
        _hasFailed = true;
        return new DataException($"{_name}, offset {_position}: {reason}", inner!);
    }

    /// <summary>What a library throws at damaged content; their kinds are many.</summary>
    public static bool IsDamage(Exception e)
        => e is IOException or UnauthorizedAccessException or InvalidDataException or SharpCompressException or SharpZipBaseException
            or NotSupportedException or ArgumentException or FormatException or InvalidOperationException or ArithmeticException
            or IndexOutOfRangeException or NullReferenceException or NotImplementedException;

    /// <summary>Reads to the end, which checks the content's checksum; what failed before was said then.</summary>
    public void Drain()
    {
        Span<byte> rest = stackalloc byte[4096];
        while (!_hasFailed && Read(rest) > 0)
        {
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }
}
