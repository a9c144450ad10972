using SharpCompress.Compressors.Xz;

namespace VBiLstm.Preparation.Sources;

/// <summary>
/// The content of an xz file: all its streams one behind the other, with the padding that may stand behind each. What is packed stays its owner's.
/// </summary>
sealed class XzStreams(Stream packed) : ForwardStream
{
    const int Unit = 4;
    XZStream? _stream = new(packed);

    public override int Read(Span<byte> buffer)
    {
        while (!buffer.IsEmpty && _stream is not null)
        {
            if (_stream.Read(buffer) is > 0 and var read)
                return read;
            _stream.Dispose();
            _stream = Next();
        }

        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _stream?.Dispose();
        base.Dispose(disposing);
    }

    XZStream? Next()
    {
        Span<byte> unit = stackalloc byte[Unit];
        while (true)
        {
            var length = packed.ReadAtLeast(unit, Unit, throwOnEndOfStream: false);
            if (length == 0)
                return null;
            if (length == Unit && !unit.ContainsAnyExcept((byte)0))
                continue;
            if (length == Unit && unit[0] == 0xfd && unit[1..].SequenceEqual("7zX"u8))
                return new XZStream(new PrefixedStream(unit.ToArray(), packed));
            throw new InvalidDataException("other bytes stand behind the xz data; the file is damaged, or is xz with something appended.");
        }
    }
}
