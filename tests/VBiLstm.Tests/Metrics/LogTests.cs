using System.Buffers.Binary;
using System.Text;
using VBiLstm.Metrics;

namespace VBiLstm.Tests.Metrics;

public class LogTests
{
    [Fact]
    public void A_resumed_log_forgets_later_steps_and_a_torn_line()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("metrics.jsonl");
        using (var log = new MetricsLog(path, 0))
            for (var step = 1; step <= 5; step++)
                log.Write(step, "train", [("bound", -step), ("kl", double.NaN)]);
        File.AppendAllText(path, """{"step":6,"spl""");
        Assert.Equal(5, MetricsLog.Read(path).Count);
        using (var log = new MetricsLog(path, 3))
            log.Write(4, "validation", [("bound", 1.5)]);
        var rows = MetricsLog.Read(path);
        Assert.Equal([1L, 2, 3, 4], rows.Select(row => row.Step));
        Assert.Equal(("validation", 1.5), (rows[3].Split, rows[3].Values["bound"]));
        Assert.True(double.IsNaN(rows[0].Values["kl"]));
        Assert.Contains("\"NaN\"", File.ReadAllLines(path)[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Crc32c_gives_the_published_check_value()
        => Assert.Equal(0xE3069283u, TensorBoardLog.Crc32C(Encoding.ASCII.GetBytes("123456789")));

    [Fact]
    public void Event_files_decode_to_what_was_logged()
    {
        using var folder = new TemporaryFolder();
        using (var log = new TensorBoardLog(folder.Path))
        {
            log.Scalar("train/bound", 300, -1.5);
            log.Scalar("kl", 1L << 40, 0.25);
        }

        var file = Assert.Single(Directory.GetFiles(folder.Path));
        Assert.StartsWith("events.out.tfevents.", Path.GetFileName(file), StringComparison.Ordinal);
        var events = Records(File.ReadAllBytes(file)).Select(Fields).ToList();
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString((byte[])events[0][3]));
        Assert.Equal([(300L, "train/bound", -1.5f), (1L << 40, "kl", 0.25f)], events.Skip(1).Select(fields =>
        {
            var value = Fields((byte[])Fields((byte[])fields[5])[1]);
            return ((long)(ulong)fields[2], Encoding.UTF8.GetString((byte[])value[1]), BitConverter.UInt32BitsToSingle((uint)value[2]));
        }));
        var wallTime = BitConverter.UInt64BitsToDouble((ulong)events[1][1]);
        Assert.InRange(wallTime, 1.7e9, 1e10);
    }

    // TFRecord: length, masked CRC-32C of the length, data, masked CRC-32C of the data.
    static IEnumerable<byte[]> Records(byte[] file)
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

    // Protobuf wire format: varint 0, 64-bit 1, bytes 2, 32-bit 5.
    static Dictionary<int, object> Fields(byte[] message)
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
}
