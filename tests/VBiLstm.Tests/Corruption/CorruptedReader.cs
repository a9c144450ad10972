using System.Globalization;
using System.IO.Compression;
using System.Text;
using VBiLstm.Checkpoints;
using VBiLstm.Columns;
using VBiLstm.Comparisons;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Preparation;
using VBiLstm.Preparation.Sources;
using VBiLstm.Preparation.Speech;
using VBiLstm.Runs;
using VBiLstm.Tests.Data.Preparation;
using VBiLstm.Training;

namespace VBiLstm.Tests.Corruption;

/// <summary>A reader with a good file, and what reading that file gives.</summary>
/// <param name="Name">Of the format.</param>
/// <param name="Good">Content of the file that is damaged.</param>
/// <param name="Read">Reads a file and tells what it holds.</param>
/// <param name="IsChecked">Whether the format has checksums, so that a success must give what the good file gives.</param>
sealed record CorruptedReader(string Name, byte[] Good, Func<byte[], string> Read, bool IsChecked)
{
    // The sentences below, as the xz program packs them.
    const string XzOfSentences = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AWVAM5dADuw0scjH/gPehIkDL3rK78WkuIY2VFZn/GljEJRwObg65nXQOLC2j4hEQs43p9nQTmd4HG6nahH8GTT"
        + "EnLOBz78eGcZ7CJvfkQXvVcuZQcF5Bcr6ho0jW1LGi1KcrnrMS5PMx5O9Gz/RbY8w2eOq1nb+4mmT+IP8bchP5VV7Au01ucEPXiWvPoEvVBdBUfjAlmkT58e"
        + "vGuLWRRs3rR8m9IgtH2E3TocTSaK+UOivONj9OOD3j3GCUOC+WS+dqrQ4HezTLf0adiixT4DoHvWAAAAkUWq6jqxD2YAAeoBlgsAABCUlN2xxGf7AgAAAAAE"
        + "WVo=";

    /// <summary>Every reader of files that users bring; <paramref name="folder"/> is for those that need files.</summary>
    public static IReadOnlyList<CorruptedReader> All(TemporaryFolder folder)
    {
        var random = new Random(1);
        short[] samples = [.. Enumerable.Range(0, 700).Select(_ => (short)random.Next(-3000, 3000))];
        byte[] idx = [0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 4, 0, 0, 0, 4, .. Enumerable.Range(0, 160).Select(_ => (byte)(random.Next(2) * 255))];
        var sentences = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 60).Select(i => $"wörd{i % 7} is number{i} of {i / 9}\n")));
        var amat = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 9)
            .Select(_ => string.Join(' ', Enumerable.Range(0, 16).Select(_ => random.Next(2))) + "\n")));

        string Prepared(string task, byte[] content)
        {
            var source = folder.At("source");
            File.WriteAllBytes(source, content);
            var output = folder.At("prepared");
            if (Directory.Exists(output))
                Directory.Delete(output, recursive: true);
            PreparationTask.Get(task).Run([new SourcePath(source)], output, new PreparationOptions { FrameSize = 20 }, (_, _) => { }, CancellationToken.None);
            DataSource.Open(new DataConfiguration { Source = output }, 1);
            return string.Concat(Directory.GetFiles(output, "*.bin").Order().Select(file => Convert.ToHexString(File.ReadAllBytes(file))));
        }

        Raw.Prepare("sentences", folder.Write("raw.txt", sentences), folder.At("good"));
        var (manifest, test, vocabulary) = (File.ReadAllBytes(folder.At("good/manifest.json")), File.ReadAllBytes(folder.At("good/test.bin")),
            File.ReadAllBytes(folder.At("good/vocabulary.json")));
        string Folder(string name, byte[] content)
        {
            File.WriteAllBytes(folder.At("good/manifest.json"), manifest);
            File.WriteAllBytes(folder.At("good/test.bin"), test);
            File.WriteAllBytes(folder.At("good/vocabulary.json"), vocabulary);
            File.WriteAllBytes(folder.At("good/" + name), content);
            return Raw.Open(folder.At("good")).Description;
        }

        Prepared("speech", Tar(samples));
        Directory.Move(folder.At("prepared"), folder.At("speech"));
        var frames = File.ReadAllBytes(folder.At("speech/train.bin"));
        string Frames(byte[] content)
        {
            File.WriteAllBytes(folder.At("speech/train.bin"), content);
            return Raw.Open(folder.At("speech")).Description;
        }

        var run = new RunFolder(folder.At("run"));
        var configuration = Preset.Get("digits").Configuration;
        configuration = configuration with
        {
            Model = configuration.Model with { LstmUnits = 4, MlpUnits = 4, LatentUnits = 2 },
            Training = configuration.Training with { Steps = 1, EvaluateEvery = 0 },
        };
        using (var device = new CpuDevice(1))
        using (var trainer = new Trainer(configuration, DataSource.Open(configuration.Data, 1), device, run))
            trainer.Run();
        var files = Directory.GetFiles(run.Last).Order().ToDictionary(file => file, File.ReadAllBytes);
        string Checkpoint(string path, byte[] content)
        {
            foreach (var (name, good) in files)
                File.WriteAllBytes(name, good);
            File.WriteAllBytes(path, content);
            var read = CheckpointFolder.Read(run.Last, withMoments: true);
            return string.Concat(read.Weights.SelectMany(tensor => tensor.Values));
        }

        string Read(byte[] content, Func<string, object> read)
        {
            File.WriteAllBytes(folder.At("c.json"), content);
            return $"{read(folder.At("c.json"))}";
        }

        byte[] result;
        using (var device = new CpuDevice(1))
        using (var trained = new TrainedModel(run.Path, device))
        {
            ComparisonResult.Evaluate(trained, DataSource.Open(configuration.Data, 1), 0, (_, _) => { }, CancellationToken.None)
                .Write(folder.At("result.json"));
            result = File.ReadAllBytes(folder.At("result.json"));
        }

        var configurationText = Encoding.UTF8.GetBytes(ConfigurationFile.ToText(configuration));
        var comparison = """
            {"name":"a","seeds":[1],"models":[{"name":"m","set":["model.kind=lstm"]}],
            "data":[{"name":"d","preset":"digits","set":["training.steps=3"],"paper":{"m":{"test":1.5,"kl":2}}}]}
            """u8.ToArray();
        return
        [
            new("idx", idx, content => Sum(IdxFile.Read(new MemoryStream(content), "x").Values), false),
            new("idx.gz", Zip(idx), content => Sum(IdxFile.Read(new SourceStream(new GzipMembers(new MemoryStream(content)), "x"), "x").Values), true),
            new("amat", amat, content => Sum(AmatFile.Read(new MemoryStream(content), "x").Values), false),
            new("riff", Raw.Riff(Raw.Bytes(samples)), content => SpeechFile.Read(new MemoryStream(content), "x").Samples.Sum().ToString("R"), false),
            new("riff of two channels of floats",
                Raw.Riff([.. samples.SelectMany(sample => BitConverter.GetBytes(sample / 32768f))], bits: 32, tag: 3, channels: 2, extensible: true),
                content => SpeechFile.Read(new MemoryStream(content), "x").Samples.Sum().ToString("R"), false),
            new("riff without a length", Raw.Riff(Raw.Bytes(samples), dataSize: -1),
                content => SpeechFile.Read(new MemoryStream(content), "x").Samples.Sum().ToString("R"), false),
            new("sphere", Raw.Sphere(samples), content => SpeechFile.Read(new MemoryStream(content), "x").Samples.Sum().ToString("R"), false),
            new("sentences", sentences, content => Prepared("sentences", content), false),
            new("text", sentences, content => Prepared("text-char", content), false),
            new("zip of sentences", Archive(sentences), content => Prepared("sentences", content), true),
            new("gzip of sentences", Zip(sentences), content => Prepared("sentences", content), true),
            new("xz of sentences", Convert.FromBase64String(XzOfSentences), content => Prepared("sentences", content), true),
            new("tar of recordings", Tar(samples), content => Prepared("speech", content), false),
            new("parquet", Made("long-zstd.parquet"), content => Columns(content), false),
            new("parquet of lists", Made("lists-zstd.parquet"), content => Columns(content), false),
            new("arrow", Made("long-zstd.arrow"), content => Columns(content), false),
            new("hdf5", Made("gzip.h5"), content => Hdf5(content), false),
            new("manifest", manifest, content => Folder("manifest.json", content), false),
            new("prepared split", test, content => Folder("test.bin", content), false),
            new("prepared split of frames", frames, Frames, false),
            new("vocabulary", vocabulary, content => Folder("vocabulary.json", content), false),
            new("configuration", configurationText, content => Read(content, path => ConfigurationFile.Read(path)), false),
            new("comparison", comparison, content => Read(content, path => ComparisonFile.Read(path).Runs().Count), false),
            new("result of a comparison", result, content => Read(content, ComparisonResult.Read), false),
            new("metrics log", File.ReadAllBytes(run.Metrics), content => Read(content, path => MetricsLog.Read(path).Count()), false),
            .. files.Select(file => new CorruptedReader("checkpoint " + Path.GetFileName(file.Key), file.Value, content => Checkpoint(file.Key, content),
                file.Key.EndsWith(".safetensors", StringComparison.Ordinal))),
        ];
    }

    static byte[] Made(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "columns", name));

    static string Columns(byte[] content)
    {
        if (!ColumnFile.IsOne(content.AsSpan(0, Math.Min(8, content.Length))))
            throw new DataException("This is no file of columns.");
        using var file = ColumnFile.Open(new MemoryStream(content), leaveOpen: false, "x", CancellationToken.None);
        return file.Read([.. file.Columns.Where(column => column.Content != ColumnContent.Other)])
            .Sum(group => group.Values.Sum(values => values.Numbers.Sum())).ToString("R", CultureInfo.InvariantCulture);
    }

    static string Hdf5(byte[] content)
    {
        using var file = new Hdf5Datasets(new MemoryStream(content), "x", CancellationToken.None);
        return string.Concat(file.List((_, _) => { }).Select(dataset => Sum(dataset.Read())));
    }

    static string Sum(byte[] values) => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(values));

    static byte[] Zip(byte[] content)
    {
        var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest))
            gzip.Write(content);
        return target.ToArray();
    }

    static byte[] Archive(byte[] content)
    {
        var target = new MemoryStream();
        using (var archive = new ZipArchive(target, ZipArchiveMode.Create))
        using (var entry = archive.CreateEntry("some.txt").Open())
            entry.Write(content);
        return target.ToArray();
    }

    static byte[] Tar(short[] samples)
    {
        var target = new MemoryStream();
        using (var archive = new System.Formats.Tar.TarWriter(target, leaveOpen: true))
        {
            for (var i = 0; i < 24; i++)
                archive.WriteEntry(new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile,
                    $"{i}.wav")
                { DataStream = new MemoryStream(Raw.Riff(Raw.Bytes(samples[..(60 + i)]))) });
        }

        return target.ToArray();
    }
}
