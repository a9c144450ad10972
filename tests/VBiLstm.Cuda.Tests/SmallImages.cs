using VBiLstm.Configuration;
using VBiLstm.Data;

namespace VBiLstm.Cuda.Tests;

/// <summary>Few images of few rows, random: what a training does between its first step and its last checkpoint shows on them as on any others.</summary>
static class SmallImages
{
    const int Height = 8, Width = 28;

    /// <summary>Grey images for six batches of ten, and binary ones for two of validation.</summary>
    public static DataSplits Open(DataConfiguration data, long seed)
        => new(Split(60, data.Binarisation, seed), Split(20, Binarisation.Binary, 0), Split(10, Binarisation.Binary, 0), "small images");

    static ImageDataset Split(int count, Binarisation binarisation, long seed)
    {
        var random = new Random(count);
        var pixels = new byte[count * Height * Width];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = binarisation == Binarisation.Binary ? (byte)random.Next(2) : (byte)random.Next(256);
        return new ImageDataset(new IdxFile([count, Height, Width], pixels), "small images", ImageView.Rows, binarisation, seed);
    }
}
