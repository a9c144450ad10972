using System.Buffers.Binary;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Images;

/// <summary>An endless animation of grey images as a GIF file: one palette of 256 greys, each frame whole (CompuServe, GIF89a, 1990).</summary>
static class GifFile
{
    const int Greys = 256, GreyBits = 8;
    const byte LeaveInPlace = 1 << 2;

    /// <summary>Writes the frames, which are of one size, as they come.</summary>
    /// <exception cref="ConfigurationException">A frame is wider or higher than the format can say.</exception>
    /// <exception cref="IOException">The disk is full or the folder cannot be written; the old file is untouched.</exception>
    public static void Write(string path, IEnumerable<(SampleSheet Image, int Centiseconds)> frames)
        => AtomicFile.Write(path, stream => WriteFrames(stream, frames));

    static void WriteFrames(Stream stream, IEnumerable<(SampleSheet Image, int Centiseconds)> frames)
    {
        var begun = false;
        foreach (var (image, centiseconds) in frames)
        {
            if (Math.Max(image.Width, image.Height) > ushort.MaxValue)
                throw new ConfigurationException($"A GIF has at most {ushort.MaxValue:N0} pixels a side, and this sheet {image.Width:N0}×{image.Height:N0}; "
                    + "draw fewer (--count), or put more beside each other (--columns).");
            if (!begun)
                WriteHead(stream, image);
            begun = true;
            stream.Write([0x21, 0xF9, 4, LeaveInPlace, .. Number(centiseconds), 0, 0]);
            stream.Write([0x2C, 0, 0, 0, 0, .. Number(image.Width), .. Number(image.Height), 0]);
            stream.WriteByte(GreyBits);
            new GifCodes(stream, GreyBits).Write(image.Grey);
        }

        stream.WriteByte(0x3B);
    }

    static void WriteHead(Stream stream, SampleSheet image)
    {
        const byte CommonPalette = 0x80 | GreyBits - 1 << 4 | GreyBits - 1;
        stream.Write("GIF89a"u8);
        stream.Write([.. Number(image.Width), .. Number(image.Height), CommonPalette, 0, 0]);
        for (var grey = 0; grey < Greys; grey++)
            stream.Write([(byte)grey, (byte)grey, (byte)grey]);

        // Repeated for ever: an extension of Netscape's that every reader knows.
        stream.Write([0x21, 0xFF, 11, .. "NETSCAPE2.0"u8, 3, 1, .. Number(0), 0]);
    }

    static byte[] Number(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        return bytes;
    }
}
