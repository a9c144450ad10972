using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Evaluation;
using VBiLstm.Model;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm sample</c>.</summary>
static class SampleCommand
{
    public static Command Create()
    {
        var checkpoint = CommonOptions.Checkpoint();
        var count = new Option<int>("--count") { Description = "Sequences to draw.", DefaultValueFactory = _ => 128 };
        var columns = new Option<int>("--columns") { Description = "Images in a row of the sheet.", DefaultValueFactory = _ => 16 };
        var seed = new Option<long>("--seed") { Description = "The same seed draws the same sequences.", DefaultValueFactory = _ => 1 };
        var temperature = new Option<double>("--temperature") { Description = "1 draws from the model; smaller values sharpen the output distribution.", DefaultValueFactory = _ => 1 };
        var latents = new Option<string>("--latents") { Description = "sampled from the prior at each step, or at its mean.", DefaultValueFactory = _ => "sampled" };
        latents.AcceptOnlyFromAmong("sampled", "mean");
        var steps = new Option<int>("--steps") { Description = "Tokens to draw, for categorical data.", DefaultValueFactory = _ => 200 };
        var output = new Option<string>("--out") { Description = "PNG file to write, for images.", DefaultValueFactory = _ => "samples.png" };
        var devices = new DeviceOptions();
        var command = new Command("sample", """
            Draws from the model without its backward path: a fresh latent from the prior at each step. Images become a sheet in a
            PNG file; categorical data are printed as token ids, a line a sequence.

            Examples:
              vbilstm sample runs/digits-1
              vbilstm sample runs/digits-1 --count 64 --columns 8 --temperature 0.7 --seed 3 --out sharp.png
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
            Require(parsed.GetValue(steps) is > 0 and <= 1_000_000, "--steps", parsed.GetValue(steps), "1 to 1000000");
            Require(double.IsFinite(heat) && heat > 0, "--temperature", heat, "a positive number");
            using var device = devices.Create(parsed);
            using var loaded = new LoadedModel(parsed.GetRequiredValue(checkpoint), device);
            var configuration = loaded.Checkpoint.State.Configuration;
            using var prior = new PriorMode(loaded.Device, loaded.Parameters, number, sampled: parsed.GetValue(latents) == "sampled");
            if (configuration.Model.IsCategorical)
            {
                PrintTokens(Generation.Tokens(prior, configuration.Model, parsed.GetValue(steps), 0, parsed.GetValue(seed), heat), number);
                return CommandExecution.Success;
            }

            if (DataSplits.Open(configuration.Data, configuration.Seed).Test is not ImageDataset images)
                throw new ConfigurationException("Only images and tokens can be drawn.");
            var path = parsed.GetRequiredValue(output);
            SampleSheet.Write(path, SampleSheet.Draw(prior, configuration.Model, images.Height * images.Width, parsed.GetValue(seed), heat), images.Height, images.Width, width);
            Console.WriteLine($"{number} images from {loaded.Checkpoint.Folder} (step {loaded.Checkpoint.State.Step:N0}): {path}");
            return CommandExecution.Success;
        });
        return command;
    }

    static void PrintTokens(int[] tokens, int sequences)
    {
        var steps = tokens.Length / sequences;
        for (var n = 0; n < sequences; n++)
            Console.WriteLine(string.Join(' ', tokens.AsSpan(n * steps, steps).ToArray()));
    }

    static void Require(bool holds, string option, object value, string expected)
    {
        if (!holds)
            throw new ConfigurationException($"{option} is {value}; use {expected}.");
    }
}
