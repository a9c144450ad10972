using System.IO.Compression;
using VBiLstm.Configuration;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Data;

/// <summary>The three splits of a data set.</summary>
/// <param name="Train">For training.</param>
/// <param name="Validation">For choosing the best checkpoint.</param>
/// <param name="Test">For the figure at the end.</param>
/// <param name="Description">One line for people: what was read, from where, how it was split.</param>
public sealed record DataSplits(SequenceDataset Train, SequenceDataset Validation, SequenceDataset Test, string Description) : IDisposable
{
    static readonly (string Name, string[] Words)[] SplitWords = [("train", ["train"]), ("validation", ["val"]), ("test", ["test", "t10k"])];

    // Keys of what is drawn once: not the run's seed, so that bounds of different seeds speak of the same images; one a split, so that no noise is shared.
    const long TrainKey = long.MinValue, ValidationKey = TrainKey + 1, TestKey = TrainKey + 2;

    DataIdentity? _identity;

    /// <summary>Where they come from, as <see cref="DataConfiguration.Source"/> says it; <see cref="DataConfiguration.InMemory"/> for splits that a program made.</summary>
    public string Source { get; init; } = DataConfiguration.InMemory;

    /// <summary>Texts of the tokens by their ids; empty for frames.</summary>
    public IReadOnlyList<string> Vocabulary { get; init; } = [];

    /// <summary>For speech; null for other data.</summary>
    public SpeechScale? Speech { get; init; }

    /// <summary>Predicted steps of the longest sequence of any split.</summary>
    public int MaximumLength => Math.Max(Train.MaximumLength, Math.Max(Validation.MaximumLength, Test.MaximumLength));

    /// <summary>Predicted steps of the longest sequence that a run meets before its end; test sequences may be far longer (whole sentences of speech).</summary>
    public int TrainingLength => Math.Max(Train.MaximumLength, Validation.MaximumLength);

    /// <summary>Rows with which a split of longer sequences takes no more memory than <paramref name="batchSize"/> rows of training.</summary>
    public int EvaluationBatchSize(SequenceDataset split, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(split);
        return split.MaximumLength <= TrainingLength ? batchSize : (int)Math.Max(1, (long)batchSize * TrainingLength / split.MaximumLength);
    }

    /// <summary>Opens the data set of a configuration. Throws <see cref="DataException"/> naming the file or folder and the fix.</summary>
    /// <param name="data">Source, view and binarisation.</param>
    /// <param name="seed">Key of stochastic binarisation.</param>
    public static DataSplits Open(DataConfiguration data, long seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Source == DataConfiguration.EmbeddedDigits)
            return Embedded(data, seed);
        if (data.Source == DataConfiguration.InMemory)
            throw new DataException($"data.source is {DataConfiguration.InMemory}: a program gave this run its data, no file holds them. Name a prepared folder with the same contents (--data).");
        return PreparedFolder.Is(data.Source) ? PreparedFolder.Open(data, KeyOfTrain(data, seed), ValidationKey, TestKey) : Folder(data, seed);
    }

    /// <summary>Checksums and whatever else a run remembers; reads everything, the first time.</summary>
    /// <exception cref="DataException">A file cannot be read.</exception>
    public DataIdentity Identify() => _identity ??= DataIdentity.Of(this);

    /// <summary>Closes the files behind the splits.</summary>
    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
    }

    /// <summary>Throws <see cref="ConfigurationException"/> where the model does not have the data's frame size or vocabulary.</summary>
    public void CheckFits(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.IsCategorical)
        {
            if (Train.VocabularySize == 0)
                throw new ConfigurationException("model.output_distribution is categorical, but the data are frames; use bernoulli or gaussian.");
            if (Train.VocabularySize != model.VocabularySize)
                throw new ConfigurationException($"model.vocabulary_size is {model.VocabularySize}, but the data have {Train.VocabularySize} token ids; set model.vocabulary_size={Train.VocabularySize}.");
        }
        else if (Train.FrameSize != model.FrameSize)
        {
            throw new ConfigurationException($"model.frame_size is {model.FrameSize}, but the data have frames of {Train.FrameSize}; set model.frame_size={Train.FrameSize} (or another data.view).");
        }
    }

    static DataSplits Embedded(DataConfiguration data, long seed)
    {
        // Validation and test are always the binarisation drawn once, so that figures can be compared.
        var grey = data.Binarisation != Binarisation.Binary;
        var train = Resource(grey ? "mini-gray-train" : "mini-bin-train", data.View, data.Binarisation, KeyOfTrain(data, seed));
        var validation = Resource("mini-bin-valid", data.View, Binarisation.Binary, ValidationKey);
        var test = Resource("mini-bin-test", data.View, Binarisation.Binary, TestKey);
        return new DataSplits(train, validation, test, $"embedded digits: {Counts(train, validation, test)}, {Wording(data)}") { Source = data.Source };
    }

    static long KeyOfTrain(DataConfiguration data, long seed) => data.Binarisation == Binarisation.Stochastic ? seed : TrainKey;

    static ImageDataset Resource(string name, ImageView view, Binarisation binarisation, long seed)
    {
        var file = name + "-images-idx3-ubyte.gz";
        using var stream = typeof(DataSplits).Assembly.GetManifestResourceStream(file) ?? throw new DataException($"The embedded file {file} is missing from this build.");
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        copy.Position = 0;
        return new ImageDataset(IdxFile.Read(copy, file), file, view, binarisation, seed);
    }

    static DataSplits Folder(DataConfiguration data, long seed)
    {
        var folder = data.Source;
        if (!Directory.Exists(folder))
            throw new DataException($"data.source: there is no folder {folder}. Name one that vbilstm data prepare wrote, a folder with idx image files whose names contain train, valid and test, or {DataConfiguration.EmbeddedDigits}.");
        var files = ImageFiles(folder);
        string? Find(int split)
        {
            var (name, words) = SplitWords[split];
            var found = files.Where(file => HasOneOf(file, words)).ToList();
            return found.Count <= 1
                ? found.FirstOrDefault()
                : throw new DataException($"{folder}: several files could be the {name} split ({string.Join(", ", found.Select(Path.GetFileName))}); keep one file a split in the folder.");
        }

        var (trainFile, validationFile, testFile) = (Find(0), Find(1), Find(2));
        if (trainFile is null || testFile is null)
            throw new DataException($"{folder}: no idx file of images for the {(trainFile is null ? "train" : "test")} split. Its name must contain {string.Join(" or ", SplitWords[trainFile is null ? 0 : 2].Words)}; looked at: {(files.Count == 0 ? "no file there is an idx file of images" : string.Join(", ", files.Select(Path.GetFileName)))}.");
        if (trainFile == testFile || validationFile == trainFile || validationFile == testFile)
            throw new DataException($"{folder}: the name of {Path.GetFileName(validationFile == testFile ? testFile : trainFile)} fits more than one split; give each split a file whose name contains only its own of train, val and test.");
        var once = data.Binarisation == Binarisation.Stochastic ? Binarisation.Static : data.Binarisation;
        var trainImages = IdxFile.Read(trainFile);
        IdxFile validationImages;
        var note = "";
        if (validationFile is not null)
        {
            validationImages = IdxFile.Read(validationFile);
        }
        else
        {
            (trainImages, validationImages) = HoldOut(trainImages, trainFile);
            note = ", validation is the last tenth of train";
            validationFile = trainFile;
        }

        var train = new ImageDataset(trainImages, trainFile, data.View, data.Binarisation, KeyOfTrain(data, seed));
        var validation = new ImageDataset(validationImages, validationFile, data.View, once, ValidationKey);
        var test = new ImageDataset(IdxFile.Read(testFile), testFile, data.View, once, TestKey);
        if ((validation.Height, validation.Width) != (train.Height, train.Width) || (test.Height, test.Width) != (train.Height, train.Width))
            throw new DataException($"{folder}: the splits have images of different sizes ({train.Height}×{train.Width}, {validation.Height}×{validation.Width}, {test.Height}×{test.Width}).");
        return new DataSplits(train, validation, test, $"{folder}: {Counts(train, validation, test)}{note}, {Wording(data)}") { Source = folder };
    }

    static (IdxFile Train, IdxFile Validation) HoldOut(IdxFile images, string name)
    {
        var count = images.Sizes[0];
        var held = count / 10;
        if (held == 0)
            throw new DataException($"{name} holds {count} images, too few to hold a tenth out; give a validation file.");
        var imageSize = images.Values.Length / count;
        IdxFile Part(int start, int number) => new([number, .. images.Sizes.Skip(1)], images.Values[(start * imageSize)..((start + number) * imageSize)]);
        return (Part(0, count - held), Part(count - held, held));
    }

    static bool HasOneOf(string file, string[] words) => words.Any(word => Path.GetFileName(file).Contains(word, StringComparison.OrdinalIgnoreCase));

    static List<string> ImageFiles(string folder)
    {
        var place = folder;
        try
        {
            var files = new List<string>();
            foreach (var file in Directory.GetFiles(folder).Where(file => SplitWords.Any(split => HasOneOf(file, split.Words))).Order(StringComparer.Ordinal))
            {
                place = file;
                if (IsImageFile(file))
                    files.Add(file);
            }

            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{place} cannot be read: {e.Message}", e);
        }
        catch (InvalidDataException e)
        {
            // Skipping it would hold validation out of train as if the file had never been there.
            throw new DataException($"{place} is damaged ({e.Message}); get the file again, or take it out of the folder.", e);
        }
    }

    // Labels are idx files too, of one dimension; other files of the folder are none of ours.
    static bool IsImageFile(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> magic = stackalloc byte[4];
        var length = file.ReadAtLeast(magic, 4, throwOnEndOfStream: false);
        if (length >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        {
            file.Position = 0;
            using var unzipped = new GZipStream(file, CompressionMode.Decompress);
            length = unzipped.ReadAtLeast(magic, 4, throwOnEndOfStream: false);
        }

        if (length == 0)
            throw new InvalidDataException("it is empty");
        return length == 4 && magic[0] == 0 && magic[1] == 0 && magic[3] == 3;
    }

    static string Counts(ImageDataset train, ImageDataset validation, ImageDataset test)
        => $"{train.Count:N0}/{validation.Count:N0}/{test.Count:N0} images of {train.Height}×{train.Width}";

    static string Wording(DataConfiguration data)
        => (data.View == ImageView.Rows ? "one row a step" : "one pixel a step") + data.Binarisation switch
        {
            Binarisation.Binary => ", binary",
            Binarisation.Static => ", binarised once",
            _ => ", training images binarised anew each epoch",
        };
}
