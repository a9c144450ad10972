using System.Buffers.Binary;

namespace VBiLstm.Preparation.Speech;

/// <summary>What the bytes of a sample mean.</summary>
enum SampleCoding
{
    /// <summary>Whole numbers around 0.</summary>
    Signed,

    /// <summary>Whole numbers around the middle of their range.</summary>
    Unsigned,

    /// <summary>IEEE 754, from -1 to 1.</summary>
    Float,

    /// <summary>G.711 µ-law.</summary>
    MuLaw,

    /// <summary>G.711 A-law.</summary>
    ALaw,
}

/// <summary>Samples as they stand in a file, the channels of a moment side by side.</summary>
/// <param name="Coding">Of each sample.</param>
/// <param name="Bytes">Of each sample: 1 to 4, or 8 for floats.</param>
/// <param name="Bits">Those that hold something, from the highest; the rest is 0.</param>
/// <param name="IsBigEndian">Whether the highest byte comes first.</param>
/// <param name="Channels">1 or more.</param>
/// <param name="SampleRate">Moments a second.</param>
sealed record SampleFormat(SampleCoding Coding, int Bytes, int Bits, bool IsBigEndian, int Channels, int SampleRate)
{
    const float FullScale = 32768;

    /// <summary>The largest rate that is taken for one.</summary>
    public const int LargestRate = 1_000_000;

    /// <summary>Bytes of one moment.</summary>
    public int FrameBytes => Bytes * Channels;

    /// <summary>
    /// The smallest step between two values on the 16-bit scale. µ-law and A-law have it near silence, where it matters; floats have none of their own and
    /// count as 16 bits, which most of them were.
    /// </summary>
    public double Step => Coding switch
    {
        SampleCoding.Float => 1,
        SampleCoding.MuLaw => 8,
        SampleCoding.ALaw => 16,
        _ => Math.Pow(2, 16 - Bits),
    };

    /// <summary>One sample on the 16-bit scale; a float may lie beyond it or be no number.</summary>
    public float Decode(ReadOnlySpan<byte> sample) => Coding switch
    {
        SampleCoding.MuLaw => MuLaw(sample[0]),
        SampleCoding.ALaw => ALaw(sample[0]),
        SampleCoding.Unsigned => (sample[0] - 128) * 256f,
        SampleCoding.Float when Bytes == 4 => FullScale * (IsBigEndian
            ? BinaryPrimitives.ReadSingleBigEndian(sample)
            : BinaryPrimitives.ReadSingleLittleEndian(sample)),
        SampleCoding.Float => (float)(FullScale * (IsBigEndian
            ? BinaryPrimitives.ReadDoubleBigEndian(sample)
            : BinaryPrimitives.ReadDoubleLittleEndian(sample))),
        _ => Whole(sample) / 65536f,
    };

    // G.711: a sign, three bits of exponent and four of mantissa, all inverted; 132 keeps the segments joined.
    static int MuLaw(byte code)
    {
        var value = ((~code & 0x0f) << 3) + 132 << (~code >> 4 & 7);
        return (code & 0x80) == 0 ? 132 - value : value - 132;
    }

    // G.711: the same with every other bit inverted; the first two segments have the same step.
    static int ALaw(byte code)
    {
        var bits = code ^ 0x55;
        var (exponent, mantissa) = (bits >> 4 & 7, ((bits & 0x0f) << 4) + 8);
        var value = exponent == 0 ? mantissa : mantissa + 256 << (exponent - 1);
        return (bits & 0x80) == 0 ? -value : value;
    }

    // As a whole number of 32 bits, whose upper half is that of the 16-bit scale.
    int Whole(ReadOnlySpan<byte> sample)
    {
        var value = 0u;
        for (var i = 0; i < Bytes; i++)
            value |= (uint)sample[IsBigEndian ? i : Bytes - 1 - i] << (24 - 8 * i);
        return (int)value;
    }
}
