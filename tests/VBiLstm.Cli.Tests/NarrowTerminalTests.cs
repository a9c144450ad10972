using Xunit;

namespace VBiLstm.Cli.Tests;

public sealed class NarrowTerminalTests
{
    /// <summary>The live line is gone after a training, and what stood above it is whole.</summary>
    [Theory]
    [InlineData(30)]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(120)]
    public void A_live_line_leaves_nothing_behind(int width)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "It takes util-linux's script, which runs a program in a terminal.");
        using var executable = new Executable();
        executable.Variables["TERM"] = "xterm-256color";
        executable.Variables["CI"] = "";
        var program = Path.Combine(AppContext.BaseDirectory, "vbilstm.dll");
        const string Training = "train --preset digits --set lstm_units=9 mlp_units=7 latent_units=3 batch_size=16 evaluate_every=4 --steps 8 --run run";
        File.WriteAllText(executable.At("terminal.sh"), "exec script -qec 'sh start.sh' /dev/null\n");
        File.WriteAllText(executable.At("start.sh"), $"stty cols {width}\nexec dotnet '{program}' {Training}\n");
        using var process = executable.StartScript("terminal.sh", []);
        var (code, output, error) = Executable.Finish(process);
        Assert.True(code == 0, output + error);

        var screen = new TerminalScreen(width).Show(output).Lines.ToList();
        var shown = string.Join('\n', screen);
        Assert.Contains("\e[2K", output);
        Assert.DoesNotMatch(@"\d%|--:--:--|bound -\d+\.\d\d.*gradient", shown);
        var first = screen.FindIndex(line => line.StartsWith("step 4", StringComparison.Ordinal));
        var words = string.Join(' ', screen.Skip(first)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] expected = ["step", "4", "validation", "bound", words[4], "NLL", words[6], "KL", words[8], "best", "step", "8", "validation", "bound"];
        Assert.Equal(expected, words.Take(expected.Length));
    }
}
