using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json.Nodes;

namespace VBiLstm.Cli.Tests;

/// <summary>Sources as people have them, through the real executable.</summary>
public class PrepareTests
{
    static readonly string[] Pipes = ["- < a.txt", "/dev/stdin < a.txt", "<(cat a.txt)", "<(gzip -c a.txt)"];

    static string Text(int lines) => string.Concat(Enumerable.Range(0, lines).Select(i => $"some words {i % 7} here\n"));

    static (int Code, string Output, string Error) Shell(Executable program, string script)
    {
        var start = new ProcessStartInfo("bash") { WorkingDirectory = program.Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        start.Environment["VBILSTM"] = Path.Combine(AppContext.BaseDirectory, "vbilstm.dll");
        using var process = Process.Start(start)!;
        return Executable.Finish(process);
    }

    [Fact]
    public void What_was_read_and_what_was_left_out_is_printed_and_kept()
    {
        using var program = new Executable();
        Directory.CreateDirectory(program.At("raw"));
        File.WriteAllText(program.At("raw/a.txt"), Text(100));
        for (var i = 0; i < 8; i++)
            File.WriteAllText(program.At($"raw/pic{i}.png"), "x");
        File.WriteAllText(program.At("raw/README"), "x");
        var (code, output, error) = program.Run("data", "prepare", "text-char", "--from", "raw", "--out", "data");
        Assert.True(code == 0, error);
        Assert.Contains("files       1 read, 9 left out", output, StringComparison.Ordinal);
        Assert.Contains("and 3 more", output, StringComparison.Ordinal);
        Assert.Contains("documentation: raw/README", output, StringComparison.Ordinal);
        var leftOut = JsonNode.Parse(File.ReadAllText(program.At("data/manifest.json")))!["left_out"]!.AsArray();
        Assert.Equal(9, leftOut.Sum(reason => reason!["names"]!.AsArray().Count));
    }

    [Fact]
    public void Pipes_are_read_and_their_copies_vanish()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no shell with process substitution.");
        using var program = new Executable();
        File.WriteAllText(program.At("a.txt"), Text(100));
        Directory.CreateDirectory(program.At("tmp"));
        foreach (var (number, source) in Pipes.Index())
        {
            var (code, _, error) = Shell(program, "TMPDIR=$PWD/tmp DOTNET_EnableDiagnostics=0 dotnet $VBILSTM data prepare text-char "
                + $"--out o{number} --from {source}");
            Assert.True(code == 0, error);
            Assert.Equal(File.ReadAllBytes(program.At("o0/train.bin")), File.ReadAllBytes(program.At($"o{number}/train.bin")));
        }

        Assert.Empty(Directory.GetFiles(program.At("tmp"), "vbilstm-*"));
    }

    [Fact]
    public void More_files_than_may_be_open_at_once_are_read()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such limit to set.");
        using var program = new Executable();
        Directory.CreateDirectory(program.At("raw"));
        for (var i = 0; i < 300; i++)
        {
            File.WriteAllText(program.At($"raw/{i}.txt"), Text(3) + i);
            using var packed = new GZipStream(File.Create(program.At($"raw/p{i}.gz")), CompressionLevel.Fastest);
            packed.Write(System.Text.Encoding.ASCII.GetBytes(Text(2) + i));
        }

        var (code, output, error) = Shell(program, "ulimit -n 120 && dotnet $VBILSTM data prepare text-char --from raw --out data");
        Assert.True(code == 0, error);
        Assert.Contains("files       600 read", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_vocabulary_or_manifest_does_not_pass_the_check()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("a.txt"), Text(300));
        Assert.Equal(0, program.Run("data", "prepare", "text-char", "--from", "a.txt", "--out", "data").Code);
        Assert.Equal(0, program.Run("data", "info", "data", "--check").Code);
        foreach (var (file, from, to) in new[] { ("vocabulary.json", "\"e\"", "\"E\""), ("manifest.json", "As the source says.", "As the source said.") })
        {
            var good = File.ReadAllText(program.At($"data/{file}"));
            Assert.Contains(from, good, StringComparison.Ordinal);
            File.WriteAllText(program.At($"data/{file}"), good.Replace(from, to, StringComparison.Ordinal));
            var (code, _, error) = program.Run("data", "info", "data", "--check");
            Assert.Equal(2, code);
            Assert.Contains(file, error, StringComparison.Ordinal);
            File.WriteAllText(program.At($"data/{file}"), good);
        }
    }

    [Theory]
    [InlineData("--from is missing", "text-char")]
    [InlineData("does not go with", "text-char", "--from", "a.txt", "--train", "a.txt", "--test", "a.txt")]
    [InlineData("--test is missing", "text-char", "--train", "a.txt")]
    [InlineData("--transpose is no option", "text-char", "--from", "a.txt", "--transpose", "true")]
    [InlineData("--without-sa is no option", "fsdd", "--from", "a.txt", "--without-sa")]
    [InlineData("--protocol is no option of blizzard", "blizzard", "--from", "a.txt", "--protocol", "srnn")]
    [InlineData("--row-frames has no effect with --protocol srnn", "fsdd", "--from", "a.txt", "--protocol", "srnn", "--row-frames", "7")]
    [InlineData("an empty name", "text-char", "--from", "")]
    public void Options_that_do_not_go_together_are_refused(string expected, params string[] arguments)
    {
        using var program = new Executable();
        File.WriteAllText(program.At("a.txt"), Text(10));
        var (code, _, error) = program.Run(["data", "prepare", .. arguments]);
        Assert.Equal(2, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }
}
