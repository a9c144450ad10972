using System.Buffers.Binary;
using System.IO.Hashing;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace VBiLstm.Preparation.Sources;

/// <summary>
/// The content of a gzip file: all its members one behind the other, zeros behind the last. Unlike the platform's reader it takes neither a file without its
/// trailer nor one with other bytes behind it for whole.
/// </summary>
sealed class GzipMembers(Stream zipped) : ForwardStream
{
    const int Extra = 4, Name = 8, Comment = 16, HeaderChecksum = 2, Reserved = 0xe0;
    readonly Inflater _inflater = new(noHeader: true);
    readonly Crc32 _checksum = new();
    readonly byte[] _input = new byte[1 << 16];
    readonly byte[] _output = new byte[1 << 16];
    int _start, _end, _members;
    uint _length;
    bool _isInMember, _isEnded;

    public override int Read(Span<byte> buffer)
    {
        while (!buffer.IsEmpty && !_isEnded)
        {
            if (!_isInMember)
            {
                BeginMember();
                continue;
            }

            var read = _inflater.Inflate(_output, 0, Math.Min(_output.Length, buffer.Length));
            if (read > 0)
            {
                _output.AsSpan(0, read).CopyTo(buffer);
                _checksum.Append(buffer[..read]);
                _length += (uint)read;
                return read;
            }

            if (_inflater.IsFinished)
                EndMember();
            else if (!_inflater.IsNeedingInput || !Fill())
                throw new InvalidDataException("the gzip file ends within its compressed data; it is truncated.");
            else
                _inflater.SetInput(_input, _start, _end - _start);
        }

        return 0;
    }

    void BeginMember()
    {
        if (_start == _end && !Fill())
        {
            if (_members == 0)
                throw new InvalidDataException("the gzip file is empty.");
            _isEnded = true;
            return;
        }

        if (_members > 0 && _input[_start] == 0)
        {
            EndInZeros();
            return;
        }

        if (Next() != 0x1f || Next() != 0x8b)
            throw new InvalidDataException("other bytes stand behind the gzip data; the file is damaged, or is gzip with something appended.");
        if (Next() != 8)
            throw new InvalidDataException("gzip of another compression than deflate.");
        var flags = Next();
        if ((flags & Reserved) != 0)
            throw new InvalidDataException("the gzip header has flags that no version knows.");
        Skip(6);
        if ((flags & Extra) != 0)
            Skip(Next() | Next() << 8);
        foreach (var text in new[] { Name, Comment })
            while ((flags & text) != 0 && Next() != 0)
            {
            }

        Skip((flags & HeaderChecksum) != 0 ? 2 : 0);
        _members++;
        _inflater.Reset();
        _checksum.Reset();
        (_length, _isInMember) = (0, true);
        _inflater.SetInput(_input, _start, _end - _start);
    }

    void EndMember()
    {
        _start = _end - _inflater.RemainingInput;
        Span<byte> trailer = stackalloc byte[8];
        for (var i = 0; i < trailer.Length; i++)
            trailer[i] = (byte)Next();
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer) != _checksum.GetCurrentHashAsUInt32()
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]) != _length)
            throw new InvalidDataException("the content does not have the checksum and size that the gzip file names.");
        _isInMember = false;
    }

    // What was written to tapes or in blocks is padded.
    void EndInZeros()
    {
        do
        {
            if (_input.AsSpan(_start, _end - _start).ContainsAnyExcept((byte)0))
                throw new InvalidDataException("other bytes stand behind the gzip data; the file is damaged, or is gzip with something appended.");
            _start = _end;
        }
        while (Fill());
        _isEnded = true;
    }

    bool Fill()
    {
        (_start, _end) = (0, zipped.Read(_input));
        return _end > 0;
    }

    int Next() => _start < _end || Fill()
        ? _input[_start++]
        : throw new InvalidDataException("the gzip file ends within a header or trailer; it is truncated.");

    void Skip(int bytes)
    {
        while (bytes-- > 0)
            Next();
    }
}
