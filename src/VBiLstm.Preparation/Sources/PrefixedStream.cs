namespace VBiLstm.Preparation.Sources;

/// <summary>Bytes that were read already, then the rest: for looking at the begin of a stream that cannot seek. The rest stays its owner's.</summary>
sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : ForwardStream
{
    ReadOnlyMemory<byte> _prefix = prefix;
    long _position;

    // The reader of xz aligns blocks by it.
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _prefix.Length);
        _prefix.Span[..count].CopyTo(buffer);
        _prefix = _prefix[count..];
        if (count == 0)
            count = rest.Read(buffer);
        _position += count;
        return count;
    }
}
