using System.Buffers.Binary;
using System.Net;
using System.Numerics;
using System.Text;

namespace VBiLstm.Metrics;

/// <summary>
/// A TensorBoard event file of scalars: TFRecord frames (length, masked CRC, data, masked CRC) around hand-encoded Event messages.
/// </summary>
public sealed class TensorBoardLog : IDisposable
{
    const byte WallTimeField = 1 << 3 | 1, StepField = 2 << 3, FileVersionField = 3 << 3 | 2, SummaryField = 5 << 3 | 2;
    const byte SummaryValueField = 1 << 3 | 2, TagField = 1 << 3 | 2, SimpleValueField = 2 << 3 | 5;

    readonly FileStream _file;
    readonly MemoryStream _event = new();
    readonly MemoryStream _value = new();

    /// <summary>Starts a new file in the folder, named as TensorBoard expects; TensorBoard joins the files of resumed runs.</summary>
    public TensorBoardLog(string folder)
    {
        Directory.CreateDirectory(folder);
        var now = DateTimeOffset.UtcNow;
        var path = Path.Combine(folder, $"events.out.tfevents.{now.ToUnixTimeSeconds()}.{Dns.GetHostName()}.{Environment.ProcessId}.{now.Millisecond}");
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        StartEvent();
        var version = Encoding.UTF8.GetBytes("brain.Event:2");
        _event.WriteByte(FileVersionField);
        WriteVarint(_event, (ulong)version.Length);
        _event.Write(version);
        WriteRecord();
    }

    /// <summary>Adds one point to the curve <paramref name="tag"/>.</summary>
    public void Scalar(string tag, long step, double value)
    {
        _value.SetLength(0);
        var name = Encoding.UTF8.GetBytes(tag);
        _value.WriteByte(TagField);
        WriteVarint(_value, (ulong)name.Length);
        _value.Write(name);
        _value.WriteByte(SimpleValueField);
        Span<byte> number = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(number, (float)value);
        _value.Write(number);

        StartEvent();
        _event.WriteByte(StepField);
        WriteVarint(_event, (ulong)step);
        _event.WriteByte(SummaryField);
        WriteVarint(_event, (ulong)(1 + VarintLength((ulong)_value.Length) + _value.Length));
        _event.WriteByte(SummaryValueField);
        WriteVarint(_event, (ulong)_value.Length);
        _value.WriteTo(_event);
        WriteRecord();
    }

    public void Flush() => _file.Flush();

    public void Dispose() => _file.Dispose();

    /// <summary>CRC-32C as TFRecord stores it: rotated and offset, so that a checksum of data with checksums in it stays good.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> data) => BitOperations.RotateRight(Crc32C(data), 15) + 0xa282ead8;

    internal static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    void StartEvent()
    {
        _event.SetLength(0);
        _event.WriteByte(WallTimeField);
        Span<byte> time = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(time, (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds);
        _event.Write(time);
    }

    void WriteRecord()
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        Span<byte> crc = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)_event.Length);
        _file.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(crc, MaskedCrc(length));
        _file.Write(crc);
        var data = _event.GetBuffer().AsSpan(0, (int)_event.Length);
        _file.Write(data);
        BinaryPrimitives.WriteUInt32LittleEndian(crc, MaskedCrc(data));
        _file.Write(crc);
    }

    static void WriteVarint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }

    static int VarintLength(ulong value)
    {
        var length = 1;
        for (; value >= 0x80; value >>= 7)
            length++;
        return length;
    }
}
