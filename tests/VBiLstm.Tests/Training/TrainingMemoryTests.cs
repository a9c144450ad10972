using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>What a training will take is known before, to the byte.</summary>
public class TrainingMemoryTests
{
    static readonly ModelConfiguration Small = new() { FrameSize = 5, LstmUnits = 12, MlpUnits = 9, LatentUnits = 3 };

    public static TheoryData<string, ModelConfiguration> Models => new()
    {
        { "images", Small },
        { "auxiliary", Small with { Alpha = 0.1, Beta = 0.1 } },
        { "plain LSTM", Small with { Kind = ModelKind.Lstm } },
        { "vocabulary projected", Small with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 8, EmbeddingSize = 6 } },
        { "vocabulary looked up", Small with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 500, EmbeddingSize = 6 } },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void What_is_measured_is_what_is_allocated(string name, ModelConfiguration model)
    {
        const int t = 7, b = 4;
        using var device = new CpuDevice(1);
        var memory = TrainingMemory.Measure(device, model, t, b);
        using var parameters = new ModelParameters(device, model, training: true);
        using var step = new TrainingStep(device, parameters, t, b, new TrainingConfiguration());
        Assert.Equal((parameters.Bytes, step.Bytes), (memory.ParameterBytes, memory.ActivationBytes));
        Assert.True(memory.RecurrenceBytes == 0, name);
    }

    [Theory]
    [InlineData(64, 48, 16, 28, 28, 32, 0.0)]
    [InlineData(64, 48, 16, 28, 28, 32, 0.1)]
    [InlineData(256, 128, 64, 28, 2000, 16, 0.1)]
    [InlineData(128, 256, 32, 200, 28, 512, 0.0)]
    [InlineData(2304, 2048, 128, 28, 28, 32, 0.1)]
    public void It_grows_as_the_documentation_of_profiles_says(int h, int m, int z, int d, int t, int b, double beta)
    {
        var model = new ModelConfiguration { FrameSize = d, LstmUnits = h, MlpUnits = m, LatentUnits = z, Alpha = 0.1, Beta = beta };
        using var device = new CpuDevice(1);
        foreach (var distribution in new[] { OutputDistribution.Bernoulli, OutputDistribution.Gaussian })
        {
            var memory = TrainingMemory.Measure(device, model with { OutputDistribution = distribution }, t, b);
            var parameters = new ParameterLayout(model with { OutputDistribution = distribution }).Count;
            AssertClose(16.0 * parameters, memory.ParameterBytes);
            Assert.Equal(8L * parameters, memory.WeightBytes);
            double step = 22 * h + 9 * m + 9 * z + 2 * d + 7;
            if (beta > 0)
                step += 2 * h + 2 * m + 1;
            if (distribution == OutputDistribution.Gaussian)
                step += d;
            AssertClose(4.0 * b * (t * step + 24 * h + 2 * m + z + d), memory.ActivationBytes);
        }

        // Tensors begin on cache lines, and some are of a few values.
        static void AssertClose(double documented, long bytes) => Assert.InRange(bytes, documented, documented * 1.002 + 64_000);
    }

    [Fact]
    public void Logits_of_a_large_vocabulary_take_no_more_than_64_MiB_however_long_the_sequences()
    {
        const long MaximumLogitBytes = 64 << 20;
        var words = Preset.Get("imdb").Configuration;
        using var device = new CpuDevice(1);
        long Activations(int vocabulary, int t)
            => TrainingMemory.Measure(device, words.Model with { VocabularySize = vocabulary }, t, words.Training.BatchSize).ActivationBytes;

        foreach (var t in new[] { 16, 100, 1000 })
        {
            // Too large in all cases to be projected id by id, so that only the logits differ.
            var difference = Activations(160_000, t) - Activations(40_000, t);
            Assert.InRange(difference, -MaximumLogitBytes, MaximumLogitBytes);
        }
    }

    [Theory]
    [InlineData("imdb", 16, 0.5)]
    [InlineData("ptb-char", 100, 1.3)]
    [InlineData("blizzard", 40, 1.0)]
    [InlineData("timit", 40, 3.0)]
    public void The_papers_models_at_their_batch_sizes_stay_within_the_stated_gigabytes(string preset, int t, double gigabytes)
    {
        var configuration = Preset.Get(preset).Configuration;
        using var device = new CpuDevice(1);
        Assert.InRange(TrainingMemory.Measure(device, configuration.Model, t, configuration.Training.BatchSize).Bytes / 1e9, 0, gigabytes);
    }
}
