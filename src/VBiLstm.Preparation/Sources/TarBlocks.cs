using VBiLstm.Data;

namespace VBiLstm.Preparation.Sources;

/// <summary>A tar archive as it is read: a reader takes one without its end mark, or with more behind it, for whole. The archive stays its owner's.</summary>
sealed class TarBlocks(Stream archive) : ForwardStream
{
    bool _isEnded;

    public override int Read(Span<byte> buffer)
    {
        var read = archive.Read(buffer);
        _isEnded |= read == 0 && !buffer.IsEmpty;
        return read;
    }

    /// <summary>Throws where the archive ended before its mark, or anything but zeros is behind it.</summary>
    public void CheckEnd(string name)
    {
        if (_isEnded)
            throw new DataException($"{name} is a tar archive without its end; it is truncated. Get it again.");
        Span<byte> rest = stackalloc byte[4096];
        while (Read(rest) is > 0 and var read)
            if (rest[..read].ContainsAnyExcept((byte)0))
                throw new DataException($"{name}: other data stand behind the end of the tar archive (two archives in one file?); unpack it yourself, "
                    + "for instance: tar --ignore-zeros -xf FILE");
    }
}
