using System.Buffers.Binary;
using System.Text;
using VBiLstm.Preparation.Speech;

namespace VBiLstm.Tests.Data.Speech;

/// <summary>Sound files written chunk by chunk and field by field, as their specifications and their programs have them.</summary>
static class Sound
{
    public const int Rate = 16000;

    public static SpeechRecording Read(byte[] content, int channel = 0, string name = "x.wav") => SpeechFile.Read(new MemoryStream(content), name, channel);

    /// <summary>A number of 16 bits in either order.</summary>
    public static byte[] Half(int value, bool isBigEndian = false)
    {
        var bytes = new byte[] { (byte)value, (byte)(value >> 8) };
        return isBigEndian ? [bytes[1], bytes[0]] : bytes;
    }

    /// <summary>A number of 32 bits in either order.</summary>
    public static byte[] Word(uint value, bool isBigEndian = false)
    {
        var bytes = new byte[4];
        if (isBigEndian)
            BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        else
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    public static byte[] Chunk(string name, byte[] content, uint? size = null, bool isBigEndian = false)
        => [.. Encoding.ASCII.GetBytes(name), .. Word(size ?? (uint)content.Length, isBigEndian), .. content];

    public static byte[] Format(int tag, int bits, int channels = 1, int? block = null, int rate = Rate, bool isBigEndian = false)
    {
        var bytes = block ?? channels * bits / 8;
        return [.. Half(tag, isBigEndian), .. Half(channels, isBigEndian), .. Word((uint)rate, isBigEndian), .. Word((uint)(rate * bytes), isBigEndian),
            .. Half(bytes, isBigEndian), .. Half(bits, isBigEndian)];
    }

    /// <summary>The format chunk of 40 bytes, with the sub-format's identifier and the bits that count.</summary>
    public static byte[] Extensible(int tag, int bits, int valid, int channels = 1)
        => [.. Format(0xfffe, bits, channels), .. Half(22), .. Half(valid), .. Word(4), .. Half(tag),
            0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

    public static byte[] File(params byte[][] chunks) => Form("RIFF", chunks);

    public static byte[] Form(string form, byte[][] chunks)
    {
        byte[] content = [.. chunks.SelectMany(chunk => chunk)];
        return [.. Encoding.ASCII.GetBytes(form), .. Word((uint)content.Length + 4, form == "RIFX"), .. "WAVE"u8, .. content];
    }

    /// <summary>A whole file of one format and its samples.</summary>
    public static byte[] Of(byte[] format, byte[] data, uint? size = null) => File(Chunk("fmt ", format), Chunk("data", data, size));

    public static byte[] Sphere(string header, byte[] data, int size = 1024)
    {
        var bytes = new byte[size + data.Length];
        Encoding.Latin1.GetBytes($"NIST_1A\n{size,7}\n{header}").CopyTo(bytes, 0);
        data.CopyTo(bytes, size);
        return bytes;
    }
}
