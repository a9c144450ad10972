namespace VBiLstm.Preparation.Sources;

/// <summary>Bytes that are made when the first of them is read: a listing makes none.</summary>
sealed class LateStream(Func<byte[]> read) : ForwardStream
{
    ReadOnlyMemory<byte>? _rest;

    public override int Read(Span<byte> buffer)
    {
        var rest = _rest ?? read();
        var count = Math.Min(buffer.Length, rest.Length);
        rest.Span[..count].CopyTo(buffer);
        _rest = rest[count..];
        return count;
    }
}
