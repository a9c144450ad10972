using ImageMagick;

namespace VBiLstm.Cli.Images;

/// <summary>A sheet of images that grow in the order in which the model draws them.</summary>
static class DrawingOrder
{
    const int MaximumFrames = 56;
    const uint CentisecondsPerFrame = 8, CentisecondsAtTheEnd = 200;

    /// <summary>Writes an endless GIF file: a frame each step, or every few steps where there are many; the whole images stay for two seconds.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="blocks">Images [count, height, width], 0 to 1, of each sheet that stands beside the others.</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="columns">Images side by side.</param>
    /// <param name="pixelsPerStep">What the model draws at once: D.</param>
    public static void WriteGif(string path, IReadOnlyList<float[]> blocks, int height, int width, int columns, int pixelsPerStep)
    {
        var steps = height * width / pixelsPerStep;
        var stepsPerFrame = (steps + MaximumFrames - 1) / MaximumFrames;
        using var frames = new MagickImageCollection();
        for (var step = 0; step < steps; step += stepsPerFrame)
        {
            var last = step + stepsPerFrame >= steps;
            var drawn = last ? height * width : (step + stepsPerFrame) * pixelsPerStep;
            var sheet = SampleSheet.Beside([.. blocks.Select(images => SampleSheet.Of(images, height, width, columns, drawn))]);
            var frame = new MagickImage();
            frames.Add(frame);
            frame.ReadPixels(sheet.Grey, new PixelReadSettings((uint)sheet.Width, (uint)sheet.Height, StorageType.Char, "R"));
            frame.ColorType = ColorType.Grayscale;
            frame.AnimationDelay = last ? CentisecondsAtTheEnd : CentisecondsPerFrame;
            frame.AnimationIterations = 0;
        }

        AtomicFile.Write(path, stream => frames.Write(stream, MagickFormat.Gif));
    }
}
