using System.Diagnostics.CodeAnalysis;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>
/// A folder of image files as a data set: by the same rules as <c>vbilstm data prepare images</c>, of its own files only, not of folders and archives in it.
/// </summary>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The splits own their data sets.")]
public static class ImageFolder
{
    /// <summary>Opens the images as a configuration views and binarises them.</summary>
    /// <param name="data">Source (the folder), view and binarisation.</param>
    /// <param name="seed">Key of stochastic binarisation.</param>
    /// <exception cref="DataException">There is no such folder, a split has no file or several, a file is damaged, images differ in size.</exception>
    public static DataSplits Open(DataConfiguration data, long seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        var folder = data.Source;
        if (!Directory.Exists(folder))
            throw new DataException($"data.source: there is no folder {Printable.Text(folder)}. {HowToMake(folder)} Other sources: a folder with image files "
                + $"whose names have the words train, valid and test, and {DataConfiguration.EmbeddedDigits}.");
        var images = Read(folder);
        var once = data.Binarisation == Binarisation.Stochastic ? Binarisation.Static : data.Binarisation;
        var train = new ImageDataset(images.Train.Images, images.Train.Name, data.View, data.Binarisation, ImageSplits.TrainKey(data, seed));
        var validation = new ImageDataset(images.Validation.Images, images.Validation.Name, data.View, once, ImageSplits.ValidationKey);
        var test = new ImageDataset(images.Test.Images, images.Test.Name, data.View, once, ImageSplits.TestKey);
        if ((validation.Height, validation.Width) != (train.Height, train.Width) || (test.Height, test.Width) != (train.Height, train.Width))
            throw new DataException($"{folder}: the splits have images of different sizes ({train.Height}×{train.Width}, "
                + $"{validation.Height}×{validation.Width}, {test.Height}×{test.Width}).");
        var heldOut = images.IsHeldOut ? ", validation is the last tenth of train" : "";
        return new DataSplits(train, validation, test,
            $"{folder}: {ImageSplits.Counts(train, validation, test)}{heldOut}, {ImageSplits.Wording(data)}")
        { Source = folder };
    }

    // Most folders of presets have their tasks' names.
    static string HowToMake(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        var task = name switch
        {
            "imdb" => "sentences",
            "binarized-mnist" => "images",
            _ => PreparationTask.All.FirstOrDefault(task => task.Name == name)?.Name ?? "TASK",
        };
        return $"Make it with: vbilstm data prepare {task} --from FILES --out {Printable.Text(folder)}.";
    }

    static Splits Read(string folder)
    {
        using var sources = new SourceFiles([new SourcePath(folder)], isShallow: true);
        var read = new Dictionary<SourceEntry, IdxFile>();
        foreach (var (file, images) in ImageSources.Read(sources, null, CancellationToken.None))
        {
            if (SplitNames.WordsOf(file.FileName).Contains("emnist", StringComparer.OrdinalIgnoreCase))
                throw new DataException($"{file.Name}: EMNIST's own files hold every image turned over; prepare them, "
                    + $"saying whether rows and columns are to be exchanged: vbilstm data prepare images --transpose true --from {Printable.Text(folder)}");
            read[file.Entry] = images;
        }

        var splits = ImageSources.Resolve([.. read.Keys], sources.OwnNames).ToDictionary(file => file.Value, file => file.Key);
        (IdxFile, string) Of(string split) => (read[splits[split]], splits[split].Name);
        if (splits.ContainsKey("validation"))
            return new Splits(Of("train"), Of("validation"), Of("test"), IsHeldOut: false);
        var (train, name) = Of("train");
        var count = train.Sizes[0];
        var held = count / 10;
        if (held == 0)
            throw new DataException($"{name} holds {count} images, too few to hold a tenth out; give a validation file.");
        var imageSize = train.Values.Length / count;
        IdxFile Part(int start, int number) => new([number, .. train.Sizes.Skip(1)], train.Values[(start * imageSize)..((start + number) * imageSize)]);
        return new Splits((Part(0, count - held), name), (Part(count - held, held), name), Of("test"), IsHeldOut: true);
    }

    // Images of each split with the name of their file, and whether validation was taken from training.
    sealed record Splits((IdxFile Images, string Name) Train, (IdxFile Images, string Name) Validation, (IdxFile Images, string Name) Test, bool IsHeldOut);
}
