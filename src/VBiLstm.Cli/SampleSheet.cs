using SkiaSharp;
using VBiLstm.Configuration;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Cli;

/// <summary>Drawn images side by side in one PNG.</summary>
static class SampleSheet
{
    const int Scale = 2, Gap = 4;

    /// <summary>Pixels [B, height·width], 0 to 1, of images from the prior.</summary>
    public static float[] Draw(PriorMode prior, ModelConfiguration model, int pixels, long seed, double temperature = 1)
        => Generation.Frames(prior, model, pixels / model.FrameSize, seed, temperature);

    /// <summary>Writes images [count, height, width] with values from 0 to 1, white on black, <paramref name="columns"/> in a row.</summary>
    public static void Write(string path, float[] images, int height, int width, int columns)
    {
        var count = images.Length / (height * width);
        columns = Math.Min(columns, count);
        var rows = (count + columns - 1) / columns;
        using var bitmap = new SKBitmap(columns * (width * Scale + Gap) + Gap, rows * (height * Scale + Gap) + Gap, SKColorType.Gray8, SKAlphaType.Opaque);
        bitmap.Erase(new SKColor(64, 64, 64));
        for (var i = 0; i < count; i++)
        {
            var left = i % columns * (width * Scale + Gap) + Gap;
            var top = i / columns * (height * Scale + Gap) + Gap;
            for (var y = 0; y < height * Scale; y++)
            {
                for (var x = 0; x < width * Scale; x++)
                {
                    var value = (byte)(255 * Math.Clamp(images[(i * height + y / Scale) * width + x / Scale], 0, 1));
                    bitmap.SetPixel(left + x, top + y, new SKColor(value, value, value));
                }
            }
        }

        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        AtomicFile.Write(path, png.SaveTo);
    }
}
