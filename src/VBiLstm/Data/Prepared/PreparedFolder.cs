using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using VBiLstm.Configuration;

namespace VBiLstm.Data.Prepared;

/// <summary>Opens what <c>vbilstm data prepare</c> wrote: a manifest, a file a split, and for tokens the vocabulary.</summary>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope",
    Justification = "The splits own their data sets, which own their files; what fails is disposed where it fails.")]
public static class PreparedFolder
{
    /// <summary>Name of the vocabulary's file: a JSON array of texts in the order of their ids.</summary>
    internal const string VocabularyFile = "vocabulary.json";

    /// <summary>The splits in their order.</summary>
    internal static IReadOnlyList<string> Splits { get; } = ["train", "validation", "test"];

    /// <summary>Whether a folder holds a prepared data set.</summary>
    internal static bool Is(string folder) => File.Exists(Path.Combine(folder, PreparedManifest.FileName));

    /// <summary>Opens the three splits; only images are read at once.</summary>
    /// <param name="data">Source (the folder), and view, binarisation, window and carried state where the data have them.</param>
    /// <param name="seed">Key of stochastic binarisation.</param>
    /// <exception cref="DataException">A file is missing or damaged; the message names it, the place and the fix.</exception>
    public static DataSplits Open(DataConfiguration data, long seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        var folder = data.Source;
        var manifest = PreparedManifest.Read(folder);
        foreach (var name in Splits)
            if (!manifest.Splits.ContainsKey(name))
                throw new DataException($"{Path.Combine(folder, PreparedManifest.FileName)}: splits.{name} is missing. Prepare the data again.");
        var opened = new List<SequenceDataset>();
        SequenceDataset Split(string name, long key)
        {
            var path = Path.Combine(folder, PreparedManifest.SplitFile(name));
            var file = new PreparedSplitFile(folder, name, manifest);
            try
            {
                SequenceDataset split = manifest.Kind switch
                {
                    PreparedKind.Frames when manifest.IsStream && name != "test" => Frames(file, manifest, path, data, isTrain: name == "train"),
                    PreparedKind.Frames => new PreparedFrames(file, manifest, path),
                    PreparedKind.Images => Images(file, manifest, path, data, key, isTrain: name == "train"),
                    _ when manifest.IsStream => Stream(file, manifest, path, data),
                    _ => new PreparedSentences(file, manifest, path),
                };
                opened.Add(split);
                return split;
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }

        try
        {
            var splits = new DataSplits(Split("train", ImageSplits.TrainKey(data, seed)), Split("validation", ImageSplits.ValidationKey),
                Split("test", ImageSplits.TestKey), "")
            {
                Source = folder,
                Vocabulary = manifest.Kind == PreparedKind.Tokens ? Vocabulary(folder, manifest.VocabularySize) : [],
                Speech = manifest.SampleRate > 0 ? new SpeechScale(manifest.SampleRate, manifest.Mean, manifest.Deviation) : null,
            };
            return splits with { Description = $"{folder}: {manifest.Task}, {Counts(manifest, splits)}" };
        }
        catch
        {
            foreach (var split in opened)
                split.Dispose();
            throw;
        }
    }

    /// <summary>Texts of the token ids.</summary>
    /// <exception cref="DataException">Missing, not a JSON array of texts, or of another number than the manifest says.</exception>
    internal static string[] Vocabulary(string folder, int size)
    {
        var path = Path.Combine(folder, VocabularyFile);
        try
        {
            var texts = JsonFile.Parse(SharedFile.ReadAllBytes(path), PreparedJson.Default.StringArray);
            if (texts.Length != size || texts.Contains(null))
                throw new DataException($"{path} holds {texts.Length} texts; the manifest says {size}. Prepare the data again.");
            return texts;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}, line {e.LineNumber + 1}: not an array of texts: {e.Message} Prepare the data again.", e);
        }
    }

    static TokenStream Stream(PreparedSplitFile file, PreparedManifest manifest, string path, DataConfiguration data)
    {
        if (file.Count != 1)
            throw new DataException($"{path} holds {file.Count} texts; a stream is one. Prepare the data again.");
        file.CheckIds(manifest.VocabularySize);
        return new TokenStream(file.Length(0), (first, ids) => file.Read(0, first, ids), manifest.VocabularySize, data.Window, data.CarryState, manifest.Unit,
            path, file);
    }

    // A held-out window knows nothing of those before it but its first frame.
    static FrameStream Frames(PreparedSplitFile file, PreparedManifest manifest, string path, DataConfiguration data, bool isTrain)
    {
        if (file.Count != 1)
            throw new DataException($"{path} holds {file.Count} sequences; a stream is one. Prepare the data again.");
        return new FrameStream(file.Length(0), (first, values) => file.Read(0, first, values), manifest.FrameSize, data.Window,
            carriesState: isTrain && data.CarryState, manifest.Unit, path, file);
    }

    // Images are read whole: they are binarised over and over.
    static ImageDataset Images(PreparedSplitFile file, PreparedManifest manifest, string path, DataConfiguration data, long key, bool isTrain)
    {
        if (file.Count != 1)
            throw new DataException($"{path} holds {file.Count} sequences; images are one block. Prepare the data again.");
        if ((Int128)file.Length(0) * manifest.ValueBytes > Array.MaxLength)
            throw new DataException($"{path} holds {file.Length(0):N0} images of {manifest.ValueBytes:N0} bytes, more than fit into one array; prepare fewer.");
        var pixels = new byte[file.Length(0) * manifest.ValueBytes];
        file.Read<byte>(0, 0, pixels);
        file.Dispose();
        var images = new IdxFile([file.Length(0), manifest.Height, manifest.Width], pixels);
        var binarisation = data.Binarisation == Binarisation.Stochastic && !isTrain ? Binarisation.Static : data.Binarisation;
        return new ImageDataset(images, path, data.View, binarisation, key);
    }

    static string Counts(PreparedManifest manifest, DataSplits splits)
    {
        string Each(Func<SequenceDataset, PreparedSplit, long> count)
            => string.Join('/', new[] { splits.Train, splits.Validation, splits.Test }.Zip(Splits, (data, name) => $"{count(data, manifest.Splits[name]):N0}"));
        return manifest.Kind switch
        {
            PreparedKind.Images => $"{Each((_, split) => split.Values)} images of {manifest.Height}×{manifest.Width}",
            PreparedKind.Frames when manifest.IsStream => $"{Each((_, split) => split.Values)} frames of {manifest.FrameSize} samples, "
                + $"{manifest.SampleRate} Hz; windows of {splits.Train.MaximumLength} that begin with the frame before them"
                + $"{(splits.Train.CarriesState ? ", state carried in training" : "")}; "
                + $"{splits.Test.Count:N0} test sequences, whose first frames are only read",
            PreparedKind.Frames => $"{Each((data, _) => data.Count)} sequences of up to {splits.MaximumLength} frames of {manifest.FrameSize} samples, "
                + $"{manifest.SampleRate} Hz",
            _ when manifest.IsStream => $"{Each((_, split) => split.Values)} tokens, vocabulary {manifest.VocabularySize}, "
                + $"windows of {splits.MaximumLength}{(splits.Train.CarriesState ? ", state carried" : "")}",
            _ => $"{Each((data, _) => data.Count)} sentences of up to {splits.MaximumLength} predicted tokens, vocabulary {manifest.VocabularySize:N0}",
        };
    }
}
