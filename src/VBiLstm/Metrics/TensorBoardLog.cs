using System.Buffers.Binary;
using System.Net;
using System.Numerics;
using Google.Protobuf;
using static VBiLstm.ProtobufMessage;

namespace VBiLstm.Metrics;

/// <summary>
/// A TensorBoard event file: TFRecord frames (length, masked CRC, data, masked CRC) around Event messages (tensorflow/core/util/event.proto).
/// </summary>
sealed class TensorBoardLog : IDisposable
{
    const int WallTime = 1, Step = 2, FileVersion = 3, Summary = 5, SessionLog = 7;
    const int SummaryValue = 1, Tag = 1, SimpleValue = 2, Image = 4, Metadata = 9;
    const int SessionStart = 1;

    readonly AppendedFile _file;

    /// <summary>Starts a new file in the folder, named as TensorBoard expects; TensorBoard joins the files of resumed runs.</summary>
    /// <param name="folder">Of the run.</param>
    /// <param name="resumedStep">
    /// Steps done: later ones that an interrupted run may have logged are struck out by a session that starts with the next; null adds to what is there.
    /// </param>
    /// <param name="warn">Told of what cannot be written.</param>
    public TensorBoardLog(string folder, long? resumedStep, Action<string>? warn = null)
    {
        var now = DateTimeOffset.UtcNow;
        _file = new AppendedFile(Path.Combine(folder,
            $"events.out.tfevents.{now.ToUnixTimeSeconds()}.{Dns.GetHostName()}.{Environment.ProcessId}.{now.Millisecond}"), warn);
        WriteEvent(0, message => WriteString(message, FileVersion, "brain.Event:2"));
        if (resumedStep is { } step)
        {
            WriteEvent(step + 1, message => WriteMessage(message, SessionLog, session =>
            {
                session.WriteTag(1, WireFormat.WireType.Varint);
                session.WriteEnum(SessionStart);
            }));
        }
    }

    /// <summary>Adds one point to the curve <paramref name="tag"/>.</summary>
    public void Scalar(string tag, long step, double value) => WriteValue(tag, step, message => WriteFloat(message, SimpleValue, (float)value));

    /// <summary>Adds a picture.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="step">Of the training.</param>
    /// <param name="png">The encoded file.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="width">Pixels.</param>
    public void Picture(string tag, long step, byte[] png, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(png);
        WriteValue(tag, step, message => WriteMessage(message, Image, image =>
        {
            WriteVarint(image, 1, height);
            WriteVarint(image, 2, width);
            WriteVarint(image, 3, 1); // grey
            WriteBytes(image, 4, png);
        }));
    }

    /// <summary>Names the run's hyperparameters for TensorBoard's HPARAMS tab (tensorboard/plugins/hparams/plugin_data.proto).</summary>
    /// <param name="values">By dotted name: numbers, truth values or texts.</param>
    public void Hyperparameters(IEnumerable<(string Name, object Value)> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        WriteValue("_hparams_/session_start_info", 0, message => WriteMessage(message, Metadata, metadata => WriteMessage(metadata, 1, plugin =>
        {
            WriteString(plugin, 1, "hparams");
            WriteMessage(plugin, 2, data => WriteMessage(data, 3, session =>
            {
                foreach (var (name, value) in values)
                {
                    WriteMessage(session, 1, entry =>
                    {
                        WriteString(entry, 1, name);
                        WriteMessage(entry, 2, content => WriteHyperparameter(content, value));
                    });
                }
            }));
        })));
    }

    /// <summary>Waits until the disk has what was logged.</summary>
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

    void WriteValue(string tag, long step, Action<CodedOutputStream> content)
        => WriteEvent(step, message => WriteMessage(message, Summary, summary => WriteMessage(summary, SummaryValue, value =>
        {
            WriteString(value, Tag, tag);
            content(value);
        })));

    void WriteEvent(long step, Action<CodedOutputStream> content) => WriteRecord(Encode(message =>
    {
        message.WriteTag(WallTime, WireFormat.WireType.Fixed64);
        message.WriteDouble((DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds);
        if (step > 0)
            WriteVarint(message, Step, step);
        content(message);
    }));

    void WriteRecord(byte[] data)
    {
        const int Around = sizeof(ulong) + sizeof(uint);
        var record = new byte[Around + data.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(sizeof(ulong)), MaskedCrc(record.AsSpan(0, sizeof(ulong))));
        data.CopyTo(record, Around);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(Around + data.Length), MaskedCrc(data));
        _file.Append(record);
    }

    static void WriteHyperparameter(CodedOutputStream content, object value)
    {
        // google.protobuf.Value: number_value 2, string_value 3, bool_value 4.
        if (value is bool truth)
        {
            content.WriteTag(4, WireFormat.WireType.Varint);
            content.WriteBool(truth);
        }
        else if (value is string text)
        {
            WriteString(content, 3, text);
        }
        else
        {
            content.WriteTag(2, WireFormat.WireType.Fixed64);
            content.WriteDouble(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
