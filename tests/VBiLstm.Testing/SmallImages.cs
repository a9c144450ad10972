using VBiLstm.Configuration;
using VBiLstm.Data;

namespace VBiLstm.Tests;

/// <summary>
/// Few images of few rows, random: what a training does between its first step and its end shows on them as on any others, and takes a software GPU less time.
/// </summary>
public static class SmallImages
{
    const int Height = 8, Width = 28;

    static readonly (string Name, int Count)[] Splits = [("train", 60), ("valid", 20), ("test", 10)];

    /// <summary>Grey images for training, where they are to be binarised, and binary ones.</summary>
    public static DataSplits Open(DataConfiguration data, long seed)
        => new(Split(0, data.Binarisation, seed), Split(1, Binarisation.Binary, 0), Split(2, Binarisation.Binary, 0), "small images");

    /// <summary>Writes them, all grey, to a new folder, which <c>--data</c> takes.</summary>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, count) in Splits)
            File.WriteAllBytes(Path.Combine(folder, name), [0, 0, 8, 3, 0, 0, 0, (byte)count, 0, 0, 0, Height, 0, 0, 0, Width, .. Pixels(count, 256)]);
    }

    static ImageDataset Split(int split, Binarisation binarisation, long seed)
    {
        var (name, count) = Splits[split];
        var pixels = Pixels(count, binarisation == Binarisation.Binary ? 2 : 256);
        return new ImageDataset(new IdxFile([count, Height, Width], pixels), name, ImageView.Rows, binarisation, seed);
    }

    static byte[] Pixels(int count, int values)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count * Height * Width).Select(_ => (byte)random.Next(values))];
    }
}
