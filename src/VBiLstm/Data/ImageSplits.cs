using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>What the splits of images have in common wherever they come from: the keys of their binarisation and their description.</summary>
static class ImageSplits
{
    // Keys of what is drawn once: not the run's seed, so that bounds of different seeds speak of the same images; one a split, so that no noise is shared.
    const long OnceTrainKey = long.MinValue;

    public const long ValidationKey = OnceTrainKey + 1, TestKey = OnceTrainKey + 2;

    /// <summary>Key of the draws of training images: the run's seed where each epoch draws anew.</summary>
    public static long TrainKey(DataConfiguration data, long seed) => data.Binarisation == Binarisation.Stochastic ? seed : OnceTrainKey;

    public static string Counts(ImageDataset train, ImageDataset validation, ImageDataset test)
        => $"{train.Count:N0}/{validation.Count:N0}/{test.Count:N0} images of {train.Height}×{train.Width}";

    public static string Wording(DataConfiguration data)
        => (data.View == ImageView.Rows ? "one row a step" : "one pixel a step") + data.Binarisation switch
        {
            Binarisation.Binary => ", binary",
            Binarisation.Static => ", binarised once",
            _ => ", training images binarised anew each epoch",
        };
}
