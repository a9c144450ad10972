using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>What the documentation tells people to type.</summary>
public partial class DocumentedCommandsTests
{
    const int Side = 28;

    [Fact]
    public void Every_command_and_option_that_is_written_anywhere_exists()
    {
        using var program = new Executable();
        var helps = new Dictionary<string, string>();
        var seen = 0;
        foreach (var document in Directory.GetFiles(Checkout.Root, "*.md", new EnumerationOptions { MaxRecursionDepth = 0 })
            .Concat(Directory.GetFiles(Path.Combine(Checkout.Root, "docs"), "*.md"))
            .Concat(Directory.GetFiles(Path.Combine(Checkout.Root, "benchmarks"), "*.md")))
        {
            foreach (Match match in CommandPattern().Matches(File.ReadAllText(document)))
            {
                var name = match.Groups["name"].Value;
                if (!helps.TryGetValue(name, out var help))
                {
                    var (code, output, error) = program.Run(["help", .. name.Split(' ')]);
                    Assert.True(code == 0, $"{document}: vbilstm {name}: {error}");
                    helps[name] = help = output;
                }

                foreach (Match option in OptionPattern().Matches(match.Groups["rest"].Value))
                    Assert.True(help.Contains($"  {option.Value} ", StringComparison.Ordinal) || help.Contains($" {option.Value} ", StringComparison.Ordinal),
                        $"{document}: vbilstm {name} has no option {option.Value}.");
                seen++;
            }
        }

        Assert.True(seen > 100, $"{seen} commands were found.");
    }

    [Fact]
    public void The_tutorial_s_commands_do_what_it_says()
    {
        using var program = new Executable();
        WriteFiles(program);
        var ran = 0;
        foreach (Match match in LinePattern().Matches(File.ReadAllText(Path.Combine(Checkout.Root, "docs/tutorial.md"))))
        {
            // As they stand, but for their steps.
            var command = StepsPattern().Replace(match.Groups["command"].Value, "--steps 12");
            var (code, output, error) = program.RunInShell(command.Replace("vbilstm ", "$V ", StringComparison.Ordinal));
            Assert.True(code == 0, $"{command}: exit code {code.ToString(CultureInfo.InvariantCulture)}\n{output}\n{error}");
            ran++;
        }

        Assert.True(ran > 12, $"{ran} commands were found.");
        foreach (var file in new[] { "runs/book/checkpoints/best", "runs/voices/curves.png", "shapes.png", "scores.csv", "voices/001.wav",
            "completed.png", "book/model.safetensors", "book.onnx" })
            Assert.True(Path.Exists(program.At(file)), file);
    }

    // What the tutorial supposes that its reader has: a text, recordings, pictures.
    static void WriteFiles(Executable program)
    {
        var random = new Random(1);
        var text = new StringBuilder();
        const string Characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n !$&',-.3:;?"; // 65, as the tutorial's book has
        while (text.Length < 60_000)
            text.Append(Characters[random.Next(Characters.Length)]);
        File.WriteAllText(program.At("book.txt"), text.ToString());
        Directory.CreateDirectory(program.At("recordings"));
        for (var i = 0; i < 30; i++)
            File.WriteAllBytes(program.At($"recordings/voice{i}.wav"), Recording(random, seconds: 1));
        Directory.CreateDirectory(program.At("shapes"));
        foreach (var (split, count) in new[] { ("train", 80), ("valid", 20), ("test", 20) })
            File.WriteAllBytes(program.At($"shapes/{split}.npy"), Images(random, count));
    }

    static byte[] Recording(Random random, int seconds)
    {
        const int Rate = 8000;
        var samples = new byte[2 * Rate * seconds];
        for (var i = 0; i < samples.Length / 2; i++)
            BitConverter.TryWriteBytes(samples.AsSpan(2 * i), (short)(8000 * Math.Sin(0.1 * i) + random.Next(-500, 500)));
        using var wave = new MemoryStream();
        using var writer = new BinaryWriter(wave);
        writer.Write("RIFF"u8);
        writer.Write(36 + samples.Length);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(Rate);
        writer.Write(2 * Rate);
        writer.Write((short)2);
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(samples.Length);
        writer.Write(samples);
        return wave.ToArray();
    }

    static byte[] Images(Random random, int count)
    {
        var shape = string.Create(CultureInfo.InvariantCulture, $"({count}, {Side}, {Side})");
        var header = $"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n";
        var pixels = new byte[count * Side * Side];
        random.NextBytes(pixels);
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. pixels];
    }

    [GeneratedRegex(@"vbilstm (?<name>data (?:prepare|info|get)|train|evaluate|score|sample|export|import|inspect|compare|data|bench|verify|doctor|profile|"
        + @"config|completion|help)\b(?<rest>[^`|\n]*)")]
    private static partial Regex CommandPattern();

    [GeneratedRegex(@"(?<=\s)--[a-z][a-z-]+")]
    private static partial Regex OptionPattern();

    [GeneratedRegex(@"^    (?<command>vbilstm .*)$", RegexOptions.Multiline)]
    private static partial Regex LinePattern();

    [GeneratedRegex(@"--steps \d+")]
    private static partial Regex StepsPattern();
}
