using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using SharpCompress.Compressors.Lzw;
using VBiLstm.Data;

namespace VBiLstm.Cli.Packages;

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
                ConvertBible(content, target);
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

    // Windows of text, each compressed by itself as compress does but without its header; their number and offsets stand before them, big-endian. One verse a
    // line, behind its place.
    static void ConvertBible(string content, string target)
    {
        const int Number = 0x58, Offsets = 0x5c, MaximumWindows = 4096;
        var path = Path.Combine(content, "bible.data");
        var data = File.ReadAllBytes(path);
        int At(int offset) => offset <= data.Length - 4 && BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(offset)) is >= 0 and var value
            && value <= data.Length
            ? value
            : throw new DataException($"{path}, offset {offset}: no number of windows or offset of one; this is not the package it should be.");
        var windows = Math.Min(At(Number), MaximumWindows);
        using var text = new MemoryStream();
        for (var i = 0; i < windows; i++)
        {
            var (begin, end) = (At(Offsets + 4 * i), At(Offsets + 4 * (i + 1)));
            using var packed = new MemoryStream([0x1f, 0x9d, 0x90, .. data.AsSpan(begin, Math.Max(0, end - begin))]);
            using var window = new LzwStream(packed);
            window.CopyTo(text);
        }

        // The first line is the title.
        var verses = Encoding.Latin1.GetString(text.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(verse => verse[(verse.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        File.WriteAllText(Path.Combine(target, "bible.txt"), string.Join('\n', verses) + "\n");
    }
}
