using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using VBiLstm.Runs;

namespace VBiLstm.Cli.Tests;

/// <summary>A finished comparison of two models over two seeds: its figures, its page, and what calling it again does.</summary>
public sealed class ComparisonTests(ComparisonTests.FinishedComparison finished) : IClassFixture<ComparisonTests.FinishedComparison>
{
    const string Comparison = """
        { "name": "tiny", "equal_parameters_to": "variational", "seeds": [1, 2], "samples": 4,
          "models": [ { "name": "plain", "set": ["model.kind=lstm"] }, { "name": "variational" } ],
          "data": [ { "name": "digits", "preset": "digits", "paper": { "plain": { "test": 79.5, "validation": 80.25 }, "variational": { "kl": 0.125 } },
                      "quoted": { "PixelRNN": { "test": 79.2 }, "Other <row>": { "validation": 81.5, "kl": 0.5 } },
                      "set": ["training.steps=6", "training.evaluate_every=3", "training.checkpoint_every=1", "model.lstm_units=16", "model.mlp_units=16",
                              "model.latent_units=4", "data.binarisation=binary"] } ] }
        """;

    Executable Command => finished.Program;

    public sealed class FinishedComparison : IDisposable
    {
        public FinishedComparison()
        {
            File.WriteAllText(Program.At("tiny.json"), Comparison);
            var (code, output, error) = Program.Run("compare", "tiny.json");
            Assert.True(code == 0, error);
            Assert.Contains("4 of 4 runs", output, StringComparison.Ordinal);
        }

        internal Executable Program { get; } = new();

        public void Dispose() => Program.Dispose();
    }

    [Fact]
    public void Its_figures_are_those_of_evaluate()
    {
        var rows = File.ReadAllLines(Command.At("runs/tiny/results.csv"));
        Assert.Equal(5, rows.Length);
        var columns = rows[0].Split(',').Index().ToDictionary(column => column.Item, column => column.Index);
        foreach (var row in rows[1..].Select(row => row.Split(',')))
        {
            var run = $"runs/tiny/runs/digits/{row[columns["model"]]}/seed-{row[columns["seed"]]}";
            double Evaluate(params string[] options)
            {
                using var evaluation = JsonDocument.Parse(Command.Run(["evaluate", run, "--json", .. options]).Output);
                return evaluation.RootElement.GetProperty("bound").GetDouble();
            }

            double Cell(string name) => double.Parse(row[columns[name]], CultureInfo.InvariantCulture);
            Assert.Equal(Evaluate(), Cell("bound_nats"), 1e-9);
            Assert.Equal(-Evaluate("--split", "validation"), Cell("validation_value"), 1e-9);
            Assert.Equal(Evaluate("--prior-mode"), Cell("prior_mode_sampled_nats"), 1e-9);
            Assert.Equal(Evaluate("--prior-mode", "--latents", "mean"), Cell("prior_mode_mean_nats"), 1e-9);
            if (row[columns["model"]] == "plain")
            {
                Assert.Equal(("0", "", "", ""), (row[columns["samples"]], row[columns["importance_weighted_nats"]], row[columns["prior_trajectories_nats"]],
                    row[columns["prior_particles_nats"]]));
                continue;
            }

            Assert.Equal("4", row[columns["samples"]]);
            Assert.Equal(Evaluate("--prior-mode", "--trajectories", "4"), Cell("prior_trajectories_nats"), 1e-9);
            Assert.Equal(Evaluate("--prior-mode", "--particles", "4"), Cell("prior_particles_nats"), 1e-9);
            using var weighted = JsonDocument.Parse(Command.Run(["evaluate", run, "--json", "--importance-samples", "4"]).Output);
            Assert.Equal(weighted.RootElement.GetProperty("importance_weighted_bound").GetDouble(), Cell("importance_weighted_nats"), 1e-9);
        }
    }

    [Fact]
    public void Its_page_holds_the_papers_figures_and_every_drawing()
    {
        var report = File.ReadAllText(Command.At("runs/tiny/report.html"));
        Assert.All(["<td>79.5</td>", "<td>80.25</td>", "<td>0.125</td>"], paper => Assert.Contains(paper, report, StringComparison.Ordinal));
        Assert.Matches("<th scope=\"row\">PixelRNN \\(quoted, not run\\)</th><td></td><td>79.2</td><td></td><td></td></tr>", report);
        Assert.Matches("<th scope=\"row\">Other &lt;row&gt; \\(quoted, not run\\)</th><td></td><td></td><td></td><td>81.5</td></tr>", report);
        Assert.Matches("<th scope=\"row\">Other &lt;row&gt; \\(quoted, not run\\)</th><td></td><td>0.5</td></tr>", report);
        Assert.All(["posterior, K samples (bound)", "prior, K particles (bound)", "prior, K trajectories (bound)", "K is 4."],
            label => Assert.Contains(label, report, StringComparison.Ordinal));
        Assert.Equal(3, report.Split("<svg").Length - 1);
        Assert.DoesNotContain("<img", report, StringComparison.Ordinal);
        Assert.True(File.Exists(Command.At("runs/tiny/digits-curves.png")));
    }

    [Fact]
    public void Its_page_suits_narrow_windows_dark_rooms_and_screen_readers()
    {
        var report = File.ReadAllText(Command.At("runs/tiny/report.html"));
        Assert.Contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">", report, StringComparison.Ordinal);
        Assert.Contains("@media (prefers-color-scheme: dark)", report, StringComparison.Ordinal);
        Assert.Equal(3, Regex.Count(report, "<svg viewBox=\"0 0 \\d+ \\d+\" role=\"img\" aria-label=\"[^\"]{20,}\""));
        Assert.DoesNotMatch("<th(?! [^>]*scope=)", report);
        Assert.Equal(Regex.Count(report, "<table"), Regex.Count(report, "<div class=\"table\" tabindex=\"0\"><table"));

        // Every link leads to what is there.
        var links = Regex.Matches(report, "href=\"([^\"]+)\"").Select(match => Uri.UnescapeDataString(match.Groups[1].Value)).ToList();
        Assert.Equal(2 + Directory.GetFiles(Command.At("runs/tiny"), "result.json", SearchOption.AllDirectories).Length, links.Count);
        Assert.All(links, link => Assert.True(Path.Exists(Command.At($"runs/tiny/{link}")), link));
        foreach (var drawing in Directory.GetFiles(Command.At("runs/tiny"), "*.svg"))
            Assert.Equal("svg", XDocument.Load(drawing).Root?.Name.LocalName);
    }

    [Fact]
    public void Called_again_after_a_kill_it_makes_what_is_missing_and_the_same_results()
    {
        // One run is half done, another has not begun.
        string[] Files() => [.. Directory.GetFiles(Command.At("runs/tiny"), "*", SearchOption.AllDirectories)
            .Where(file => file.EndsWith(".csv", StringComparison.Ordinal) || file.EndsWith("result.json", StringComparison.Ordinal)).Order()];
        var before = Files().ToDictionary(file => file, File.ReadAllText);
        Directory.Delete(Command.At("runs/tiny/runs/digits/plain/seed-2"), recursive: true);
        File.Delete(Command.At("runs/tiny/runs/digits/variational/seed-1/result.json"));
        var (code, output, error) = Command.Run("compare", "tiny.json");
        Assert.True(code == 0, error);

        // A slow machine also says how much of test it has scored, without decimals.
        Assert.Equal(2, Regex.Count(output, @"\btest -?\d+\.\d"));
        Assert.Equal(before, Files().ToDictionary(file => file, File.ReadAllText));
    }

    [Fact]
    public void Its_folder_is_refused_to_another_configuration()
    {
        File.WriteAllText(Command.At("longer.json"), Comparison.Replace("training.steps=6", "training.steps=7", StringComparison.Ordinal));
        var (code, _, error) = Command.Run("compare", "longer.json");
        Assert.Equal(2, code);
        Assert.Contains("another configuration", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_names_every_run_and_makes_none()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("tiny.json"), Comparison);
        var (code, output, error) = program.Run("compare", "tiny.json", "--dry-run");
        Assert.True(code == 0, error);
        Assert.Equal(4, output.Split("digits").Length - 1);
        Assert.False(Directory.Exists(program.At("runs")));
    }

    [Fact]
    public void Shards_of_a_table_leave_the_results_of_the_whole_and_the_last_one_the_report()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("tiny.json"), Comparison);
        var (code, output, error) = program.Run("compare", "tiny.json", "--shard", "2/3");
        Assert.True(code == 0, error);
        Assert.Contains("3 of 4 are missing", output, StringComparison.Ordinal);
        Assert.Contains("[2/4] digits, variational, seed 1", output, StringComparison.Ordinal);
        Assert.False(File.Exists(program.At("runs/tiny/report.html")));
        Assert.Equal(0, program.Run("compare", "tiny.json", "--shard", "1/3").Code);
        (code, output, error) = program.Run("compare", "tiny.json", "--shard", "3/3");
        Assert.True(code == 0, error);
        Assert.Contains("4 of 4 runs", output, StringComparison.Ordinal);
        foreach (var file in new[] { "results.csv", "groups.csv" })
            Assert.Equal(File.ReadAllText(Command.At($"runs/tiny/{file}")), File.ReadAllText(program.At($"runs/tiny/{file}")));
        foreach (var wrong in new[] { "0/3", "4/3", "1", "1/", "-1/2", "1/0", "a/b", "1/2/3" })
        {
            (code, _, error) = program.Run("compare", "tiny.json", "--shard", wrong);
            Assert.True(code == 2 && error.Contains($"--shard is '{wrong}'", StringComparison.Ordinal), error);
        }
    }

    [Fact]
    public void A_run_that_another_job_trains_is_refused()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("tiny.json"), Comparison);
        using (RunOwner.Acquire(new RunFolder(program.At("runs/tiny/runs/digits/plain/seed-1")), _ => { }))
        {
            var (code, _, error) = program.Run("compare", "tiny.json", "--shard", "1/4");
            Assert.Equal(2, code);
            Assert.Contains("seed-1", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void One_whose_last_data_set_is_missing_does_not_begin()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("tiny.json"),
            Comparison.Replace("} ] }", "}, { \"name\": \"more\", \"preset\": \"imdb-small\" } ] }", StringComparison.Ordinal));
        var (code, output, error) = program.Run("compare", "tiny.json");
        Assert.Equal(2, code);
        Assert.Contains("data/imdb", error, StringComparison.Ordinal);
        Assert.Empty(output);
        Assert.False(Directory.Exists(program.At("runs")));
    }
}
