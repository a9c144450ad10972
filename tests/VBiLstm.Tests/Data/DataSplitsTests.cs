using System.IO.Compression;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation;

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
        var rows = DataSource.Open(Digits, 1);
        Assert.Equal((1000, 200, 200), (rows.Train.Count, rows.Validation.Count, rows.Test.Count));
        Assert.Equal((28, 28), (rows.Train.MaximumLength, rows.Train.FrameSize));
        var pixels = DataSource.Open(Digits with { View = ImageView.Pixels }, 1);
        Assert.Equal((784, 1), (pixels.Train.MaximumLength, pixels.Train.FrameSize));

        // Both begin with a zero frame, then the same pixels in the same order.
        Assert.All(Frames(rows.Test, 5)[..28], value => Assert.Equal(0, value));
        Assert.Equal(Frames(rows.Test, 5)[28..], Frames(pixels.Test, 5)[1..]);
        Assert.All(Frames(rows.Train, 3), value => Assert.True(value is 0 or 1));
    }

    [Fact]
    public void Pixel_means_score_as_the_yardstick_says()
    {
        var splits = DataSource.Open(Digits, 1);
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
        var splits = DataSource.Open(Digits with { Binarisation = Binarisation.Stochastic }, 1);
        Assert.Equal(Frames(splits.Train, 0, 3), Frames(splits.Train, 0, 3));
        Assert.NotEqual(Frames(splits.Train, 0, 3), Frames(splits.Train, 0, 4));
        Assert.NotEqual(Frames(splits.Train, 0, 3), Frames(DataSource.Open(Digits with { Binarisation = Binarisation.Stochastic }, 2).Train, 0, 3));
        Assert.Equal(Frames(splits.Test, 0, 3), Frames(DataSource.Open(Digits, 9).Test, 0, 4));

        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "valid", "test" })
            WriteIdx(folder.At(split + ".idx"), 40, 20, 64);
        var grey = DataSource.Open(new DataConfiguration { Source = folder.Path, Binarisation = Binarisation.Stochastic }, 1);
        var share = Enumerable.Range(0, 40).Average(i => Frames(grey.Train, i, 1)[20..].Average());
        var error = 5 * Math.Sqrt(64 / 255.0 * (1 - 64 / 255.0) / (40 * 400));
        Assert.InRange(share - 64 / 255.0, -error, error);
    }

    [Fact]
    public void Grey_training_digits_are_the_binary_ones_in_the_same_order()
    {
        static IdxFile Digits(string name)
            => IdxFile.Read(
                new GZipStream(typeof(DataSplits).Assembly.GetManifestResourceStream(name + "-train-images-idx3-ubyte.gz")!, CompressionMode.Decompress),
                name);
        var (grey, binary) = (Digits("mini-gray").Values, Digits("mini-bin").Values);
        Assert.DoesNotContain(grey.Zip(binary), pixel => (pixel.First, pixel.Second) is (0, 255) or (255, 0));
    }

    [Fact]
    public void Draws_made_once_share_no_noise_between_splits_and_ignore_the_seed()
    {
        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "valid", "test" })
            WriteIdx(folder.At(split), 10, 28, 128);
        DataSplits Open(long seed) => DataSource.Open(new DataConfiguration { Source = folder.Path, Binarisation = Binarisation.Static }, seed);
        var splits = Open(1);
        SequenceDataset[] all = [splits.Train, splits.Validation, splits.Test];
        float[][] images = [.. all.Select(split => Enumerable.Range(0, 10).SelectMany(i => Frames(split, i)[28..]).ToArray())];

        // Independent fair coins (p = 128/255) agree on half of 7,840 pixels, within 5 standard deviations.
        foreach (var (one, other) in new[] { (0, 1), (0, 2), (1, 2) })
            Assert.InRange(images[one].Zip(images[other]).Average(p => p.First == p.Second ? 1.0 : 0), 0.47, 0.53);
        var again = Open(2);
        Assert.Equal(Frames(splits.Train, 3), Frames(again.Train, 3));
        Assert.Equal(Frames(splits.Validation, 3), Frames(again.Validation, 3));
        Assert.Equal(Frames(splits.Test, 3), Frames(again.Test, 3));
    }

    [Theory]
    [InlineData("train-and-test")]
    [InlineData("latest-train")]
    [InlineData("train-val")]
    public void One_file_never_serves_two_splits(string name)
    {
        using var folder = new TemporaryFolder();
        WriteIdx(folder.At(name), 20, 4, 0);
        if (name == "train-val")
            WriteIdx(folder.At("test"), 20, 4, 0);
        var e = Assert.Throws<DataException>(() => DataSource.Open(new DataConfiguration { Source = folder.Path }, 1));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 0x1f, 0x8b, 9, 9, 9 })]
    [InlineData(new byte[] { 0x1f, 0x8b, 8, 0 })]
    public void A_damaged_validation_file_is_not_taken_for_none(byte[] content)
    {
        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "test", "images-val" })
            WriteIdx(folder.At(split), 20, 4, 0);
        var configuration = new DataConfiguration { Source = folder.Path };
        Assert.Equal(20, DataSource.Open(configuration, 1).Validation.Count);
        File.WriteAllBytes(folder.At("images-val"), content);
        Assert.Contains("images-val", Assert.Throws<DataException>(() => DataSource.Open(configuration, 1)).Message, StringComparison.Ordinal);
        if (OperatingSystem.IsWindows())
            return; // links need a privilege there
        File.Delete(folder.At("images-val"));
        File.CreateSymbolicLink(folder.At("images-val"), folder.At("gone"));
        Assert.Contains("images-val", Assert.Throws<DataException>(() => DataSource.Open(configuration, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_are_understood_or_refused_with_the_fix()
    {
        using var folder = new TemporaryFolder();
        var configuration = new DataConfiguration { Source = folder.Path };
        void Refused(string part)
            => Assert.Contains(part, Assert.Throws<DataException>(() => DataSource.Open(configuration, 1)).Message, StringComparison.Ordinal);

        Refused("train split");
        WriteIdx(folder.At("x-train-images"), 40, 5, 255);
        Refused("test split");
        WriteIdx(folder.At("t10k-images"), 10, 5, 255);
        var held = DataSource.Open(configuration, 1);
        Assert.Equal((36, 4, 10), (held.Train.Count, held.Validation.Count, held.Test.Count));
        Assert.Contains("last tenth", held.Description, StringComparison.Ordinal);
        WriteIdx(folder.At("valid-images"), 8, 6, 255);
        Refused("different sizes");
        WriteIdx(folder.At("valid-images"), 8, 5, 100);
        Refused("data.binarisation");
        WriteIdx(folder.At("valid-images"), 8, 5, 0);
        Assert.Equal(8, DataSource.Open(configuration, 1).Validation.Count);
        File.WriteAllText(folder.At("train-notes.txt"), "not data");
        Assert.Equal(40, DataSource.Open(configuration, 1).Train.Count);
        WriteIdx(folder.At("train-again"), 8, 5, 0);
        Refused("nobody can know");
        configuration = configuration with { Source = folder.At("nowhere") };
        Refused("no folder");
    }

    [Fact]
    public void A_model_of_another_frame_size_is_refused_with_the_value_to_set()
    {
        var e = Assert.Throws<ConfigurationException>(() => DataSource.Open(Digits, 1).CheckFits(new ModelConfiguration { FrameSize = 5 }));
        Assert.Contains("model.frame_size=28", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Larger_sets_beside_the_checkout_can_be_read()
    {
        var folder = Environment.GetEnvironmentVariable("VBILSTM_DATA");
        if (!Directory.Exists(folder))
            Assert.Skip("VBILSTM_DATA names no folder with binmnist-*-idx3-ubyte.gz; the embedded digits stand in for them above.");

        // Two files for the test split lie there: binmnist-test and t10k-images.
        if (Directory.GetFiles(folder, "t10k-images*").Length > 0)
        {
            Assert.Contains("t10k-images",
                Assert.Throws<DataException>(() => DataSource.Open(new DataConfiguration { Source = folder }, 1)).Message, StringComparison.Ordinal);
        }

        using var copy = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(folder, "binmnist-*"))
            File.Copy(file, copy.At(Path.GetFileName(file)));
        var splits = DataSource.Open(new DataConfiguration { Source = copy.Path }, 1);
        Assert.Equal((50_000, 10_000, 10_000), (splits.Train.Count, splits.Validation.Count, splits.Test.Count));
    }
}
