using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>The values of parameters before the first step.</summary>
public class InitialisationTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(2.5)]
    public void Embeddings_are_normal_with_the_deviation_that_is_asked_for(double deviation)
    {
        var model = new ModelConfiguration
        {
            Kind = ModelKind.Lstm,
            OutputDistribution = OutputDistribution.Categorical,
            VocabularySize = 500,
            EmbeddingSize = 40,
            LstmUnits = 2,
            MlpUnits = 2,
            EmbeddingInitialisation = deviation,
        };
        using var device = new CpuDevice(1);
        using var parameters = new ModelParameters(device, model, training: false);
        parameters.Initialise(3);
        var values = new float[model.VocabularySize * model.EmbeddingSize];
        device.Download(parameters.Value("embedding.weight"), values);
        var n = values.Length;
        var variance = values.Sum(value => (double)value * value) / n;
        Assert.InRange(values.Average(), -5 * deviation / Math.Sqrt(n), 5 * deviation / Math.Sqrt(n));
        Assert.InRange(variance, deviation * deviation * (1 - 5 * Math.Sqrt(2.0 / n)), deviation * deviation * (1 + 5 * Math.Sqrt(2.0 / n)));
        var within = values.Count(value => Math.Abs(value) <= deviation) / (double)n;
        if (deviation > 0)
            Assert.InRange(within, 0.6827 - 0.017, 0.6827 + 0.017);
    }
}
