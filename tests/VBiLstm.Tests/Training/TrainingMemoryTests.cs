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
        using var step = new TrainingStep(device, parameters, t, b, training: true);
        Assert.Equal((parameters.Bytes, step.Bytes), (memory.ParameterBytes, memory.ActivationBytes));
        Assert.True(memory.RecurrenceBytes == 0, name);
    }
}
