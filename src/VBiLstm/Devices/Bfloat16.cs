namespace VBiLstm.Devices;

/// <summary>The upper half of a float32, as tensor cores read it.</summary>
static class Bfloat16
{
    /// <summary>Largest error of a rounding, relative to the value.</summary>
    public const float HalfUlp = 1f / 256;

    /// <summary>The nearest number that bf16 holds, ties to even; not-a-number and infinity stay what they are.</summary>
    public static float Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return BitConverter.UInt32BitsToSingle((bits | 0x400000) & 0xffff0000);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
    }
}
