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

    /// <summary>Rows of length 1 at right angles, in every LSTM of every model; values of either sign, and their neighbours' as without.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Orthogonal_recurrent_weights_have_orthonormal_rows(ModelKind kind)
    {
        var model = new ModelConfiguration { Kind = kind, FrameSize = 5, LstmUnits = 37, MlpUnits = 11, LatentUnits = 3 };
        using var device = new CpuDevice(1);
        using var uniform = new ModelParameters(device, model, training: false);
        using var orthogonal = new ModelParameters(device, model with { RecurrentInitialisation = RecurrentInitialisation.Orthogonal }, training: false);
        uniform.Initialise(3);
        orthogonal.Initialise(3);
        var recurrent = 0;
        foreach (var parameter in orthogonal.Layout.All)
        {
            var (rows, columns) = (parameter.Rows, parameter.Columns);
            var (drawn, plain) = (new float[rows * columns], new float[rows * columns]);
            device.Download(orthogonal.Value(parameter.Name), drawn);
            device.Download(uniform.Value(parameter.Name), plain);
            if (!parameter.Name.EndsWith("weight_recurrent", StringComparison.Ordinal))
            {
                Assert.Equal(plain, drawn);
                continue;
            }

            recurrent++;
            for (var i = 0; i < rows; i++)
                for (var j = 0; j <= i; j++)
                    Assert.Equal(i == j ? 1 : 0, Enumerable.Range(0, columns).Sum(k => (double)drawn[i * columns + k] * drawn[j * columns + k]), 1e-6);

            // One of n values of an orthonormal row has mean 0 and variance 1/n.
            Assert.InRange(drawn.Average(), -5 / Math.Sqrt((double)rows * columns * columns), 5 / Math.Sqrt((double)rows * columns * columns));
        }

        Assert.Equal(kind is ModelKind.Lstm or ModelKind.Vrnn ? 1 : 2, recurrent);
    }

    public static TheoryData<ModelKind> Kinds => [.. Enum.GetValues<ModelKind>()];
}
