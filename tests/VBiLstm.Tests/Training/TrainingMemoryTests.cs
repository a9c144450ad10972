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
