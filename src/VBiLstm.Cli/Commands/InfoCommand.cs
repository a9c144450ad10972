using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;
using VBiLstm.Preparation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm data info</c>.</summary>
static class InfoCommand
{
    const int PrintedNames = 5;

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
            DataSource.Open(new DataConfiguration { Source = path, Binarisation = IsBinary(manifest) ? Binarisation.Binary : Binarisation.Static }, 0)
                .Dispose();
            if (parsed.GetValue(check))
                Check(path, manifest);
            if (parsed.GetValue(json))
                Console.WriteLine(File.ReadAllText(Path.Combine(path, PreparedManifest.FileName)).TrimEnd());
            else
                Print(path, manifest);
            if (parsed.GetValue(check) && !parsed.GetValue(json))
                Console.WriteLine(manifest.ManifestSha256 is not null && (manifest.VocabularySha256 is not null || manifest.VocabularySize == 0)
                    ? "checked: every file is as it was written."
                    : "checked: the splits are as they were written; this manifest, of an older version, has no checksums of itself and the vocabulary.");
            return CommandExecution.Success;
        });
        return command;
    }

    // The manifest's own checksum was compared when it was read.
    static void Check(string folder, PreparedManifest manifest)
    {
        void Compare(string file, string? expected)
        {
            var path = Path.Combine(folder, file);
            if (expected is not null && PreparedSplitFile.Checksum(path) is var sum && sum != expected)
                throw new DataException($"{path} has the checksum {sum}, the manifest says {expected}; the file is damaged. Prepare the data again.");
        }

        foreach (var (name, split) in manifest.Splits)
            Compare(PreparedManifest.SplitFile(name), split.Sha256);
        Compare(PreparedFolder.VocabularyFile, manifest.VocabularySha256);
    }

    static bool IsBinary(PreparedManifest manifest) => manifest.Statistics.TryGetValue("largest_pixel", out var largest) && largest <= 1;

    /// <summary>Prints the manifest of a folder.</summary>
    public static void Print(string folder, PreparedManifest manifest)
    {
        // A text and a block of images are one sequence as they are stored, which says nothing of how they are read.
        var hasSequences = manifest.Kind == PreparedKind.Frames || (!manifest.IsStream && manifest.Kind != PreparedKind.Images);
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
        Console.WriteLine($"{Printable.Text(folder)}: {Printable.Text(manifest.Task)}. {Printable.Text(manifest.Preparation)}");
        if (manifest.VocabularySize > 0)
            Console.WriteLine($"vocabulary  {Number(manifest.VocabularySize)}");
        if (manifest.SampleRate > 0)
            Console.WriteLine($"sound       {manifest.SampleRate} Hz, frames of {manifest.FrameSize}; "
                + $"mean {manifest.Mean.ToString("G6", CultureInfo.InvariantCulture)}, deviation "
                + $"{manifest.Deviation.ToString("G6", CultureInfo.InvariantCulture)} on the 16-bit scale");
        foreach (var (name, count) in manifest.Statistics)
            Console.WriteLine($"{name.Replace('_', ' ')}  {Number(count)}");
        foreach (var source in manifest.Sources)
            Console.WriteLine($"source      {Printable.Text(source.Path)}{(source.Split is null ? "" : $" ({source.Split})")}, {Number(source.Bytes)} bytes, "
                + $"SHA-256 {source.Sha256[..Math.Min(16, source.Sha256.Length)]}");
        PrintFiles(manifest);
        Console.WriteLine($"licence     {Printable.Text(manifest.Licence)}");
        Console.WriteLine($"train       vbilstm train {TrainingOptions(manifest)} --data {ShellText.Quote(folder)}");
    }

    static void PrintFiles(PreparedManifest manifest)
    {
        if (manifest.FilesRead is not { } read || manifest.LeftOut is not { } leftOut)
            return;
        var unpacked = manifest.Unpacked is { Count: > 0 } formats ? $"; unpacked: {string.Join(", ", formats.Select(Printable.Text))}" : "";
        Console.WriteLine($"files       {Number(read)} read, {Number(leftOut.Sum(reason => (long)reason.Names.Count))} left out{unpacked}");
        foreach (var reason in leftOut)
        {
            var more = reason.Names.Count - PrintedNames;
            var names = string.Join(", ", reason.Names.Take(PrintedNames).Select(Printable.Text));
            Console.WriteLine($"  left out  {Printable.Text(reason.Reason)}: "
                + $"{names}{(more > 0 ? $" and {Number(more)} more (manifest.json lists them)" : "")}");
        }
    }

    // The small preset for such data, and what it needs to be told of these.
    static string TrainingOptions(PreparedManifest manifest)
    {
        var name = manifest.Kind switch
        {
            PreparedKind.Images => "digits",
            PreparedKind.Frames => "timit-small",
            _ => manifest.IsStream ? "ptb-char-small" : "imdb-small"
        };
        var model = Preset.Get(name).Configuration.Model;
        var (field, has, needs) = manifest.Kind switch
        {
            PreparedKind.Tokens => ("vocabulary_size", model.VocabularySize, manifest.VocabularySize),
            PreparedKind.Frames => ("frame_size", model.FrameSize, manifest.FrameSize),
            _ => ("frame_size", model.FrameSize, manifest.Width),
        };
        var sets = new[]
        {
            has == needs ? null : $"model.{field}={needs}",
            manifest.Kind == PreparedKind.Images && manifest.Statistics.TryGetValue("grey_pixels", out var grey) && grey > 0
                ? "data.binarisation=static"
                : null,
        }.Where(set => set is not null);
        return $"--preset {name}{(sets.Any() ? $" --set {string.Join(' ', sets)}" : "")}";
    }

    static string Values(PreparedManifest manifest) => manifest.Kind switch { PreparedKind.Tokens => "tokens", PreparedKind.Frames => "frames", _ => "images" };

    static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
