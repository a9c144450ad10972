using System.Buffers.Binary;
using System.Text;
using VBiLstm.Data;

namespace VBiLstm.Preparation.Speech;

/// <summary>
/// RIFF/WAVE, its large form RF64 (or BW64) and its big-endian form RIFX: whole numbers, floats, µ-law and A-law, plain or as WAVE_FORMAT_EXTENSIBLE.
/// </summary>
static class RiffFile
{
    const int MaximumFormatBytes = 1 << 10, LargeSizesBytes = 28;
    const long Unknown32 = uint.MaxValue;

    // Chunks that people have behind an empty data chunk, or behind one of odd length.
    static readonly string[] KnownChunks =
    [
        "fmt ", "data", "fact", "LIST", "list", "cue ", "bext", "iXML", "axml", "chna", "id3 ", "ID3 ", "JUNK", "junk", "PAD ", "FLLR", "PEAK", "smpl", "inst",
        "plst", "cart", "DISP", "_PMX", "afsp", "LGWV", "ds64",
    ];

    /// <summary>Reads a file from its begin.</summary>
    public static SpeechRecording Read(ForwardReader reader, int channel)
    {
        var form = Encoding.Latin1.GetString(reader.Read(4, "the form"));
        var isBigEndian = form == "RIFX";
        uint Size(ReadOnlySpan<byte> bytes) => isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        reader.Skip(4, "the size");
        if (!reader.Read(4, "the form").AsSpan().SequenceEqual("WAVE"u8))
            throw new DataException($"{reader.Name}, offset 8: this {form} file is not WAVE; only sound can be read.");
        SampleFormat? format = null;
        var largeSize = (long?)null;
        while (true)
        {
            if (reader.Peek(1).IsEmpty)
                throw new DataException($"{reader.Name}, offset {reader.Offset}: the file ends without a data chunk; it is truncated. Get it again.");
            var header = reader.Read(8, "a chunk's header");
            var at = reader.Offset - 8;
            var (chunk, size) = (Encoding.Latin1.GetString(header, 0, 4), (long)Size(header.AsSpan(4)));
            switch (chunk)
            {
                case "fmt ":
                    if (size is < 14 or > MaximumFormatBytes)
                        throw new DataException($"{reader.Name}, offset {at + 4}: a fmt chunk of {size} bytes; 14 to {MaximumFormatBytes} are expected.");
                    format = WaveFormat.Read(reader.Read((int)size, "the fmt chunk"), at + 8, isBigEndian, reader.Name);
                    break;
                case "ds64" when form is "RF64" or "BW64":
                    if (size is < LargeSizesBytes - 4 or > MaximumFormatBytes)
                        throw new DataException($"{reader.Name}, offset {at + 4}: a ds64 chunk of {size} bytes; {LargeSizesBytes} are expected.");
                    largeSize = BinaryPrimitives.ReadInt64LittleEndian(reader.Read((int)size, "the ds64 chunk").AsSpan(8));
                    break;
                case "data":
                    if ((form is "RF64" or "BW64") && largeSize is null)
                        throw new DataException($"{reader.Name}, offset {at}: this {form} file has no ds64 chunk, which holds the size of its data; "
                            + "it is damaged. Convert it, for instance: sox --ignore-length FILE OUT.wav.");
                    if (largeSize is { } large && size == Unknown32)
                        size = large;
                    if (format is null)
                        throw new DataException($"{reader.Name}, offset {at}: the data chunk comes before the fmt chunk; the file is damaged.");
                    return ReadSamples(reader, format, size, at + 4, channel);
                default:
                    reader.Skip(size, $"chunk '{Printable.Text(chunk)}', before which no data chunk came");
                    break;
            }

            SkipPadding(reader, size);
        }
    }

    static SpeechRecording ReadSamples(ForwardReader reader, SampleFormat format, long size, long at, int channel)
    {
        if (size < 0 && size != -1)
            throw new DataException($"{reader.Name}, offset {at}: a data chunk of {size} bytes; the file is damaged.");
        if (IsUnknown(size, reader))
            return SampleReader.Read(reader, format, null, channel);
        return size % format.FrameBytes == 0
            ? SampleReader.Read(reader, format, size, channel)
            : throw new DataException($"{reader.Name}, offset {at}: {size} bytes are not a whole number of samples of {format.FrameBytes} bytes; "
                + "the file is damaged. Convert it, for instance: sox --ignore-length FILE OUT.wav.");
    }

    // What programs write that cannot go back to the header: nothing, or about the largest size of 31 or 32 bits (of 64 in ds64), some of them less a header or
    // rounded to whole samples.
    static bool IsUnknown(long size, ForwardReader reader) => size switch
    {
        0 => reader.Peek(8) is { IsEmpty: false } next && !(next.Length == 8 && KnownChunks.Contains(Encoding.Latin1.GetString(next[..4]))),
        -1 or long.MaxValue or (>= 0x7ffff000 and <= 0x80001000) or (>= 0xfffff000 and <= uint.MaxValue) => true,
        _ => false,
    };

    // Behind a chunk of odd length stands a byte, 0 by the specification, which some programs leave out.
    static void SkipPadding(ForwardReader reader, long size)
    {
        if (size % 2 == 0)
            return;
        var next = reader.Peek(5);
        if (next.IsEmpty)
            return;
        bool IsName(ReadOnlySpan<byte> name) => name.Length == 4 && name.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
        bool IsKnown(ReadOnlySpan<byte> name) => name.Length == 4 && KnownChunks.Contains(Encoding.Latin1.GetString(name));
        var unpadded = next[..Math.Min(4, next.Length)];
        if (!IsKnown(unpadded) && (IsKnown(next[1..]) || !IsName(unpadded)))
            reader.Skip(1, "padding");
    }
}
