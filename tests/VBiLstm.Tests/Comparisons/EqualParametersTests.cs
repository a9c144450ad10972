using VBiLstm.Comparisons;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Comparisons;

/// <summary>The search for widths that give every model the reference's number of parameters, against counts of all widths.</summary>
public class EqualParametersTests
{
    static IReadOnlyList<ComparisonRun> Runs(string models, string set = "", string? equalTo = "reference", string seeds = "1", string? counted = null)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("some.json"), $$"""
            { "name": "some", {{(equalTo is null ? "" : $"\"equal_parameters_to\": \"{equalTo}\",")}}
              {{(counted is null ? "" : $"\"counted_parameters\": \"{counted}\",")}}
              "seeds": [{{seeds}}], "models": [ {{models}} ],
              "data": [ { "name": "digits", "preset": "digits", "set": [{{set}}] } ] }
            """);
        return ComparisonFile.Read(folder.At("some.json")).Runs();
    }

    // Of the model lstm on frames (model.md section 2): gates, then the generator.
    static long PlainCount(long h, long m, long d = 28) => 4 * h * (d + h + 1) + m * (h + 1) + d * (m + 1);

    static long NetCount(long m, long inputs, long outputs) => m * (inputs + 1) + outputs * (m + 1);

    // Of variational-bilstm without a cost of ξ: backward LSTM, posterior and what generates.
    static long VariationalCount(long h, long m, long z, long d = 28)
        => 4 * h * (d + h + 1) + NetCount(m, 2 * h, 2 * z) + GenerativeCount(h, m, z, d);

    // Its forward LSTM, prior, ψ and generator.
    static long GenerativeCount(long h, long m, long z, long d = 28)
        => 4 * h * (d + z + h + h + 1) + NetCount(m, h, 2 * z) + NetCount(m, z, 2 * h) + NetCount(m, h, d);

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(1.75)]
    public void Of_all_widths_the_one_nearest_in_parameters_is_taken_and_the_nets_keep_their_share(double share)
    {
        var mlp = (int)(128 * share);
        var runs = Runs($$"""{ "name": "reference" }, { "name": "plain", "set": ["model.kind=lstm", "model.lstm_units=128", "model.mlp_units={{mlp}}"] }""");
        var (reference, plain) = (runs[0].Configuration.Model, runs[1].Configuration.Model);
        var budget = VariationalCount(reference.LstmUnits, reference.MlpUnits, reference.LatentUnits);
        Assert.Equal((budget, Preset.Get("digits").Configuration.Model), (runs[0].Parameters, reference));

        var best = Enumerable.Range(1, 2000).MinBy(h => Math.Abs(PlainCount(h, Math.Max(1, (long)Math.Round(mlp * h / 128.0))) - budget));
        Assert.Equal((best, (int)Math.Round(mlp * best / 128.0)), (plain.LstmUnits, plain.MlpUnits));
        Assert.Equal(PlainCount(plain.LstmUnits, plain.MlpUnits), runs[1].Parameters);
        Assert.Equal(plain with { LstmUnits = reference.LstmUnits, MlpUnits = reference.MlpUnits, Kind = reference.Kind }, reference);
    }

    [Fact]
    public void Where_widths_of_the_lstm_are_too_coarse_the_nets_make_up_for_it()
    {
        // 1,420 parameters: an LSTM of 7 with nets of 7 has 9 % less, and with nets of 11 0.8 % more.
        const string Sizes = "\"model.lstm_units=4\", \"model.mlp_units=4\", \"model.latent_units=1\"";
        var runs = Runs("""{ "name": "reference" }, { "name": "plain", "set": ["model.kind=lstm"] }""", Sizes);
        Assert.Equal([1420L, 1432], [VariationalCount(4, 4, 1), PlainCount(7, 11)]);
        Assert.True(PlainCount(7, 7) < 0.99 * 1420 && PlainCount(8, 8) > 1.01 * 1420);
        var plain = runs[1].Configuration.Model;
        Assert.Equal((7, 11, 1432L), (plain.LstmUnits, plain.MlpUnits, runs[1].Parameters));
    }

    [Theory]
    [InlineData(0, 365980)]
    [InlineData(0.5, 403228)]
    public void A_net_without_a_weight_in_the_objective_is_not_counted(double beta, long expected)
        => Assert.Equal(expected, Runs($$"""{ "name": "reference", "set": ["model.beta={{beta}}"] }""")[0].Parameters);

    [Fact]
    public void What_predictions_use_can_be_made_equal_instead()
    {
        var runs = Runs("""{ "name": "reference" }, { "name": "plain", "set": ["model.kind=lstm"] }, { "name": "forcing", "set": ["model.kind=z-forcing"] }""",
            counted: "generative");
        var budget = GenerativeCount(128, 128, 32);
        Assert.Equal((VariationalCount(128, 128, 32), budget), (runs[0].Parameters, runs[0].GenerativeParameters));
        var plain = runs[1].Configuration.Model.LstmUnits;
        Assert.Equal(Enumerable.Range(1, 2000).MinBy(h => Math.Abs(PlainCount(h, h) - budget)), plain);
        Assert.Equal((PlainCount(plain, plain), PlainCount(plain, plain)), (runs[1].Parameters, runs[1].GenerativeParameters));

        // Of Z-forcing: forward LSTM, prior, generator.
        long Forcing(long h) => 4 * h * (28 + 32 + h + 1) + NetCount(h, h, 64) + NetCount(h, h, 28);
        var forcing = runs[2].Configuration.Model.LstmUnits;
        Assert.Equal(Enumerable.Range(1, 2000).MinBy(h => Math.Abs(Forcing(h) - budget)), forcing);
        Assert.Equal(Forcing(forcing), runs[2].GenerativeParameters);
    }

    [Fact]
    public void A_budget_that_no_width_meets_is_refused_with_the_nearest()
    {
        var message = Assert.Throws<ConfigurationException>(() => Runs(
            """{ "name": "reference", "set": ["model.kind=lstm", "model.lstm_units=1", "model.mlp_units=1"] }, { "name": "large" }""")).Message;
        Assert.Contains("digits, large: no width gives 178 parameters within 1 %", message, StringComparison.Ordinal);
        Assert.Contains("model.lstm_units=1 has", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Widths_that_no_arena_holds_are_too_wide()
    {
        const string Words = "\"model.output_distribution=categorical\", \"model.vocabulary_size=200000\", \"model.lstm_units=40\", \"model.mlp_units=40\"";
        var runs = Runs("""{ "name": "reference", "set": ["model.kind=lstm"] }, { "name": "forcing", "set": ["model.kind=z-forcing"] }""", Words);
        Assert.InRange(runs[1].Parameters, 0.99 * runs[0].Parameters, 1.01 * runs[0].Parameters);
    }

    [Fact]
    public void A_budget_beyond_the_widest_that_is_tried_is_refused()
        => Assert.Contains("no width gives", Assert.Throws<ConfigurationException>(() => Runs("""
            { "name": "reference", "set": ["model.lstm_units=10500", "model.mlp_units=1"] },
            { "name": "plain", "set": ["model.kind=lstm", "model.lstm_units=1000", "model.mlp_units=1"] }
            """)).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_a_reference_each_model_stays_as_it_is()
    {
        var runs = Runs("""{ "name": "one" }, { "name": "other", "set": ["model.kind=lstm", "model.lstm_units=9"] }""", equalTo: null);
        Assert.Equal([Preset.Get("digits").Configuration.Model.LstmUnits, 9], runs.Select(run => run.Configuration.Model.LstmUnits));
    }

    [Fact]
    public void Runs_come_seed_by_seed_with_the_model_s_keys_over_the_data_set_s()
    {
        const string Models = """{ "name": "one", "set": ["training.steps=3"] }, { "name": "other" }""";
        var runs = Runs(Models, "\"training.steps=5\", \"training.batch_size=7\"", equalTo: null, seeds: "4, 2");
        Assert.Equal(["one 4", "other 4", "one 2", "other 2"], runs.Select(run => $"{run.Model.Name} {run.Configuration.Seed}"));
        Assert.Equal([3, 5, 3, 5], runs.Select(run => run.Configuration.Training.Steps));
        Assert.All(runs, run => Assert.Equal((7, run.Seed), (run.Configuration.Training.BatchSize, run.Configuration.Seed)));
        Assert.All(runs, run => Assert.Equal(Path.Combine("runs", "digits", run.Model.Name, $"seed-{run.Seed}"), run.Folder));
    }

    [Fact]
    public void A_configuration_that_is_not_valid_is_refused()
    {
        var error = Assert.Throws<ConfigurationException>(() => Runs("""{ "name": "one", "set": ["training.batch_size=0"] }""", equalTo: null));
        Assert.Contains("training.batch_size", error.Message, StringComparison.Ordinal);
    }
}
