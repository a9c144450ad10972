using System.CommandLine;
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
    const int DefaultTokens = 200, DefaultSeconds = 2;

    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var count = new Option<int>("--count") { Description = "Sequences to draw.", DefaultValueFactory = _ => 128 };
        var columns = new Option<int>("--columns") { Description = "Images in a row of the sheet.", DefaultValueFactory = _ => 16 };
        var seed = new Option<long>("--seed") { Description = "The same seed draws the same sequences.", DefaultValueFactory = _ => 1 };
        var temperature = new Option<double>("--temperature")
        {
            Description = "1 draws from the model; smaller values sharpen the output distribution.",
            DefaultValueFactory = _ => 1,
        };
        var latents = new Option<string>("--latents")
        {
            Description = "sampled from the prior at each step, or at its mean.",
            DefaultValueFactory = _ => "sampled",
        };
        latents.AcceptOnlyFromAmong("sampled", "mean");
        var steps = new Option<int?>("--steps")
        {
            Description = $"Tokens of a text (default {DefaultTokens}) or frames of a recording (default {DefaultSeconds} s of them).",
        };
        var output = new Option<string?>("--out")
        {
            Description = "PNG file of images (default samples.png); a name that ends in .gif shows the drawing order. "
                + "For speech a folder of WAV files (default samples).",
        };
        var devices = new DeviceOptions();
        var command = new Command("sample", """
            Draws from the model without its backward path: a fresh latent from the prior at each step. Images become a sheet in a
            PNG file or, in the order of drawing, a GIF file; speech a folder of WAV files; text is printed, tokens without a vocabulary as
            ids, a line a sequence.

            Examples:
              vbilstm sample runs/digits-1
              vbilstm sample runs/digits-1 --count 64 --columns 8 --temperature 0.7 --seed 3 --out sharp.png
              vbilstm sample runs/digits-1 --count 32 --columns 8 --out order.gif
            """)
        {
            checkpoint, count, columns, seed, temperature, latents, steps, output,
        };
        devices.AddTo(command);
        command.SetAction(parsed =>
        {
            var (number, heat, width) = (parsed.GetValue(count), parsed.GetValue(temperature), parsed.GetValue(columns));
            Require(number is > 0 and <= 100_000, "--count", number, "1 to 100000");
            Require(width is > 0 and <= 1000, "--columns", width, "1 to 1000");
            Require(parsed.GetValue(steps) is null or (> 0 and <= 1_000_000), "--steps", parsed.GetValue(steps) ?? 0, "1 to 1000000");
            Require(double.IsFinite(heat) && heat > 0, "--temperature", heat, "a positive number");
            using var device = devices.Create(parsed);
            using var trained = new TrainedModel(parsed.GetRequiredValue(checkpoint), device);
            var configuration = trained.Configuration;
            using var prior = new PriorMode(trained.Device, trained.Parameters, number, sampled: parsed.GetValue(latents) == "sampled");
            var data = DataSource.Identify(trained.Checkpoint);
            if (configuration.Model.IsCategorical)
            {
                foreach (var option in new Option[] { columns, output })
                    Refuse(parsed, option, "text, which is printed");
                var first = new TextTokens(data).First;
                TextOutput.Print(Generation.Tokens(prior, configuration.Model, parsed.GetValue(steps) ?? DefaultTokens, first, parsed.GetValue(seed), heat),
                    number, data);
                return CommandExecution.Success;
            }

            if (data.Speech is { } speech)
            {
                Refuse(parsed, columns, "speech");
                var frames = parsed.GetValue(steps) ?? Math.Max(1, DefaultSeconds * speech.SampleRate / configuration.Model.FrameSize);
                var folder = parsed.GetValue(output) ?? "samples";
                WriteRecordings(folder, speech.ToSamples(Generation.Frames(prior, configuration.Model, frames, parsed.GetValue(seed), heat)), number,
                    speech.SampleRate);
                Console.WriteLine($"{number} recordings of {(double)frames * configuration.Model.FrameSize / speech.SampleRate:F1} s from "
                    + $"{trained.Checkpoint.Folder} (step {trained.Checkpoint.State.Step:N0}): {folder}");
                return CommandExecution.Success;
            }

            if (data.Height == 0)
                throw new ConfigurationException("Only images, text and speech can be drawn; the data set of this run is none of them.");
            Refuse(parsed, steps, "images, whose size is known");
            var path = parsed.GetValue(output) ?? "samples.png";
            var pixels = SampleSheet.Draw(prior, configuration.Model, data.Height * data.Width, parsed.GetValue(seed), heat);
            if (Path.GetExtension(path).Equals(".gif", StringComparison.OrdinalIgnoreCase))
                DrawingOrder.WriteGif(path, pixels, data.Height, data.Width, width, configuration.Model.FrameSize);
            else
                SampleSheet.Of(pixels, data.Height, data.Width, width).WritePng(path);
            Console.WriteLine($"{number} images from {trained.Checkpoint.Folder} (step {trained.Checkpoint.State.Step:N0}): {path}");
            return CommandExecution.Success;
        });
        return command;
    }

    static void WriteRecordings(string folder, float[] samples, int count, int sampleRate)
    {
        var length = samples.Length / count;
        for (var n = 0; n < count; n++)
            WaveFile.Write(Path.Combine(folder, $"{n + 1:D3}.wav"), samples.AsSpan(n * length, length), sampleRate);
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
