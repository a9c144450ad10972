using VBiLstm.Configuration;
using VBiLstm.Data;

namespace VBiLstm.Tests.Data;

public class DataSplitsTests
{
    static readonly DataConfiguration Digits = new();

    static float[] Frames(SequenceDataset data, int index, long epoch = 0)
    {
        var batch = new SequenceBatch(data.MaximumLength, 1, data.FrameSize) { Steps = data.MaximumLength };
        data.Fill(index, epoch, batch, 0);
        return batch.Frames;
    }

    static void WriteIdx(string path, int count, int side, byte value)
    {
        byte[] header = [0, 0, 8, 3, 0, 0, (byte)(count >> 8), (byte)count, 0, 0, 0, (byte)side, 0, 0, 0, (byte)side];
        File.WriteAllBytes(path, [.. header, .. Enumerable.Repeat(value, count * side * side)]);
    }

    [Fact]
    public void Embedded_digits_have_the_published_counts_and_views()
    {
        var rows = DataSplits.Open(Digits, 1);
        Assert.Equal((1000, 200, 200), (rows.Train.Count, rows.Validation.Count, rows.Test.Count));
        Assert.Equal((28, 28), (rows.Train.MaximumLength, rows.Train.FrameSize));
        var pixels = DataSplits.Open(Digits with { View = ImageView.Pixels }, 1);
        Assert.Equal((784, 1), (pixels.Train.MaximumLength, pixels.Train.FrameSize));

        // Both begin with a zero frame, then the same pixels in the same order.
        Assert.All(Frames(rows.Test, 5)[..28], value => Assert.Equal(0, value));
        Assert.Equal(Frames(rows.Test, 5)[28..], Frames(pixels.Test, 5)[1..]);
        Assert.All(Frames(rows.Train, 3), value => Assert.True(value is 0 or 1));
    }

    [Fact]
    public void Pixel_means_score_as_the_yardstick_says()
    {
        var splits = DataSplits.Open(Digits, 1);
        var mean = new double[785 + 27];
        for (var i = 0; i < splits.Train.Count; i++)
            foreach (var (value, j) in Frames(splits.Train, i).Select((value, j) => (value, j)))
                mean[j] += value / splits.Train.Count;
        var nats = Enumerable.Range(0, splits.Test.Count).Average(i => Frames(splits.Test, i).Skip(28).Select((value, j) =>
        {
            var p = (mean[j + 28] * 1000 + 0.5) / 1001;
            return -Math.Log(value > 0 ? p : 1 - p);
        }).Sum());

        // 206 on all of MNIST; these are 200 other digits.
        Assert.InRange(nats, 190, 222);
    }

    [Fact]
    public void Stochastic_binarisation_changes_with_the_epoch_for_training_only_and_keeps_its_probability()
    {
        var splits = DataSplits.Open(Digits with { Binarisation = Binarisation.Stochastic }, 1);
        Assert.Equal(Frames(splits.Train, 0, 3), Frames(splits.Train, 0, 3));
        Assert.NotEqual(Frames(splits.Train, 0, 3), Frames(splits.Train, 0, 4));
        Assert.NotEqual(Frames(splits.Train, 0, 3), Frames(DataSplits.Open(Digits with { Binarisation = Binarisation.Stochastic }, 2).Train, 0, 3));
        Assert.Equal(Frames(splits.Test, 0, 3), Frames(DataSplits.Open(Digits, 9).Test, 0, 4));

        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "valid", "test" })
            WriteIdx(folder.At(split + ".idx"), 40, 20, 64);
        var grey = DataSplits.Open(new DataConfiguration { Source = folder.Path, Binarisation = Binarisation.Stochastic }, 1);
        var share = Enumerable.Range(0, 40).Average(i => Frames(grey.Train, i, 1)[20..].Average());
        var error = 5 * Math.Sqrt(64 / 255.0 * (1 - 64 / 255.0) / (40 * 400));
        Assert.InRange(share - 64 / 255.0, -error, error);
    }

    [Fact]
    public void Folders_are_understood_or_refused_with_the_fix()
    {
        using var folder = new TemporaryFolder();
        var configuration = new DataConfiguration { Source = folder.Path };
        void Refused(string part) => Assert.Contains(part, Assert.Throws<DataException>(() => DataSplits.Open(configuration, 1)).Message, StringComparison.Ordinal);

        Refused("train split");
        WriteIdx(folder.At("x-train-images"), 40, 5, 255);
        Refused("test split");
        WriteIdx(folder.At("t10k-images"), 10, 5, 255);
        var held = DataSplits.Open(configuration, 1);
        Assert.Equal((36, 4, 10), (held.Train.Count, held.Validation.Count, held.Test.Count));
        Assert.Contains("last tenth", held.Description, StringComparison.Ordinal);
        WriteIdx(folder.At("valid-images"), 8, 6, 255);
        Refused("different sizes");
        WriteIdx(folder.At("valid-images"), 8, 5, 100);
        Refused("data.binarisation");
        WriteIdx(folder.At("valid-images"), 8, 5, 0);
        Assert.Equal(8, DataSplits.Open(configuration, 1).Validation.Count);
        File.WriteAllText(folder.At("train-notes.txt"), "not data");
        Assert.Equal(40, DataSplits.Open(configuration, 1).Train.Count);
        WriteIdx(folder.At("train-again"), 8, 5, 0);
        Refused("several files");
        configuration = configuration with { Source = folder.At("nowhere") };
        Refused("no folder");
    }

    [Fact]
    public void A_model_of_another_frame_size_is_refused_with_the_value_to_set()
    {
        var e = Assert.Throws<ConfigurationException>(() => DataSplits.Open(Digits, 1).CheckFits(new ModelConfiguration { FrameSize = 5 }));
        Assert.Contains("model.frame_size=28", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Larger_sets_beside_the_checkout_can_be_read()
    {
        var folder = Environment.GetEnvironmentVariable("VBILSTM_DATA");
        if (folder is null)
            Assert.Skip("VBILSTM_DATA names no folder with binmnist-*-idx3-ubyte.gz; the embedded digits stand in for them above.");
        using var copy = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(folder, "binmnist-*"))
            File.Copy(file, copy.At(Path.GetFileName(file)));
        var splits = DataSplits.Open(new DataConfiguration { Source = copy.Path }, 1);
        Assert.Equal((50_000, 10_000, 10_000), (splits.Train.Count, splits.Validation.Count, splits.Test.Count));
    }
}
