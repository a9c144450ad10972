using System.Buffers.Binary;

namespace VBiLstm.Data.Speech;

/// <summary>RIFF/WAVE: PCM of 8, 16 or 24 bits, one channel, plain or as WAVE_FORMAT_EXTENSIBLE.</summary>
static class RiffFile
{
    const int Pcm = 1, Extensible = 0xfffe, MaximumFormatBytes = 1 << 10, LargestRate = 1_000_000;

    /// <summary>Reads on behind the first eight bytes.</summary>
    public static SpeechRecording Read(Stream stream, string name)
    {
        var offset = 8L;
        byte[] Next(long count, string what)
        {
            var bytes = PiecewiseReading.ReadBytes(stream, count, offset, name, what);
            offset += count;
            return bytes;
        }

        if (!Next(4, "the form").AsSpan().SequenceEqual("WAVE"u8))
            throw new DataException($"{name}, offset 8: this RIFF file is not WAVE; only sound can be read.");
        var (rate, bits) = (0, 0);
        while (true)
        {
            var header = Next(8, "a chunk's header (no data chunk came before)");
            var size = (long)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4));
            if (header.AsSpan(0, 4).SequenceEqual("fmt "u8))
            {
                if (size is < 16 or > MaximumFormatBytes)
                    throw new DataException($"{name}, offset {offset - 4}: a fmt chunk of {size} bytes; 16 to {MaximumFormatBytes} are expected.");
                (rate, bits) = ReadFormat(Next(size + size % 2, "the fmt chunk"), offset - size - size % 2, name);
            }
            else if (header.AsSpan(0, 4).SequenceEqual("data"u8))
            {
                if (rate == 0)
                    throw new DataException($"{name}, offset {offset - 8}: the data chunk comes before the fmt chunk; the file is damaged.");
                if (size % (bits / 8) != 0)
                    throw new DataException($"{name}, offset {offset - 4}: {size} bytes are not a whole number of samples of {bits} bits; the file is damaged.");
                return new SpeechRecording(Decode(Next(size, "samples"), bits), rate);
            }
            else
            {
                Skip(stream, size + size % 2, ref offset, name);
            }
        }
    }

    static (int Rate, int Bits) ReadFormat(byte[] format, long offset, string name)
    {
        int Field(int at) => BinaryPrimitives.ReadUInt16LittleEndian(format.AsSpan(at));
        var (tag, channels, bits) = (Field(0), Field(2), Field(14));
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(format.AsSpan(4));
        if (tag == Extensible && format.Length >= 26)
            tag = Field(24);
        if (tag != Pcm)
            throw new DataException($"{name}, offset {offset}: sample format {tag}; only PCM (1) can be read. Convert it, for instance: sox FILE -b 16 -e signed-integer OUT.wav.");
        if (channels != 1)
            throw new DataException($"{name}, offset {offset + 2}: {channels} channels; one is expected. Mix them down, for instance: sox FILE OUT.wav remix -.");
        if (rate is 0 or > LargestRate)
            throw new DataException($"{name}, offset {offset + 4}: {rate} samples a second; 1 to {LargestRate} are expected.");
        return bits is 8 or 16 or 24
            ? ((int)rate, bits)
            : throw new DataException($"{name}, offset {offset + 14}: samples of {bits} bits; 8, 16 and 24 can be read.");
    }

    static float[] Decode(byte[] bytes, int bits)
    {
        var samples = new float[bytes.Length / (bits / 8)];
        for (var i = 0; i < samples.Length; i++)
        {
            samples[i] = bits switch
            {
                8 => (bytes[i] - 128) * 256f,
                16 => BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(2 * i)),
                _ => (bytes[3 * i] | bytes[3 * i + 1] << 8 | (sbyte)bytes[3 * i + 2] << 16) / 256f,
            };
        }

        return samples;
    }

    static void Skip(Stream stream, long count, ref long offset, string name)
    {
        Span<byte> buffer = stackalloc byte[4096];
        for (var left = count; left > 0;)
        {
            var read = stream.Read(buffer[..(int)Math.Min(left, buffer.Length)]);
            if (read == 0)
                throw new DataException($"{name}, offset {offset}: the file ends where {left:N0} more bytes of a chunk should stand; it is truncated, or has no data chunk.");
            (left, offset) = (left - read, offset + read);
        }
    }
}
