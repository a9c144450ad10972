using System.Buffers.Binary;

namespace VBiLstm.Data;

/// <summary>Sound as RIFF/WAVE files: PCM, 16 bits, one channel.</summary>
static class WaveFile
{
    const int HeaderBytes = 44, FormatBytes = 16;

    /// <summary>Writes samples of the 16-bit scale, rounded and clipped to it.</summary>
    /// <param name="path">The file; an old one stays whole until the new one is.</param>
    /// <param name="samples">From -32768 to 32767.</param>
    /// <param name="sampleRate">Samples a second.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<float> samples, int sampleRate)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sampleRate);
        var bytes = new byte[checked(HeaderBytes + 2 * samples.Length)];
        "RIFF"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), bytes.Length - 8);
        "WAVEfmt "u8.CopyTo(bytes.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), FormatBytes);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(20), 1); // PCM
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(22), 1); // channels
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(24), sampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(28), 2 * sampleRate);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(32), 2); // bytes a sample
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(34), 16); // bits a sample
        "data"u8.CopyTo(bytes.AsSpan(36));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(40), 2 * samples.Length);
        for (var i = 0; i < samples.Length; i++)
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(HeaderBytes + 2 * i),
                (short)Math.Clamp(MathF.Round(samples[i]), short.MinValue, short.MaxValue));
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }
}
