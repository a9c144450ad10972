using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SkiaSharp;
using VBiLstm.Checkpoints;
using VBiLstm.Columns;

namespace VBiLstm.Cli.Tests;

/// <summary>One short training, and what every command makes of its run.</summary>
public sealed partial class TrainedRunTests(TrainedRunTests.TrainedRun run) : IClassFixture<TrainedRunTests.TrainedRun>
{
    Executable Command => run.Program;

    public sealed class TrainedRun : IDisposable
    {
        public TrainedRun()
        {
            var (code, output, error) = Program.Run("train", "--steps", "12", "--run", "first", "--seed", "3", "--set", "lstm_units=16", "mlp_units=16",
                "latent_units=4", "batch_size=20");
            Assert.True(code == 0, error);
            Output = output;
        }

        internal Executable Program { get; } = new();

        public string Output { get; }

        public void Dispose() => Program.Dispose();
    }

    [Fact]
    public void It_leaves_its_files()
    {
        foreach (var file in new[] { "configuration.json", "metrics.jsonl", "curves.png", "samples.png", "checkpoints/last/state.json",
            "checkpoints/best/weights.safetensors" })
            Assert.True(new FileInfo(Command.At("runs/first/" + file)).Length > 0, file);
        Assert.NotEmpty(Directory.GetFiles(Command.At("runs/first"), "events.out.tfevents.*"));
        Assert.Equal((964, 484), PngSize(Command.At("runs/first/samples.png")));
        Assert.Equal(13, File.ReadAllLines(Command.At("runs/first/metrics.jsonl")).Length);
    }

    [Fact]
    public void It_ends_with_the_figure_of_evaluate_at_any_batch_size_and_number_of_threads_and_with_yardsticks()
    {
        using var evaluation = Evaluate("--batch-size", "7", "--threads", "1");
        Assert.Equal(NatsPerImage().Match(run.Output).Groups[1].Value, evaluation.RootElement.GetProperty("value").GetDouble().ToString("F2"));
        Assert.Contains("543 untrained, 206 pixel means", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_counts_sequences_and_latents_and_adds_the_importance_weighted_bound()
    {
        using var evaluation = Evaluate("--importance-samples", "3");
        Assert.True(evaluation.RootElement.GetProperty("is_bound").GetBoolean());
        Assert.Equal(200, evaluation.RootElement.GetProperty("sequences").GetInt32());
        Assert.Equal(4, evaluation.RootElement.GetProperty("kl_per_latent").GetArrayLength());
        Assert.True(evaluation.RootElement.GetProperty("importance_weighted_bound").GetDouble() < 0);
    }

    [Fact]
    public void Scores_that_are_no_bounds_and_those_without_the_future_say_so()
    {
        Assert.Contains("not a bound", Command.Run("evaluate", "runs/first", "--latents", "mean").Output, StringComparison.Ordinal);
        Assert.Contains("prior mode", Command.Run("evaluate", "runs/first", "--prior-mode", "--split", "validation").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Score_writes_a_line_an_input_whose_mean_is_evaluate_s()
    {
        foreach (var split in new[] { "test", "train" })
        {
            using var evaluation = Evaluate("--split", split, "--importance-samples", "2");
            var (code, output, error) = Command.Run("score", "runs/first", "--split", split, "--importance-samples", "2", "--out", "scores.csv");
            Assert.True(code == 0, error);
            var rows = Csv("scores.csv");
            Assert.Equal(evaluation.RootElement.GetProperty("sequences").GetInt32(), rows.Count);
            Assert.Equal(Enumerable.Range(1, rows.Count).Select(item => $"{split},{item},28"), rows.Select(row => string.Join(',', row[..3])));
            foreach (var (column, name) in new[] { (3, "bound"), (4, "nll"), (5, "kl"), (6, "importance_weighted_bound") })
                Assert.Equal(evaluation.RootElement.GetProperty(name).GetDouble(), rows.Average(row => double.Parse(row[column])), 1e-9);
            Assert.Contains($"item {rows.MinBy(row => double.Parse(row[3]))![1]}", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_checkpoint_too_old_to_know_its_data_is_scored_with_a_word_of_that()
    {
        var folder = Directory.CreateDirectory(Command.At("old")).FullName;
        foreach (var from in Directory.GetFiles(Command.At("runs/first/checkpoints/best")).Where(path => Path.GetFileName(path) != "data.json"))
            File.Copy(from, Path.Combine(folder, Path.GetFileName(from)));
        var file = Path.Combine(folder, "state.json");
        var state = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        state["format"] = 1;
        state.Remove("checksum");
        state["files"]!.AsObject().Remove("data.json");
        File.WriteAllText(file, state.ToJsonString());

        foreach (var command in new[] { "evaluate", "score" })
        {
            var (code, _, error) = Command.Run(command, "old");
            Assert.True(code == 0, error);
            Assert.Contains("does not know its data", error, StringComparison.Ordinal);
            Assert.DoesNotContain("does not know", Command.Run(command, "runs/first").Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Scores_as_Parquet_are_those_of_the_CSV()
    {
        string[] options = ["score", "runs/first", "--importance-samples", "2", "--out"];
        Assert.Equal(0, Command.Run([.. options, "both.csv"]).Code);
        var (code, output, error) = Command.Run([.. options, "both.parquet"]);
        Assert.True(code == 0, error);
        Assert.Contains("both.parquet", output, StringComparison.Ordinal);
        using var file = ColumnFile.Open(File.OpenRead(Command.At("both.parquet")), leaveOpen: false, "both", TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadLines(Command.At("both.csv")).First(), string.Join(',', file.Columns.Select(column => column.Name)));
        Assert.Equal([ColumnContent.Texts, ColumnContent.WholeNumbers, ColumnContent.WholeNumbers, .. Enumerable.Repeat(ColumnContent.Reals, 4)],
            file.Columns.Select(column => column.Content));
        var group = Assert.Single(file.Read(file.Columns));
        Assert.Equal(Csv("both.csv"), Enumerable.Range(0, group.Rows).Select(row => group.Values
            .Select(values => values.Texts.Length > 0 ? values.Texts[row] : values.Numbers[row].ToString(CultureInfo.InvariantCulture)).ToArray()));
        var refused = Command.Run([.. options, "both.feather"]);
        Assert.Equal(2, refused.Code);
        Assert.Contains(".csv or .parquet", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Score_reads_files_and_finds_the_image_that_is_none()
    {
        // An idx file of two black images and one of noise between them.
        byte[] noise = [.. Enumerable.Range(0, 784).Select(i => (byte)(i * 7919 % 13 < 6 ? 255 : 0))];
        byte[] blank = new byte[784];
        File.WriteAllBytes(Command.At("some,images"), [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28, .. blank, .. noise, .. blank]);
        var (code, output, error) = Command.Run("score", "runs/first", "--data", "some,images", "--out", "files.csv");
        Assert.True(code == 0, error);
        Assert.Equal(["\"some,images\",1,28,", "\"some,images\",2,28,", "\"some,images\",3,28,"],
            File.ReadAllLines(Command.At("files.csv")).Skip(1).Select(line => line[..(line.IndexOf(",28,", StringComparison.Ordinal) + 4)]));
        Assert.Contains("item 2", output, StringComparison.Ordinal);
    }

    List<float> Weights(string checkpoint)
        => [.. CheckpointFolder.Read(Command.At(checkpoint), withMoments: false).Weights.SelectMany(tensor => tensor.Values)];

    List<string[]> Csv(string file) => [.. File.ReadAllLines(Command.At(file)).Skip(1).Select(line => line.Split(','))];

    [Fact]
    public void Sample_draws_a_sheet_and_the_same_one_growing()
    {
        Assert.Equal(0, Command.Run("sample", "runs/first", "--count", "6", "--columns", "3", "--out", "six.png").Code);
        Assert.Equal((184, 124), PngSize(Command.At("six.png")));
        Assert.Equal(0, Command.Run("sample", "runs/first", "--count", "6", "--columns", "3", "--out", "order.gif").Code);
        AssertGrowsInto(Command.At("six.png"), Command.At("order.gif"));
    }

    [Fact]
    public void Temperatures_stand_side_by_side_each_as_it_is_drawn_alone()
    {
        string[] options = ["sample", "runs/first", "--count", "4", "--columns", "2", "--out"];
        Assert.Equal(0, Command.Run([.. options, "cold.png", "--temperature", "0.2"]).Code);
        Assert.Equal(0, Command.Run([.. options, "warm.png", "--temperature", "2"]).Code);
        var (code, output, error) = Command.Run([.. options, "both.png", "--temperature", "0.2", "2"]);
        Assert.True(code == 0, error);
        Assert.Contains("temperatures 0.2, 2", output, StringComparison.Ordinal);
        using var both = SKBitmap.Decode(Command.At("both.png"));
        foreach (var (name, left) in new[] { ("cold.png", 0), ("warm.png", both.Width / 2) })
        {
            using var alone = SKBitmap.Decode(Command.At(name));
            Assert.Equal((both.Width / 2, both.Height), (alone.Width, alone.Height));
            for (var y = 0; y < alone.Height; y++)
                for (var x = 0; x < alone.Width; x++)
                    Assert.Equal(alone.GetPixel(x, y), both.GetPixel(left + x, y));
        }

        Assert.Contains("--temperature is 0; use a positive number", Command.Run([.. options, "x.png", "--temperature", "1", "0"]).Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Images_begin_as_the_given_ones()
    {
        byte[] pixels = [.. Enumerable.Range(0, 2 * 784).Select(i => (byte)(i * 7919 % 13 < 6 ? 255 : 0))];
        File.WriteAllBytes(Command.At("given-images"), [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28, .. pixels]);
        var (code, output, error) = Command.Run("sample", "runs/first", "--start", "given-images", "--start-steps", "10", "--out", "begun.png");
        Assert.True(code == 0, error);
        Assert.StartsWith("2 images", output, StringComparison.Ordinal);
        using var sheet = SKBitmap.Decode(Command.At("begun.png"));
        for (var image = 0; image < 2; image++)
            for (var y = 0; y < 10; y++)
                for (var x = 0; x < 28; x++)
                    Assert.Equal(pixels[image * 784 + y * 28 + x], sheet.GetPixel(4 + image * 60 + 2 * x, 4 + 2 * y).Red);
        Assert.Contains("--start-steps is 29, but --start's shortest has 28",
            Command.Run("sample", "runs/first", "--start", "given-images", "--start-steps", "29").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Endings_that_images_do_not_have_are_refused()
    {
        foreach (var name in new[] { "sheet.jpg", "sheet", "sheet.txt" })
        {
            var (code, _, error) = Command.Run("sample", "runs/first", "--out", name);
            Assert.Equal(2, code);
            Assert.Contains($"--out is {name}; use a name that ends in .png or .gif", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_model_is_exported_with_its_card_and_imported_as_a_run_that_scores_the_same()
    {
        var (code, output, error) = Command.Run("export", "runs/first", "--safetensors", "hub/model.safetensors", "--onnx", "first.onnx");
        Assert.True(code == 0, error);
        Assert.Contains("one step of", output, StringComparison.Ordinal);
        Assert.True(new FileInfo(Command.At("first.onnx")).Length > 0);
        var card = File.ReadAllText(Command.At("hub/README.md"));
        Assert.StartsWith("---\nlibrary_name: vbilstm\n", card, StringComparison.Ordinal);
        foreach (var part in new[] { "12 steps of 20 sequences, seed 3", "MIT, Juan Cazala", "\"lstm_units\": 16", "vbilstm import model.safetensors" })
            Assert.Contains(part, card, StringComparison.Ordinal);

        Assert.Equal(0, Command.Run("import", "hub/model.safetensors", "--run", "second").Code);
        var imported = Command.Run("evaluate", "runs/second", "--json").Output;
        Assert.Equal(Command.Run("evaluate", "runs/first", "--json").Output.Replace("first", "second", StringComparison.Ordinal),
            imported.Replace("\"step\": 0", "\"step\": 12", StringComparison.Ordinal));
        var again = Command.Run("import", "hub/model.safetensors", "--run", "second");
        Assert.Equal((2, true), (again.Code, again.Error.Contains("is there already", StringComparison.Ordinal)));

        // The checkpoint's own file has no metadata, as after a program that does not keep them.
        string[] bare = ["import", "runs/first/checkpoints/best/weights.safetensors", "--run", "third"];
        var refused = Command.Run(bare);
        Assert.Equal(2, refused.Code);
        Assert.Contains("Options: --like.", refused.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Command.At("runs/third")));
        Assert.Equal(0, Command.Run([.. bare, "--like", "runs/first"]).Code);

        // Training begins with a score of what was imported, and goes on from there in steps of the learning rate.
        var before = Weights("runs/third/checkpoints/last");
        Assert.Equal(0, Command.Run("train", "--resume", "runs/third", "--steps", "1", "--set", "learning_rate=0.001").Code);
        using var first = JsonDocument.Parse(File.ReadAllLines(Command.At("runs/third/metrics.jsonl"))[0]);
        Assert.Equal((0, "validation"), (first.RootElement.GetProperty("step").GetInt32(), first.RootElement.GetProperty("split").GetString()));
        Assert.All(Weights("runs/third/checkpoints/last").Zip(before), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 0.00101));
    }

    [Fact]
    public void Export_refuses_other_endings_and_files_that_are_not_its_own()
    {
        Directory.CreateDirectory(Command.At("taken"));
        File.WriteAllText(Command.At("taken/README.md"), "mine");
        foreach (var (arguments, part) in new (string[], string)[]
        {
            ([], "say --onnx FILE or --safetensors FILE"), (["--onnx", "a.pb"], "--onnx is a.pb; use a name that ends in .onnx"),
            (["--safetensors", "a.bin"], "use a name that ends in .safetensors"), (["--sequence", "--safetensors", "a.safetensors"], "--sequence needs --onnx"),
            (["--onnx", "a.onnx", "--sequence"], "export the time step"),
            (["--safetensors", "taken/a.safetensors"], "choose another folder"),
        })
        {
            var (code, _, error) = Command.Run(["export", "runs/first", .. arguments]);
            Assert.Equal(2, code);
            Assert.Contains(part, error, StringComparison.Ordinal);
        }

        Assert.Equal("mine", File.ReadAllText(Command.At("taken/README.md")));
        Assert.False(File.Exists(Command.At("taken/a.safetensors")));
    }

    [Fact]
    public void Inspect_shows_parameters_and_state()
    {
        var inspected = Command.Run("inspect", "runs/first").Output;
        Assert.Contains("forward_lstm.weight_b_tilde", inspected, StringComparison.Ordinal);
        Assert.Contains("[16, 64]", inspected, StringComparison.Ordinal);
        Assert.Contains("step 12", inspected, StringComparison.Ordinal);
        using var asJson = JsonDocument.Parse(Command.Run("inspect", "runs/first", "--json").Output);
        Assert.Equal(12, asJson.RootElement.GetProperty("state").GetProperty("step").GetInt64());
    }

    JsonDocument Evaluate(params string[] options) => JsonDocument.Parse(Command.Run(["evaluate", "runs/first", "--json", .. options]).Output);

    // A row of pixels a frame, decoded by another library than the one that wrote it; the last frame is the whole sheet.
    static void AssertGrowsInto(string png, string gif)
    {
        const int Rows = 28, Scale = 2, Gap = 4;
        using var whole = SKBitmap.Decode(png);
        using var codec = SKCodec.Create(gif);
        Assert.Equal(Rows, codec.FrameCount);
        Assert.Equal(-1, codec.RepetitionCount);
        using var frame = new SKBitmap(whole.Width, whole.Height);
        for (var row = 0; row < Rows; row++)
        {
            Assert.Equal(SKCodecResult.Success, codec.GetPixels(frame.Info, frame.GetPixels(), new SKCodecOptions(row)));
            var drawn = Gap + Scale * (row + 1);
            for (var y = Gap; y < Gap + Rows * Scale; y++)
                for (var x = Gap; x < Gap + Rows * Scale; x++)
                    Assert.Equal(y < drawn ? whole.GetPixel(x, y).Red : 64, frame.GetPixel(x, y).Red);
        }
    }

    static (int Width, int Height) PngSize(string path)
    {
        var bytes = File.ReadAllBytes(path);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], bytes[..4]);
        int Word(int at) => bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
        return (Word(16), Word(20));
    }

    [GeneratedRegex(@"([\d.]+) nats per image")]
    private static partial Regex NatsPerImage();
}
