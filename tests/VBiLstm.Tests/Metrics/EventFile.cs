using System.Buffers.Binary;
using System.Text;

namespace VBiLstm.Tests.Metrics;

/// <summary>Reads TensorBoard's files by their published formats.</summary>
static class EventFile
{
    /// <summary>TFRecord: length, masked CRC-32C of the length, data, masked CRC-32C of the data.</summary>
    public static IEnumerable<byte[]> Records(byte[] file)
    {
        for (var at = 0; at < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            var data = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            yield return data;
            at += 16 + length;
        }
    }

    static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
        }

        crc = ~crc;
        return (crc >> 15 | crc << 17) + 0xa282ead8;
    }

    /// <summary>Protobuf wire format: varint 0, 64-bit 1, bytes 2, 32-bit 5.</summary>
    public static Dictionary<int, object> Fields(byte[] message)
    {
        var fields = new Dictionary<int, object>();
        var at = 0;
        ulong Varint()
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var next = message[at++];
                value |= (ulong)(next & 0x7f) << shift;
                if (next < 0x80)
                    return value;
            }
        }

        while (at < message.Length)
        {
            var key = (int)Varint();
            switch (key & 7)
            {
                case 0:
                    fields[key >> 3] = Varint();
                    break;
                case 1:
                    fields[key >> 3] = BinaryPrimitives.ReadUInt64LittleEndian(message.AsSpan(at));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint();
                    fields[key >> 3] = message[at..(at + length)];
                    at += length;
                    break;
                default:
                    fields[key >> 3] = BinaryPrimitives.ReadUInt32LittleEndian(message.AsSpan(at));
                    at += 4;
                    break;
            }
        }

        return fields;
    }

    /// <summary>Tag, step and value of every scalar in the file.</summary>
    public static IReadOnlyList<(string Tag, long Step, float Value)> Scalars(string path)
    {
        var scalars = new List<(string, long, float)>();
        foreach (var fields in Records(File.ReadAllBytes(path)).Select(Fields))
        {
            if (!fields.TryGetValue(5, out var summary) || Fields((byte[])Fields((byte[])summary)[1]) is not { } value || !value.TryGetValue(2, out var simple))
                continue;
            scalars.Add((Encoding.UTF8.GetString((byte[])value[1]), (long)(ulong)fields[2], BitConverter.UInt32BitsToSingle((uint)simple)));
        }

        return scalars;
    }
}
