using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>The handwritten digits that are part of this library: 1,000 images for training, 200 for validation, 200 for test.</summary>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The splits own their data sets.")]
public static class EmbeddedDigits
{
    /// <summary>The digits as a configuration views and binarises them.</summary>
    /// <param name="data">View and binarisation.</param>
    /// <param name="seed">Key of stochastic binarisation.</param>
    public static DataSplits Open(DataConfiguration data, long seed)
    {
        ArgumentNullException.ThrowIfNull(data);

        // Validation and test are always the binarisation drawn once, so that figures can be compared.
        var grey = data.Binarisation != Binarisation.Binary;
        var train = Resource(grey ? "mini-gray-train" : "mini-bin-train", data.View, data.Binarisation, ImageSplits.TrainKey(data, seed));
        var validation = Resource("mini-bin-valid", data.View, Binarisation.Binary, ImageSplits.ValidationKey);
        var test = Resource("mini-bin-test", data.View, Binarisation.Binary, ImageSplits.TestKey);
        return new DataSplits(train, validation, test, $"embedded digits: {ImageSplits.Counts(train, validation, test)}, {ImageSplits.Wording(data)}")
        {
            Source = DataConfiguration.EmbeddedDigits,
        };
    }

    static ImageDataset Resource(string name, ImageView view, Binarisation binarisation, long seed)
    {
        var file = name + "-images-idx3-ubyte.gz";
        using var zipped = typeof(EmbeddedDigits).Assembly.GetManifestResourceStream(file)
            ?? throw new DataException($"The embedded file {file} is missing from this build.");
        using var stream = new GZipStream(zipped, CompressionMode.Decompress);
        return new ImageDataset(IdxFile.Read(stream, file), file, view, binarisation, seed);
    }
}
