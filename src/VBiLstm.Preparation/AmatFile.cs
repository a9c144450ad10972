using VBiLstm.Data;

namespace VBiLstm.Preparation;

/// <summary>Text files of binary images (binarised MNIST's .amat): one image a line, a 0 or 1 for each pixel, spaces between; images are square.</summary>
public static class AmatFile
{
    const int MaximumPixels = 1 << 20;

    /// <summary>Reads images [count, height, width] as bytes 0 and 255.</summary>
    /// <param name="stream">Read to its end, forward only.</param>
    /// <param name="name">Named in errors.</param>
    /// <exception cref="DataException">Another character than 0, 1 and white space, lines of different or not square numbers of pixels, no line.</exception>
    internal static IdxFile Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var pixels = new MemoryStream();
        var buffer = new byte[1 << 16];
        var (offset, column, width, images) = (0L, 0, 0, 0);
        var (inToken, ended) = (false, false);
        void EndLine()
        {
            if (column == 0)
                return;
            if (width == 0)
                width = column;
            if (column != width)
                throw new DataException($"{name}, offset {offset}: image {images} has {column} pixels, the first has {width}; "
                    + "the file is damaged or truncated.");
            (images, column) = (images + 1, 0);
        }

        for (int read; (read = stream.Read(buffer)) > 0 || !ended;)
        {
            ended = read == 0;
            for (var i = 0; i < read; i++, offset++)
            {
                var c = buffer[i];
                if (c is (byte)'0' or (byte)'1')
                {
                    if (inToken)
                        throw new DataException($"{name}, offset {offset}: '{(char)buffer[i]}' right behind another digit; pixels are single digits, 0 or 1, "
                            + "with spaces between.");
                    if (++column > MaximumPixels || pixels.Length >= Array.MaxLength)
                        throw new DataException($"{name}, offset {offset}: more pixels than a file of images has ({MaximumPixels:N0} an image); "
                            + "this is not an amat file.");
                    pixels.WriteByte(c == '1' ? byte.MaxValue : (byte)0);
                    inToken = true;
                }
                else if (c is (byte)' ' or (byte)'\t' or (byte)'\r')
                {
                    inToken = false;
                }
                else if (c == '\n')
                {
                    inToken = false;
                    EndLine();
                }
                else
                {
                    throw new DataException($"{name}, offset {offset}: byte {c:x2} where 0, 1 or a space should stand; "
                        + "this is not an amat file of binary images.");
                }
            }
        }

        EndLine();
        var side = (int)Math.Sqrt(width);
        if (images == 0)
            throw new DataException($"{name} is empty.");
        return side * side == width
            ? new IdxFile([images, side, side], pixels.ToArray())
            : throw new DataException($"{name}: images of {width} pixels, which is no square; amat files do not say height and width.");
    }
}
