using VBiLstm.Data.Preparation;

namespace VBiLstm.Data;

/// <summary>A folder of image files as a data set: by the same rules as <c>vbilstm data prepare images</c>, of its own files only, not of folders and archives in it.</summary>
static class ImageFolder
{
    /// <summary>Images of each split.</summary>
    /// <param name="Train">With the name of the file, for errors.</param>
    /// <param name="Validation">As above; the last tenth of training where there is none.</param>
    /// <param name="Test">As above.</param>
    /// <param name="IsHeldOut">Whether validation was taken from training.</param>
    public sealed record Splits((IdxFile Images, string Name) Train, (IdxFile Images, string Name) Validation, (IdxFile Images, string Name) Test, bool IsHeldOut);

    /// <summary>Reads a folder.</summary>
    /// <exception cref="DataException">A split has no file, or several; a file is damaged.</exception>
    public static Splits Read(string folder)
    {
        using var sources = new SourceFiles([new SourcePath(folder)], isShallow: true);
        var read = new Dictionary<SourceEntry, IdxFile>();
        foreach (var (file, images) in ImageSources.Read(sources, null, CancellationToken.None))
        {
            if (SplitNames.WordsOf(file.FileName).Contains("emnist", StringComparer.OrdinalIgnoreCase))
                throw new DataException($"{file.Name}: EMNIST's own files hold every image turned over; prepare them, saying whether rows and columns are to be exchanged: vbilstm data prepare images --transpose true --from {Printable.Text(folder)}");
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
}
