namespace VBiLstm.Cli.Images;

/// <summary>
/// LZW as GIF has it: codes of growing width, lowest bit first, in blocks of up to 255 bytes; the table begins anew when it is full
/// (T. Welch, A Technique for High-Performance Data Compression, Computer 17(6), 1984).
/// </summary>
sealed class GifCodes(Stream stream, int pixelBits)
{
    const int MostBits = 12, LongestBlock = 255;

    readonly int _clear = 1 << pixelBits, _end = (1 << pixelBits) + 1;
    readonly Dictionary<int, int> _table = new(1 << MostBits);
    readonly byte[] _block = new byte[1 + LongestBlock];
    int _next, _width, _bits, _bitCount;

    /// <summary>Writes one image's pixels, each less than 2 to the power of its bits, and the blocks' end.</summary>
    public void Write(ReadOnlySpan<byte> pixels)
    {
        Clear();
        Code(_clear);
        int prefix = pixels[0];
        foreach (var pixel in pixels[1..])
        {
            var longer = prefix << pixelBits | pixel;
            if (_table.TryGetValue(longer, out var code))
            {
                prefix = code;
                continue;
            }

            Code(prefix);
            if (_next < 1 << MostBits)
            {
                _table.Add(longer, _next++);
            }
            else
            {
                Code(_clear);
                Clear();
            }

            prefix = pixel;
        }

        Code(prefix);
        Code(_end);
        if (_bitCount > 0)
            Byte((byte)_bits);
        if (_block[0] > 0)
            WriteBlock();
        stream.WriteByte(0);
    }

    void Clear()
    {
        _table.Clear();
        (_next, _width) = (_end + 1, pixelBits + 1);
    }

    void Code(int code)
    {
        _bits |= code << _bitCount;
        for (_bitCount += _width; _bitCount >= 8; _bitCount -= 8, _bits >>= 8)
            Byte((byte)_bits);

        // A reader, which learns each entry one code later, needs the wider codes from here on.
        if (_next == 1 << _width && _width < MostBits)
            _width++;
    }

    void Byte(byte value)
    {
        _block[++_block[0]] = value;
        if (_block[0] == LongestBlock)
            WriteBlock();
    }

    void WriteBlock()
    {
        stream.Write(_block, 0, 1 + _block[0]);
        _block[0] = 0;
    }
}
