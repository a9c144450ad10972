using System.CommandLine;
using System.Globalization;
using System.Text;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Images;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Preparation;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm sample</c>.</summary>
static class SampleCommand
{
    const int DefaultCount = 128, DefaultSteps = 200, DefaultSeconds = 2, MostTemperatures = 16;

    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var count = new Option<int?>("--count")
        {
            Description = $"Sequences to draw of each temperature. Default: {DefaultCount}; as many as --start has images or recordings.",
        };
        var columns = new Option<int>("--columns") { Description = "Images in a row of the sheet.", DefaultValueFactory = _ => 16 };
        var seed = new Option<long>("--seed") { Description = "The same seed draws the same sequences.", DefaultValueFactory = _ => 1 };
        var temperatures = new Option<double[]>("--temperature")
        {
            Description = "1 draws from the model; smaller values sharpen the outputs. Several stand side by side, drawn with the same noise.",
            DefaultValueFactory = _ => [1],
            AllowMultipleArgumentsPerToken = true,
        };
        var latents = new Option<string>("--latents")
        {
            Description = "Of the prior at each step: a sample, or its mean.",
            DefaultValueFactory = _ => "sampled",
        };
        latents.AcceptOnlyFromAmong("sampled", "mean");
        var steps = new Option<int?>("--steps")
        {
            Description = $"Tokens or frames of a sequence, behind those of --start. Default: {DefaultSteps}, of a recording {DefaultSeconds} s; "
                + "images have theirs.",
        };
        var start = new Option<string?>("--start")
        {
            Description = "What the sequences begin with: a text, or a file. The file has images (idx, amat, npy), recordings or arrays of frames; "
                + "row n goes on from the n-th in it. The backward path reads the beginning; what follows is drawn.",
        };
        var startSteps = new Option<int?>("--start-steps")
        {
            Description = "How many steps of the file of --start are given. Default: half of an image, else as many as the shortest has.",
        };
        var output = new Option<string?>("--out")
        {
            Description = "The file or folder; its ending says of what kind. Images: .png (default samples.png), or .gif for one that shows the drawing order. "
                + "Speech: a folder of WAV files (default samples), or .wav for one recording. Text: .txt (default: printed). Other frames: .npy (default "
                + "samples.npy).",
        };
        var devices = new DeviceOptions();
        var command = new Command("sample", """
            Draws from the model without its backward path: a fresh latent from the prior at each step. Images become a sheet in a
            PNG file or, in the order of drawing, a GIF file; speech a folder of WAV files; other frames an array of numpy's; text is printed, tokens without a
            vocabulary as ids, a line a sequence.

            Examples:
              vbilstm sample runs/digits-1
              vbilstm sample runs/digits-1 --count 64 --columns 8 --temperature 0.7 --seed 3 --out sharp.png
              vbilstm sample runs/digits-1 --count 32 --columns 8 --out order.gif
              vbilstm sample runs/digits-1 --count 32 --columns 4 --temperature 0.5 1 1.5
              vbilstm sample runs/digits-1 --start t10k-images-idx3-ubyte.gz --start-steps 14 --count 64
              vbilstm sample runs/letters --start "The king" --count 3 --steps 100
            """)
        {
            checkpoint, count, columns, seed, temperatures, latents, steps, start, startSteps, output,
        };
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            var (heats, width) = (parsed.GetRequiredValue(temperatures), parsed.GetValue(columns));
            Require(parsed.GetValue(count) is null or (> 0 and <= 100_000), "--count", parsed.GetValue(count) ?? 0, "1 to 100000");
            Require(width is > 0 and <= 1000, "--columns", width, "1 to 1000");
            Require(parsed.GetValue(steps) is null or (> 0 and <= 1_000_000), "--steps", parsed.GetValue(steps) ?? 0, "1 to 1000000");
            Require(parsed.GetValue(startSteps) is null or > 0, "--start-steps", parsed.GetValue(startSteps) ?? 0, "1 or more");
            foreach (var heat in heats)
                Require(double.IsFinite(heat) && heat > 0, "--temperature", heat, "a positive number");
            Require(heats.Distinct().Count() == heats.Length, "--temperature", string.Join(' ', heats), "each number once");
            Require(heats.Length <= MostTemperatures, "--temperature", $"{heats.Length} numbers", $"{MostTemperatures} at most");
            if (parsed.GetValue(startSteps) is not null && parsed.GetValue(start) is null)
                throw new ConfigurationException("--start-steps needs --start.");
            using var device = devices.Create(parsed);
            using var trained = new TrainedModel(parsed.GetRequiredValue(checkpoint), device);
            var model = trained.Configuration.Model;
            var data = DataSource.Identify(trained.Checkpoint);
            var path = parsed.GetValue(output);
            string[] endings = model.IsCategorical ? [".txt"] : data.Speech is not null ? [".wav", ""] : data.Height > 0 ? [".png", ".gif"] : [".npy"];
            CommonOptions.CheckEnding("--out", path, endings);
            if (data.Height == 0)
                Refuse(parsed, columns, model.IsCategorical ? "text" : data.Speech is not null ? "speech" : "frames");
            else
                Refuse(parsed, steps, "images, whose size is known");
            if (model.IsCategorical)
                Refuse(parsed, startSteps, "text, which is given whole");
            using var given = parsed.GetValue(start) is { } text ? Given(text, trained, data) : null;
            var number = parsed.GetValue(count) ?? (model.IsCategorical || given is null ? DefaultCount : given.Count);
            var isSampled = parsed.GetValue(latents) == "sampled";
            using var prior = new PriorMode(trained.Device, trained.Parameters, number, isSampled);
            var shortest = given is null ? 0 : Enumerable.Range(0, Math.Min(number, given.Count)).Min(given.Length);
            var first = given is null ? 0 : parsed.GetValue(startSteps) ?? (data.Height > 0 ? (shortest + 1) / 2 : shortest);
            if (first > shortest)
                throw new ConfigurationException($"--start-steps is {first}, but --start's shortest has {shortest} steps.");
            if (data.Height > 0 && given is not null && first >= shortest)
                throw new ConfigurationException($"--start-steps is {first}, and an image has {shortest} steps: nothing is left to draw; "
                    + $"use 1 to {shortest - 1}.");
            var beginning = given is null ? null : new Beginning(device, trained.Parameters, given, first, number, parsed.GetValue(seed), isSampled);
            var place = $"from {trained.Checkpoint.Folder} (step {trained.Checkpoint.State.Step:N0})"
                + (heats.Length > 1 ? $", temperatures {string.Join(", ", heats)}" : "");
            float[][] Frames(int length)
                => [.. heats.Select(heat => Generation.Frames(prior, model, length, parsed.GetValue(seed), heat, beginning))];
            if (model.IsCategorical)
            {
                var coding = new TextTokens(data);
                var length = first + (parsed.GetValue(steps) ?? DefaultSteps);
                void Write(TextWriter writer)
                {
                    foreach (var heat in heats)
                    {
                        if (heats.Length > 1)
                            writer.WriteLine($"temperature {heat}");
                        var tokens = Generation.Tokens(prior, model, length, coding.First, parsed.GetValue(seed), heat, beginning);
                        TextOutput.Write(writer, tokens, number, data);
                    }
                }

                if (path is null)
                {
                    Write(TextOutput.Printed);
                    return CommandExecution.Success;
                }

                AtomicFile.Write(path, stream =>
                {
                    using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
                    Write(writer);
                });
                Console.WriteLine($"{number} texts {place}: {path}");
            }
            else if (data.Speech is { } speech)
            {
                path ??= "samples";
                var frames = first + (parsed.GetValue(steps) ?? Math.Max(1, DefaultSeconds * speech.SampleRate / model.FrameSize));
                if (Path.GetExtension(path) != "" && number * heats.Length > 1)
                    throw new ConfigurationException($"--out is {path}, one recording, and {number * heats.Length} are drawn; "
                        + "name a folder, or say --count 1.");
                foreach (var (drawn, heat) in Frames(frames).Zip(heats))
                {
                    var prefix = heats.Length > 1 ? $"temperature-{heat.ToString(CultureInfo.InvariantCulture)}-" : "";
                    WriteRecordings(path, prefix, speech.ToSamples(drawn), number, speech.SampleRate);
                }

                Console.WriteLine($"{number} recordings of {(double)frames * model.FrameSize / speech.SampleRate:F1} s {place}: {path}");
            }
            else if (data.Height > 0)
            {
                path ??= "samples.png";
                var pixels = Frames(data.Height * data.Width / model.FrameSize);
                if (Path.GetExtension(path).Equals(".gif", StringComparison.OrdinalIgnoreCase))
                    DrawingOrder.WriteGif(path, pixels, data.Height, data.Width, width, model.FrameSize);
                else
                    SampleSheet.Beside([.. pixels.Select(block => SampleSheet.Of(block, data.Height, data.Width, width))]).WritePng(path);
                Console.WriteLine($"{number} images {place}: {path}");
            }
            else
            {
                path ??= "samples.npy";
                var length = first + (parsed.GetValue(steps) ?? DefaultSteps);
                int[] sizes = [number, length, model.FrameSize];
                if ((long)heats.Length * number * length * model.FrameSize > Array.MaxLength)
                    throw new ConfigurationException($"{heats.Length} temperatures of {number} sequences of {length} frames of {model.FrameSize} values are "
                        + $"more than one array can hold ({Array.MaxLength:N0}); draw fewer, or shorter ones.");
                NpyFile.Write(path, [.. Frames(length).SelectMany(block => block)], heats.Length > 1 ? [heats.Length, .. sizes] : sizes);
                Console.WriteLine($"{number} sequences of {length} frames {place}: {path}");
            }

            return CommandExecution.Success;
        });
        return command;
    }

    static SequenceDataset Given(string start, TrainedModel trained, DataIdentity data)
    {
        if (trained.Configuration.Model.IsCategorical)
            return InputFiles.OfText(start, "--start", trained.Configuration, data);
        var read = InputFiles.Read([start], "--start", trained.Configuration, data);
        foreach (var remark in read.Remarks)
            Warning.Print(remark);
        return read.Sequences;
    }

    static void WriteRecordings(string path, string prefix, float[] samples, int count, int sampleRate)
    {
        var length = samples.Length / count;
        for (var n = 0; n < count; n++)
        {
            var file = Path.GetExtension(path) != "" ? path : Path.Combine(path, $"{prefix}{n + 1:D3}.wav");
            WaveFile.Write(file, samples.AsSpan(n * length, length), sampleRate);
        }
    }

    static void Refuse(ParseResult parsed, Option option, string what)
    {
        if (parsed.GetResult(option) is { Implicit: false })
            throw new ConfigurationException($"{option.Name} means nothing for {what}; leave it out.");
    }

    static void Require(bool holds, string option, object value, string expected)
    {
        if (!holds)
            throw new ConfigurationException($"{option} is {value}; use {expected}.");
    }
}
