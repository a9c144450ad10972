namespace VBiLstm.Cli.Images;

/// <summary>A sheet of images that grow in the order in which the model draws them.</summary>
static class DrawingOrder
{
    const int MaximumFrames = 56, CentisecondsPerFrame = 8, CentisecondsAtTheEnd = 200;

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
        var frames = (steps + stepsPerFrame - 1) / stepsPerFrame;
        GifFile.Write(path, Enumerable.Range(1, frames).Select(frame =>
        {
            var last = frame == frames;
            var drawn = last ? height * width : frame * stepsPerFrame * pixelsPerStep;
            var sheet = SampleSheet.Beside([.. blocks.Select(images => SampleSheet.Of(images, height, width, columns, drawn))]);
            return (sheet, last ? CentisecondsAtTheEnd : CentisecondsPerFrame);
        }));
    }
}
