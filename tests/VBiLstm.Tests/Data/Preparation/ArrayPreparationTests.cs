using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation;

namespace VBiLstm.Tests.Data.Preparation;

public class ArrayPreparationTests
{
    // As numpy's documentation of the format says: magic, version, length of the header, a Python dictionary, blanks and a newline up to a multiple of 64.
    static byte[] Npy(string type, string shape, byte[] content, bool fortran = false, int version = 1)
    {
        var text = $"{{'descr': {type}, 'fortran_order': {(fortran ? "True" : "False")}, 'shape': ({shape}), }}";
        var start = version == 1 ? 10 : 12;
        text = text.PadRight((start + text.Length + 64) / 64 * 64 - start - 1) + "\n";
        var length = new byte[version == 1 ? 2 : 4];
        if (version == 1)
            BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)text.Length);
        else
            BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.ASCII.GetBytes(text), .. content];
    }

    static NumberArray Read(byte[] content) => NpyFile.Read(new MemoryStream(content), "x.npy");

    static double[] Values(NumberArray array) => [.. Enumerable.Range(0, (int)array.Count).Select(i => array[i])];

    [Theory]
    [InlineData("'|u1'", "3,", "0007ff", "0,7,255")]
    [InlineData("'|b1'", "2,", "0001", "0,1")]
    [InlineData("'|i1'", "2,", "ff05", "-1,5")]
    [InlineData("'<u2'", "2,", "0100ffff", "1,65535")]
    [InlineData("'>u2'", "2,", "0100ffff", "256,65535")]
    [InlineData("'<i4'", "1,", "feffffff", "-2")]
    [InlineData("'>i8'", "1,", "0000000100000000", "4294967296")]
    [InlineData("'<f2'", "1,", "003c", "1")]
    [InlineData("'<f4'", "2,", "0000003f000080bf", "0.5,-1")]
    [InlineData("'>f8'", "1,", "3fd0000000000000", "0.25")]
    public void Numbers_of_every_type_and_order_are_read(string type, string shape, string hex, string expected)
    {
        for (var version = 1; version <= 3; version++)
        {
            Assert.Equal(expected, string.Join(',', Values(Read(Npy(type, shape, Convert.FromHexString(hex), version: version)))
                .Select(value => value.ToString(System.Globalization.CultureInfo.InvariantCulture))));
        }
    }

    [Fact]
    public void Arrays_in_Fortran_order_are_the_same_arrays()
    {
        // a[i, j, k] = 100 i + 10 j + k of 2×3×4, the first index fastest in the file.
        var fortran = Enumerable.Range(0, 24).Select(n => (byte)(100 * (n % 2) + 10 * (n / 2 % 3) + n / 6)).ToArray();
        var expected = from i in Enumerable.Range(0, 2) from j in Enumerable.Range(0, 3) from k in Enumerable.Range(0, 4) select 100.0 * i + 10 * j + k;
        Assert.Equal(expected, Values(Read(Npy("'|u1'", "2, 3, 4", fortran, fortran: true))));
    }

    [Theory]
    [InlineData("'|O'", "3,", "objects")]
    [InlineData("[('a', '<f4')]", "3,", "a structure")]
    [InlineData("'<U5'", "3,", "<U5")]
    [InlineData("'<c8'", "3,", "<c8")]
    [InlineData("'|u1'", "4,", "truncated")]
    [InlineData("'|u1'", "2,", "behind the last")]
    [InlineData("'<f8'", "2000000000, 2000000000, 2000000000", "more than can be read")]
    [InlineData("'|u1'", "-3,", "shape")]
    [InlineData("'|u1'", "0,", "empty")]
    public void What_is_no_array_of_numbers_is_refused(string type, string shape, string expected)
        => Assert.Contains(expected, Assert.Throws<DataException>(() => Read(Npy(type, shape, [1, 2, 3]))).Message, StringComparison.Ordinal);

    static byte[] Bytes(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    [Fact]
    public void Images_of_an_npz_archive_are_prepared_and_its_labels_left_out()
    {
        using var folder = new TemporaryFolder();
        using (var archive = ZipFile.Open(folder.At("digits.npz"), ZipArchiveMode.Create))
        {
            void Add(string name, byte[] content)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }

            Add("x_train.npy", Npy("'|u1'", "20, 2, 2", [.. Enumerable.Range(0, 80).Select(i => (byte)i)]));
            Add("x_test.npy", Npy("'<f4'", "2, 2, 2, 1", Bytes(0, 1, 0.5f, 0.25f, 1, 1, 0, 0)));
            Add("y_train.npy", Npy("'|u1'", "20,", new byte[20]));
        }

        var manifest = Raw.Prepare("images", folder.At("digits.npz"), folder.At("out"));
        Assert.Equal([18L, 2L, 2L], PreparedFolder.Splits.Select(split => manifest.Splits[split].Values));
        Assert.Equal([0, 255, 128, 64, 255, 255, 0, 0], File.ReadAllBytes(folder.At("out/test.bin"))[..8]); // 127.5 and 63.75, rounded
        Assert.Equal(2, manifest.FilesRead);
        Assert.EndsWith("y_train.npy", Assert.Single(Assert.Single(manifest.LeftOut!).Names), StringComparison.Ordinal);
        Assert.Equal(["zip"], manifest.Unpacked);
        Assert.Equal(20 - 2,
            Raw.Open(folder.At("digits.npz").Replace("digits.npz", "out", StringComparison.Ordinal), new() { Binarisation = Binarisation.Static }).Train.Count);
    }

    [Fact]
    public void Frames_and_tokens_are_taken_as_they_stand()
    {
        using var folder = new TemporaryFolder();
        folder.Write("f/train.npy", Npy("'<f4'", "10, 2, 3", Bytes([.. Enumerable.Range(0, 60).Select(i => i / 4f)])));
        folder.Write("f/test.npy", Npy("'<f4'", "2, 3", Bytes(1, 2, 3, 4, 5, 6)));
        var error = Assert.Throws<DataException>(() => Raw.Prepare("frames", folder.At("f"), folder.At("mixed"))).Message;
        Assert.Contains("dimensions", error, StringComparison.Ordinal);
        folder.Write("f/test.npy", Npy("'<f4'", "1, 2, 3", Bytes(1, 2, 3, 4, 5, 6)));
        Assert.Equal(9, Raw.Prepare("frames", folder.At("f"), folder.At("frames")).Splits["train"].Sequences);
        Assert.Equal([0, 0, 0, 1, 2, 3, 4, 5, 6], Raw.Frames(Raw.Open(folder.At("frames")).Test, 0));
        folder.Write("f/test.npy", Npy("'<f4'", "1, 2, 3", Bytes(1, 2, float.NaN, 4, 5, 6)));
        Assert.Contains("value 2",
            Assert.Throws<DataException>(() => Raw.Prepare("frames", folder.At("f"), folder.At("nan"))).Message, StringComparison.Ordinal);

        folder.Write("t/train.npy", Npy("'<i2'", "20,", [.. Enumerable.Range(0, 20).SelectMany(i => new byte[] { (byte)(i % 7), 0 })]));
        folder.Write("t/test.npy", Npy("'|u1'", "3,", [1, 0, 8]));
        var manifest = Raw.Prepare("tokens", folder.At("t"), folder.At("tokens"));
        Assert.Equal((9, true, 18L, 2L), (manifest.VocabularySize, manifest.IsStream, manifest.Splits["train"].Values, manifest.Splits["validation"].Values));
        Assert.Equal([1, 0, 8], Raw.Tokens(Raw.Open(folder.At("tokens")).Test, 0));
        folder.Write("t/test.npy", Npy("'<i2'", "2,", [1, 0, 0xff, 0xff]));
        Assert.Contains("value 1: -1",
            Assert.Throws<DataException>(() => Raw.Prepare("tokens", folder.At("t"), folder.At("negative"))).Message, StringComparison.Ordinal);
    }

    static byte[] Idx(int count, Func<int, byte> pixel)
        => [0, 0, 8, 3, 0, 0, 0, (byte)count, 0, 0, 0, 2, 0, 0, 0, 3, .. Enumerable.Range(0, count * 6).Select(pixel)];

    [Fact]
    public void Labels_of_every_kind_are_left_out_and_packed_copies_read_once()
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, content) in new (string, byte[])[]
        {
            ("train-images-idx3-ubyte", Idx(20, i => (byte)(i % 2 * 255))), ("t10k-images-idx3-ubyte", Idx(3, i => 0)),
            ("train-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 7]), ("train-classes", [0, 0, 8, 1, 0, 0, 0, 1, 7]),
            ("qmnist-train-idx2-int", [0, 0, 0x0c, 2, 0, 0, 0, 1, 0, 0, 0, 8, .. new byte[32]]), ("notes.txt", "what this is"u8.ToArray()),
        })
        {
            folder.Write("raw/" + name, content);
            using var packed = new GZipStream(File.Create(folder.At($"raw/{name}.gz")), CompressionLevel.Fastest);
            packed.Write(content);
        }

        var manifest = Raw.Prepare("images", folder.At("raw"), folder.At("out"));
        Assert.Equal([18L, 2L, 3L], PreparedFolder.Splits.Select(split => manifest.Splits[split].Values));
        Assert.Equal((2, 10), (manifest.FilesRead, manifest.LeftOut!.Sum(reason => reason.Names.Count)));
        Assert.Equal(18, Raw.Open(folder.At("raw")).Train.Count); // train --data takes the folder by the same rules
        folder.Write("raw/train-images-idx3-ubyte", Idx(20, i => 0));
        Assert.Contains("nobody can know", Assert.Throws<DataException>(() => Raw.Open(folder.At("raw"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_that_stand_on_their_side_are_asked_about_and_turned()
    {
        using var folder = new TemporaryFolder();
        folder.Write("raw/emnist-digits-train-images-idx3-ubyte", Idx(10, i => (byte)i));
        folder.Write("raw/emnist-digits-test-images-idx3-ubyte", Idx(1, i => (byte)i));
        Assert.Contains("--transpose",
            Assert.Throws<DataException>(() => Raw.Prepare("images", folder.At("raw"), folder.At("out"))).Message, StringComparison.Ordinal);
        Assert.Contains("--transpose", Assert.Throws<DataException>(() => Raw.Open(folder.At("raw"))).Message, StringComparison.Ordinal);
        var manifest = Raw.Prepare("images", folder.At("raw"), folder.At("out"), new PreparationOptions { Transpose = true });
        Assert.Equal((3, 2), (manifest.Height, manifest.Width));
        Assert.Equal([0, 3, 1, 4, 2, 5], File.ReadAllBytes(folder.At("out/test.bin"))[..6]);
        Raw.Prepare("images", folder.At("raw"), folder.At("kept"), new PreparationOptions { Transpose = false });
        Assert.Equal([0, 1, 2, 3, 4, 5], File.ReadAllBytes(folder.At("kept/test.bin"))[..6]);
    }

    [Theory]
    [InlineData(1, Binarisation.Static, "data.binarisation=binary")]
    [InlineData(1, Binarisation.Stochastic, "data.binarisation=binary")]
    [InlineData(77, Binarisation.Binary, "data.binarisation=static")]
    [InlineData(1, Binarisation.Binary, null)]
    [InlineData(255, Binarisation.Static, null)]
    public void Pixels_must_be_of_the_binarisation_that_is_asked_for(byte value, Binarisation binarisation, string? expected)
    {
        using var folder = new TemporaryFolder();
        foreach (var split in new[] { "train", "valid", "test" })
            folder.Write($"{split}.idx", Idx(4, i => i % 2 == 0 ? value : (byte)0));
        var configuration = new DataConfiguration { Source = folder.Path, Binarisation = binarisation };
        if (expected is null)
            Assert.Equal(4, DataSource.Open(configuration, 1).Train.Count);
        else
            Assert.Contains(expected, Assert.Throws<DataException>(() => DataSource.Open(configuration, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_picture_among_images_is_an_error_unless_it_may_be_skipped()
    {
        using var folder = new TemporaryFolder();
        folder.Write("raw/train.idx", Idx(20, i => 0));
        folder.Write("raw/test.idx", Idx(2, i => 0));
        folder.Write("raw/train/1.png", "\x89PNG"u8.ToArray());
        Assert.Contains("numpy.save",
            Assert.Throws<DataException>(() => Raw.Prepare("images", folder.At("raw"), folder.At("out"))).Message, StringComparison.Ordinal);
        var manifest = Raw.Prepare("images", folder.At("raw"), folder.At("out"), new PreparationOptions { SkipUnreadable = true });
        Assert.StartsWith("cannot be read", Assert.Single(manifest.LeftOut!).Reason, StringComparison.Ordinal);
        Assert.Equal("true", manifest.Options["skip-unreadable"]);
    }
}
