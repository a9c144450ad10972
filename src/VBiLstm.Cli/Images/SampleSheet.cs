using SkiaSharp;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Images;

/// <summary>Drawn images side by side, white on black: [height, width] grey values of the whole sheet.</summary>
sealed record SampleSheet(byte[] Grey, int Height, int Width)
{
    const int Scale = 2, Gap = 4;
    const byte Background = 64;
    const long MostPixels = 1L << 28;

    /// <summary>Sheets side by side, of the same height.</summary>
    public static SampleSheet Beside(IReadOnlyList<SampleSheet> sheets)
    {
        if (sheets.Count == 1)
            return sheets[0];
        var (height, width) = (sheets[0].Height, sheets.Sum(sheet => (long)sheet.Width));
        Check(sheets.Count, height, width);
        var grey = new byte[height * width];
        var left = 0;
        foreach (var sheet in sheets)
        {
            for (var y = 0; y < height; y++)
                sheet.Grey.AsSpan(y * sheet.Width, sheet.Width).CopyTo(grey.AsSpan((int)(y * width) + left));
            left += sheet.Width;
        }

        return new SampleSheet(grey, height, (int)width);
    }

    /// <summary>
    /// Images [count, height, width] with values from 0 to 1, <paramref name="columns"/> in a row, of which the first <paramref name="drawn"/> pixels are
    /// shown.
    /// </summary>
    public static SampleSheet Of(float[] images, int height, int width, int columns, int drawn = int.MaxValue)
    {
        var count = images.Length / (height * width);
        columns = Math.Min(columns, count);
        var rows = (count + columns - 1) / columns;
        var (sheetHeight, sheetWidth) = (checked(rows * (height * Scale + Gap) + Gap), checked(columns * (width * Scale + Gap) + Gap));
        Check(count, sheetHeight, sheetWidth);
        var grey = new byte[sheetHeight * sheetWidth];
        Array.Fill(grey, Background);
        for (var i = 0; i < count; i++)
        {
            var left = i % columns * (width * Scale + Gap) + Gap;
            var top = i / columns * (height * Scale + Gap) + Gap;
            for (var y = 0; y < height * Scale; y++)
            {
                for (var x = 0; x < width * Scale; x++)
                {
                    var pixel = y / Scale * width + x / Scale;
                    if (pixel < drawn)
                        grey[(top + y) * sheetWidth + left + x] = (byte)(255 * Math.Clamp(images[i * height * width + pixel], 0, 1));
                }
            }
        }

        return new SampleSheet(grey, sheetHeight, sheetWidth);
    }

    static void Check(int count, int height, long width)
    {
        if (height * width > MostPixels)
            throw new ConfigurationException($"A sheet of {count:N0} images would have {height:N0}×{width:N0} pixels, more than {MostPixels:N0}; "
                + "draw fewer (--count).");
    }

    /// <summary>Writes a PNG file.</summary>
    public void WritePng(string path) => AtomicFile.Write(path, stream => stream.Write(Png()));

    /// <summary>The bytes of a PNG file.</summary>
    public byte[] Png()
    {
        using var image = SKImage.FromPixelCopy(new SKImageInfo(Width, Height, SKColorType.Gray8, SKAlphaType.Opaque), Grey);
        using var png = image.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }
}
