using VBiLstm.Configuration;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>What the program teaches whoever asks it, or mistypes.</summary>
public class HelpTests
{
    const int LinesOfAScreen = 50, ColumnsOfAScreen = 120;

    public static TheoryData<string> Commands => [.. RunTests.Commands.Select(row => row.Data), "data", "config", "completion", "help"];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_fits_a_screen_and_names_the_whole(string command)
    {
        using var program = new Executable();
        var (code, output, _) = program.Run([.. command.Split(' '), "--help"]);
        Assert.Equal(0, code);
        var lines = output.TrimEnd().Split('\n');
        Assert.InRange(lines.Length, 10, LinesOfAScreen);
        Assert.DoesNotContain(lines, line => line.Length > ColumnsOfAScreen);
        Assert.Contains($"vbilstm help {command}", output, StringComparison.Ordinal);
        Assert.Contains("Example", output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(RunTests.Commands), MemberType = typeof(RunTests))]
    public void The_whole_help_has_every_option_of_the_short_one(string command)
    {
        using var program = new Executable();
        var whole = Options(program.Run(["help", .. command.Split(' ')]).Output);
        var shown = Options(program.Run([.. command.Split(' '), "--help"]).Output);
        Assert.Subset(whole.ToHashSet(), shown.ToHashSet());
        Assert.Equal(shown.Contains("--threads"), whole.Contains("--precision"));
    }

    [Theory]
    [InlineData]
    [InlineData("help")]
    [InlineData("--help")]
    public void The_program_alone_shows_what_to_do_first(params string[] arguments)
    {
        using var program = new Executable();
        var (code, output, error) = program.Run(arguments);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Start with:  vbilstm train", output, StringComparison.Ordinal);
        Assert.DoesNotContain(output.Split('\n'), line => line.Length > ColumnsOfAScreen);
    }

    [Theory]
    [InlineData("There is no command trian; did you mean train?", "trian")]
    [InlineData("There is no command prepar; did you mean prepare?", "data", "prepar")]
    [InlineData("There is no command evalute; did you mean evaluate?", "help", "evalute")]
    [InlineData("train has no command foo, nor any other: vbilstm help train", "help", "train", "foo")]
    [InlineData("train has no option --stpes; did you mean --steps?", "train", "--stpes", "3")]
    [InlineData("sample has no option --temprature; did you mean --temperature?", "sample", "runs/a", "--temprature=0.5")]
    [InlineData("train takes no further argument 'digits'", "train", "digits")]
    [InlineData("training.learning_rat is not a key of the configuration; did you mean training.learning_rate?", "config", "training.learning_rat")]
    [InlineData("model.lstm_unit is not a key of the configuration; did you mean model.lstm_units?", "train", "--set", "model.lstm_unit=3")]
    public void What_is_mistyped_gets_the_nearest_name(string message, params string[] arguments)
    {
        using var program = new Executable();
        var (code, output, error) = program.Run(arguments);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"vbilstm: {message}", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Config_lists_every_key_with_its_default_and_every_preset()
    {
        using var program = new Executable();
        var lines = program.Run("config").Output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        foreach (var key in ConfigurationKey.All)
            Assert.Equal(key.Default, Assert.Single(lines, words => words.FirstOrDefault() == key.Path)[1]);
        foreach (var preset in Preset.All)
            Assert.Single(lines, words => words.FirstOrDefault() == preset.Name);
        var training = program.Run("config", "training").Output;
        Assert.Contains("training.learning_rate ", training, StringComparison.Ordinal);
        Assert.DoesNotContain("model.", training.Split('\n')[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("latent_units", "0")]
    [InlineData("training.adam_beta1", "1")]
    [InlineData("model.zoneout_cell", "-0.5")]
    [InlineData("data.window", "0")]
    public void Config_tells_the_values_that_a_wrong_one_is_refused_with(string key, string wrong)
    {
        using var program = new Executable();
        var shown = program.Run("config", key).Output;
        var values = shown.Split('\n').Single(line => line.StartsWith("  values", StringComparison.Ordinal))["  values".Length..].Trim();
        var (code, _, error) = program.Run("train", "--set", $"{key}={wrong}");
        Assert.Equal(2, code);
        Assert.Contains($"is {wrong}; use {values}", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vbilstm trai", "train")]
    [InlineData("vbilstm data pre", "prepare")]
    [InlineData("vbilstm train --stop", "--stop-after")]
    [InlineData("vbilstm evaluate runs/a --split va", "validation")]
    public void Bash_completes_what_is_begun(string line, string expected)
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("bash is none of Windows's.");
        using var program = new Executable();
        var words = line.Split(' ');
        var (code, output, error) = program.RunInShell($$"""
            bash -c '
            vbilstm() { "$V" "$@"; }
            source <(vbilstm completion bash)
            COMP_LINE="{{line}}" COMP_POINT={{line.Length}} COMP_WORDS=({{line}}) COMP_CWORD={{words.Length - 1}}
            _vbilstm
            echo "${COMPREPLY[@]}"'
            """);
        Assert.Equal((0, expected, ""), (code, output.Trim(), error));
    }

    [Theory]
    [InlineData("bash", "complete")]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "complete")]
    [InlineData("pwsh", "Register-ArgumentCompleter")]
    public void Every_shell_has_its_script(string shell, string word)
    {
        using var program = new Executable();
        var (code, output, _) = program.Run("completion", shell);
        Assert.Equal(0, code);
        Assert.Contains(word, output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shell_without_a_script_gets_the_nearest_name()
    {
        using var program = new Executable();
        var (code, _, error) = program.Run("completion", "zhs");
        Assert.Equal(2, code);
        Assert.Contains("did you mean zsh?", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_manual_page_has_every_command_and_formats_without_a_warning()
    {
        using var program = new Executable();
        var page = program.Run("help", "--man").Output;
        foreach (var command in Commands.Select(row => row.Data))
            Assert.Contains($".SS vbilstm {command}", page, StringComparison.Ordinal);
        if (!File.Exists("/usr/bin/man"))
            Assert.Skip("There is no man to format the page.");
        File.WriteAllText(program.At("vbilstm.1"), page);
        var (code, output, error) = program.RunInShell("MANWIDTH=100 LC_ALL=C.UTF-8 man --warnings -l vbilstm.1");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("--stop-after <time>", output, StringComparison.Ordinal);
    }

    static List<string> Options(string help) => [.. help.Split('\n').Select(line => line.TrimStart())
        .Where(line => line.StartsWith("--", StringComparison.Ordinal)).Select(line => line.Split(' ', ',')[0])];
}
