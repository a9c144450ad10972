using System.Reflection;
using System.Text.Json.Serialization;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Tests.Model;

namespace VBiLstm.Tests.Configuration;

public class ConfigurationFileTests
{
    [Fact]
    public void A_partial_file_takes_the_rest_from_its_preset()
    {
        var read = ConfigurationFile.Parse("""
            {
              // comments and trailing commas are fine
              "preset": "seq-mnist",
              "model": { "latent_units": 7, "kind": "z-forcing", "activation_clip": 3 },
              "training": { "learning_rate": 5e-4, },
            }
            """);
        var expected = Preset.Get("seq-mnist").Configuration;
        expected = expected with
        {
            Model = expected.Model with { LatentUnits = 7, Kind = ModelKind.ZForcing, ActivationClip = 3 },
            Training = expected.Training with { LearningRate = 5e-4 },
        };
        Assert.Equal(expected, read);
    }

    [Fact]
    public void Every_preset_is_valid_and_survives_a_round_trip()
    {
        foreach (var preset in Preset.All)
        {
            preset.Configuration.Validate();
            Assert.Equal(preset.Configuration, ConfigurationFile.Parse(ConfigurationFile.ToText(preset.Configuration)));
        }
    }

    [Theory]
    [InlineData("""{"model":{"latent_unit":3}}""", "model.latent_unit", "model.latent_units")]
    [InlineData("""{"modle":{"latent_units":3}}""", "modle", "model")]
    [InlineData("""{"model":{"latent_units":"many"}}""", "model.latent_units", "whole number")]
    [InlineData("""{"model":{"latent_units":3.5}}""", "model.latent_units", "3.5")]
    [InlineData("""{"model":{"latent_units":[3]}}""", "model.latent_units", "Array")]
    [InlineData("""{"model":{"latent_units":null}}""", "model.latent_units", "null")]
    [InlineData("""{"model":{"kind":"lstmm"}}""", "model.kind", "variational-bilstm, z-forcing, lstm")]
    [InlineData("""{"model":3}""", "model", "object")]
    [InlineData("""{"preset":"digit"}""", "digit", "digits")]
    [InlineData("""[1]""", "object", "{")]
    [InlineData("""{"model": """, "line 1", "JSON")]
    [InlineData("""{"model":{"kind":"lstm","kind":"lstm"}}""", "kind", "JSON")]
    public void A_wrong_file_is_refused_with_key_and_expectation(string text, string key, string expectation)
    {
        var message = Assert.Throws<ConfigurationException>(() => ConfigurationFile.Parse(text)).Message;
        Assert.Contains(key, message, StringComparison.Ordinal);
        Assert.Contains(expectation, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Overrides_take_full_and_unique_short_keys()
    {
        var start = Preset.Get("digits").Configuration;
        var changed = ConfigurationFile.Override(start,
            ["model.latent_units=5", "learning_rate=0.5", "activation_clip=null", "seed=-3", "model.target_gradient_b=true"]);
        Assert.Equal(start with
        {
            Seed = -3,
            Model = start.Model with { LatentUnits = 5, TargetGradientB = true },
            Training = start.Training with { LearningRate = 0.5 },
        }, changed);
        foreach (var (wrong, part) in new[] { ("latent_unit=5", "latent_units"), ("latent_units", "key=value"), ("latent_units=x", "whole number"),
            ("learning_rate=NaN", "a positive number"), ("=5", "key=value") })
            Assert.Contains(part, Assert.Throws<ConfigurationException>(() => ConfigurationFile.Override(start, [wrong])).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> OutOfRange =>
    [
        "lstm_units=0", "mlp_units=-1", "latent_units=0", "frame_size=0", "alignment=2", "skip_probability=1.5", "leaky_relu_slope=1", "activation_clip=0",
        "log_variance_min=9", "alpha=-1", "beta=-1", "gamma=-1", "kl_weight=-1", "output_initialisation=-1", "embedding_initialisation=-1",
        "output_log_variance_min=9", "batch_size=0", "steps=-1", "learning_rate=0",
        "adam_beta1=1", "adam_beta2=-0.1", "adam_epsilon=0", "clip_norm=-1", "kl_weight_initial=2", "kl_warmup=-1", "evaluate_every=-1", "early_stop=-1",
        "twin_weight=-1", "free_bits=-1", "kl_hold=-1", "zoneout_cell=1", "zoneout_hidden=-0.1", "recurrent_dropout=1", "input_dropout=1",
        "output_dropout=1", "weight_noise=-1", "norm_stabiliser=-1",
    ];

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void A_value_out_of_range_is_refused_by_name(string assignment)
    {
        var configuration = ConfigurationFile.Override(Preset.Get("digits").Configuration, [assignment]);
        var message = Assert.Throws<ConfigurationException>(configuration.Validate).Message;
        Assert.Contains("." + assignment.Split('=')[0], message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kind=srnn", "prior=fixed", "prior is fixed; use learned")]
    [InlineData("kind=vrnn", "generator_input=h_z_b_tilde", "generator_input is h_z_b_tilde; use h")]
    [InlineData("kind=vrnn", "prior_input=h_x", "prior_input is h_x; use h")]
    [InlineData("prior=fixed", "prior_input=h_x", "prior_input is h_x; use h")]
    [InlineData("kind=vrnn", "latent_units=0", "latent_units is 0")]
    [InlineData("output_distribution=gaussian-mixture", "mixture_components=0", "mixture_components is 0; use a whole number from 1 to 512")]
    public void What_a_model_cannot_have_is_refused_with_the_fix(string first, string second, string expected)
    {
        var configuration = ConfigurationFile.Override(Preset.Get("digits").Configuration, [first, second]);
        Assert.Contains("model." + expected, Assert.Throws<ConfigurationException>(configuration.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_value_of_an_enumeration_is_set_read_and_written_by_the_name_that_it_declares()
    {
        foreach (var section in typeof(RunConfiguration).GetProperties())
            foreach (var property in section.PropertyType.GetProperties().Where(property => property.PropertyType.IsEnum))
            {
                var key = $"{section.Name}.{property.Name}".ToLowerInvariant();
                var path = ConfigurationKey.All.Single(known => known.Path.Replace("_", "", StringComparison.Ordinal) == key).Path;
                foreach (var value in Enum.GetValues(property.PropertyType))
                {
                    var name = property.PropertyType.GetField(value.ToString()!)!.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()!.Name;
                    var changed = ConfigurationFile.Override(new RunConfiguration(), [$"{path}={name}"]);
                    Assert.Equal(value, property.GetValue(section.GetValue(changed)));
                    Assert.Contains($"\"{path.Split('.')[1]}\": \"{name}\"", ConfigurationFile.ToText(changed), StringComparison.Ordinal);
                    Assert.Equal(changed, ConfigurationFile.Parse(ConfigurationFile.ToText(changed)));
                }
            }
    }

    [Fact]
    public void No_enumeration_is_the_serializer_s_which_every_start_would_wait_for()
        => Assert.DoesNotContain(
            new[] { typeof(RunConfiguration), typeof(DataConfiguration), typeof(ModelConfiguration), typeof(TrainingConfiguration) }
                .SelectMany(type => ConfigurationJson.Default.GetTypeInfo(type)!.Properties).Concat(DataIdentityJson.Default.DataIdentity.Properties),
            property => (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType).IsEnum);

    [Fact]
    public void The_widest_mixture_still_has_a_whole_number_of_outputs()
    {
        var model = new ModelConfiguration { OutputDistribution = OutputDistribution.GaussianMixture, MixtureComponents = 512, FrameSize = 1 << 20 };
        Assert.Equal(512L * (1 + 2 * (1 << 20)), model.OutputSize);
    }

    [Fact]
    public void Every_key_has_a_description_and_the_committed_document_is_current()
    {
        Assert.All(ConfigurationKey.All, key => Assert.NotEmpty(key.Description));
        Assert.Equal(ConfigurationDocument.ToMarkdown(), File.ReadAllText(Checkout.At("docs/configuration.md")));
    }
}
