using VBiLstm.Comparisons;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Comparisons;

public class ComparisonFileTests
{
    const string Good = """
        { "name": "some", "equal_parameters_to": "variational", "seeds": [3, 5],
          "models": [ { "name": "plain", "set": ["model.kind=lstm"] }, { "name": "forcing", "set": ["model.kind=z-forcing"] }, { "name": "variational" } ],
          "data": [ { "name": "digits", "preset": "digits", "set": ["training.steps=7"] },
        """
        + """ { "name": "words", "preset": "imdb-small", "paper": { "plain": { "test": 1.5 } } } ] }""";

    static ComparisonFile Read(string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("some.json"), text);
        return ComparisonFile.Read(folder.At("some.json"));
    }

    // Parameters counted from the equations' shapes (model.md section 2).
    static long Count(ModelConfiguration model)
    {
        long h = model.LstmUnits, m = model.MlpUnits, z = model.LatentUnits, v = model.VocabularySize;
        var (e, o) = model.IsCategorical ? (model.EmbeddingSize, v) : (model.FrameSize, (long)model.FrameSize);
        long Lstm(long inputs) => 4 * h * (inputs + h + 1);
        long Net(long inputs, long outputs) => m * (inputs + 1) + outputs * (m + 1);
        var generator = Net(h, o) + (model.IsCategorical ? v * e : 0);
        return model.Kind switch
        {
            ModelKind.Lstm => Lstm(e) + generator,
            ModelKind.BiLstm => 2 * Lstm(e) + h * m + generator,
            ModelKind.ZForcing => Lstm(e) + Lstm(e + z) + Net(2 * h, 2 * z) + Net(h, 2 * z) + Net(z, 2 * h) + generator,
            _ => Lstm(e) + Lstm(e + z + h) + Net(2 * h, 2 * z) + Net(h, 2 * z) + (model.Beta > 0 ? 2 : 1) * Net(z, 2 * h) + generator,
        };
    }

    [Fact]
    public void Every_model_gets_the_references_number_of_parameters_within_1_percent_by_its_widths()
    {
        var runs = Read(Good).Runs();
        Assert.Equal(2 * 2 * 3, runs.Count);
        foreach (var group in runs.GroupBy(run => (run.Seed, run.Data.Name)))
        {
            var budget = Count(group.Single(run => run.Model.Name == "variational").Configuration.Model);
            Assert.Equal(Preset.Get(group.First().Data.Preset).Configuration.Model, group.Single(run => run.Model.Name == "variational").Configuration.Model);
            Assert.All(group, run => Assert.InRange(Count(run.Configuration.Model), 0.99 * budget, 1.01 * budget));
            Assert.All(group, run => Assert.Equal(run.Configuration.Model.LstmUnits, run.Configuration.Model.MlpUnits)); // as in the presets
        }

        Assert.Equal([3L, 5], runs.Select(run => run.Seed).Distinct());
        Assert.All(runs.Where(run => run.Data.Name == "digits"), run => Assert.Equal(7, run.Configuration.Training.Steps));
        Assert.Equal(runs.Count, runs.Select(run => run.Folder).Distinct().Count());
    }

    [Fact]
    public void The_comparisons_in_docs_can_be_run()
    {
        var files = Directory.GetFiles(Checkout.At("docs"), "*.json", SearchOption.AllDirectories);
        Assert.Contains(files, file => file.EndsWith("timit.json", StringComparison.Ordinal));
        Assert.All(files, file =>
        {
            var comparison = ComparisonFile.Read(file);
            Assert.Equal(Path.GetFileNameWithoutExtension(file), comparison.Name);
            Assert.Equal(comparison.Data.Count * comparison.Models.Count * comparison.Seeds.Count, comparison.Runs().Count);
        });
    }

    [Theory]
    [InlineData("\"name\": \"plain\"", "\"name\": \"VARIATIONAL\"", "comes twice")]
    [InlineData("\"name\": \"plain\"", "\"name\": \"../up\"", "becomes a folder")]
    [InlineData("[3, 5]", "[3, 3]", "seeds")]
    [InlineData("[3, 5]", "[]", "seeds")]
    [InlineData("\"equal_parameters_to\": \"variational\"", "\"equal_parameters_to\": \"other\"", "none of the models")]
    [InlineData("\"equal_parameters_to\": \"variational\"", "\"counted_parameters\": \"all\"", "counted_parameters says")]
    [InlineData("\"seeds\": [3, 5]", "\"samples\": 1, \"seeds\": [3, 5]", "samples is 1")]
    [InlineData("\"seeds\": [3, 5]", "\"counted_parameters\": \"some\", \"seeds\": [3, 5]", "counted_parameters")]
    [InlineData("\"plain\": { \"test\": 1.5 }", "\"other\": { \"test\": 1.5 }", "none of the models")]
    [InlineData("{ \"test\": 1.5 }", "{ }", "paper.plain")]
    [InlineData("\"paper\": { \"plain\": { \"test\": 1.5 } }", "\"quoted\": { \"other\": { } }", "quoted.other")]
    [InlineData("\"paper\": { \"plain\": { \"test\": 1.5 } }", "\"quoted\": { \"plain\": { \"test\": 1.5 } }", "quoted names plain")]
    [InlineData("{ \"test\": 1.5 }", "null", "paper.plain")]
    [InlineData("{ \"test\": 1.5 }", "1.5", "paper.plain")]
    [InlineData("\"seeds\"", "\"seed\"", "seed")]
    [InlineData("{ \"name\": \"some\",", "{", "name")]
    [InlineData("\"some\"", "\"so/me\"", "some.json: name")]
    [InlineData("{ \"name\": \"variational\" }", "null", "without null")]
    [InlineData("{ \"name\": \"digits\", \"preset\": \"digits\", \"set\": [\"training.steps=7\"] }", "null", "without null")]
    [InlineData("\"training.steps=7\"", "null", "without null")]
    [InlineData("\"model.kind=z-forcing\"", "null", "without null")]
    [InlineData("\"name\": \"words\"", "\"name\": \"Digits\"", "data: the name Digits comes twice")]
    [InlineData("\"name\": \"words\"", "\"name\": \"wo/rds\"", "data: a name")]
    [InlineData("\"seeds\": [3, 5]", "\"seeds\": [3, \"five\"]", "line 1")]
    [InlineData("\"preset\": \"digits\"", "\"preset\": 7", "line 3")]
    [InlineData("\"imdb-small\"", "\"imbd-small\"", "did you mean imdb-small")]
    [InlineData("model.kind=lstm", "model.kin=lstm", "model.kind")]
    [InlineData("model.kind=lstm", "model.latent_units=-1", "latent_units")]
    public void Mistakes_are_named(string part, string instead, string expected)
    {
        Assert.Contains(part, Good, StringComparison.Ordinal);
        var error = Assert.Throws<ConfigurationException>(() => Read(Good.Replace(part, instead, StringComparison.Ordinal)).Runs());
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("models")]
    [InlineData("data")]
    public void One_without_models_or_data_is_refused(string field)
    {
        var (models, data) = field == "models" ? ("", """{ "name": "digits", "preset": "digits" }""") : ("""{ "name": "plain" }""", "");
        var error = Assert.Throws<ConfigurationException>(
            () => Read($$"""{ "name": "some", "seeds": [1], "models": [ {{models}} ], "data": [ {{data}} ] }"""));
        Assert.Contains($"{field} is empty", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_are_kept_and_may_be_left_out()
    {
        var file = Read("""
            { "name": "some", "description": "Why.", "seeds": [1], "models": [ { "name": "plain" } ],
              "data": [ { "name": "digits", "title": "What.", "preset": "digits", "paper_note": "Table 2." } ] }
            """);
        Assert.Equal(("Why.", "What.", "Table 2."), (file.Description, file.Data[0].Title, file.Data[0].PaperNote));
        var bare = Read("""{ "name": "some", "seeds": [1], "models": [ { "name": "plain" } ], "data": [ { "name": "digits", "preset": "digits" } ] }""");
        Assert.Equal(("", "", "", null), (bare.Description, bare.Data[0].Title, bare.Data[0].PaperNote, bare.EqualParametersTo));
        Assert.Empty(bare.Data[0].Paper);
        Assert.Equal(Preset.Get("digits").Configuration with { Seed = 1 }, Assert.Single(bare.Runs()).Configuration);
    }

    [Fact]
    public void One_that_is_not_there_is_named()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<ConfigurationException>(() => ComparisonFile.Read(folder.At("none.json")));
        Assert.Contains($"{folder.At("none.json")} cannot be read", error.Message, StringComparison.Ordinal);
    }
}
