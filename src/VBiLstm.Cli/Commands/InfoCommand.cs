using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm data info</c>.</summary>
static class InfoCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "A folder that vbilstm data prepare wrote." };
        var check = new Option<bool>("--check") { Description = "Reads everything and compares checksums with the manifest's." };
        var json = CommonOptions.Json();
        var command = new Command("info", """
            Shows what a prepared folder holds.

            Example:
              vbilstm data info data/ptb-char --check
            """)
        {
            folder, check, json,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(folder);
            var manifest = PreparedManifest.Read(path);
            DataSplits.Open(new DataConfiguration { Source = path, Binarisation = Binarisation.Static }, 0).Dispose();
            if (parsed.GetValue(check))
                foreach (var (name, split) in manifest.Splits)
                    if (PreparedSplitFile.Checksum(Path.Combine(path, PreparedManifest.SplitFile(name))) is var sum && sum != split.Sha256)
                        throw new DataException($"{Path.Combine(path, PreparedManifest.SplitFile(name))} has the checksum {sum}, the manifest says {split.Sha256}; the file is damaged. Prepare the data again.");
            if (parsed.GetValue(json))
                Console.WriteLine(File.ReadAllText(Path.Combine(path, PreparedManifest.FileName)).TrimEnd());
            else
                Print(path, manifest);
            if (parsed.GetValue(check) && !parsed.GetValue(json))
                Console.WriteLine("checked: every file is as it was written.");
            return CommandExecution.Success;
        });
        return command;
    }

    /// <summary>Prints the manifest of a folder.</summary>
    public static void Print(string folder, PreparedManifest manifest)
    {
        // A text and a block of images are one sequence as they are stored, which says nothing of how they are read.
        var hasSequences = !manifest.IsStream && manifest.Kind != PreparedKind.Images;
        var table = new Table().AddColumn("split");
        foreach (var name in hasSequences ? ["sequences", Values(manifest), "longest"] : new[] { Values(manifest) })
            table.AddColumn(new TableColumn(name).RightAligned());
        table.AddColumn("SHA-256");
        foreach (var name in PreparedFolder.Splits)
        {
            if (!manifest.Splits.TryGetValue(name, out var split))
                continue;
            long[] counts = hasSequences ? [split.Sequences, split.Values, split.Longest] : [split.Values];
            table.AddRow([name, .. counts.Select(Number), split.Sha256[..Math.Min(16, split.Sha256.Length)]]);
        }

        Tables.Write(table);
        Console.WriteLine($"{folder}: {manifest.Task}. {manifest.Preparation}");
        if (manifest.VocabularySize > 0)
            Console.WriteLine($"vocabulary  {Number(manifest.VocabularySize)}");
        if (manifest.SampleRate > 0)
            Console.WriteLine($"sound       {manifest.SampleRate} Hz, frames of {manifest.FrameSize}; mean {manifest.Mean.ToString("G6", CultureInfo.InvariantCulture)}, deviation {manifest.Deviation.ToString("G6", CultureInfo.InvariantCulture)} on the 16-bit scale");
        foreach (var (name, count) in manifest.Statistics)
            Console.WriteLine($"{name.Replace('_', ' ')}  {Number(count)}");
        foreach (var source in manifest.Sources)
            Console.WriteLine($"source      {source.Path}, {Number(source.Bytes)} bytes, SHA-256 {source.Sha256[..Math.Min(16, source.Sha256.Length)]}");
        Console.WriteLine($"licence     {manifest.Licence}");
        Console.WriteLine($"train       vbilstm train {TrainingOptions(manifest)} --data {folder}");
    }

    // The small preset for such data, and what it needs to be told of these.
    static string TrainingOptions(PreparedManifest manifest)
    {
        var name = manifest.Kind switch { PreparedKind.Images => "digits", PreparedKind.Frames => "timit-small", _ => manifest.IsStream ? "ptb-char-small" : "imdb-small" };
        var model = Preset.Get(name).Configuration.Model;
        var (field, has, needs) = manifest.Kind switch
        {
            PreparedKind.Tokens => ("vocabulary_size", model.VocabularySize, manifest.VocabularySize),
            PreparedKind.Frames => ("frame_size", model.FrameSize, manifest.FrameSize),
            _ => ("frame_size", model.FrameSize, manifest.Width),
        };
        return $"--preset {name}{(has == needs ? "" : $" --set model.{field}={needs}")}";
    }

    static string Values(PreparedManifest manifest) => manifest.Kind switch { PreparedKind.Tokens => "tokens", PreparedKind.Frames => "frames", _ => "images" };

    static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
