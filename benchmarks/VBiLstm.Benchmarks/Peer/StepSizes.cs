using System.Text.Json.Serialization;
using VBiLstm.Configuration;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>Sizes of a training step: H, M, Z, B, T and what is predicted.</summary>
sealed record StepSizes(int Hidden, int Mlp, int Latent, int Batch, int Steps, Head Head, int Width)
{
    const int MaximumEmbedding = 256;

    public static IReadOnlyDictionary<string, StepSizes> Presets { get; } = new Dictionary<string, StepSizes>(StringComparer.Ordinal)
    {
        ["small-rows"] = new(256, 256, 64, 32, 28, Head.Bernoulli, 28),
        ["small-char"] = new(256, 256, 64, 32, 50, Head.Categorical, 50),
        ["paper-mnist-rows"] = new(1024, 1024, 256, 32, 28, Head.Bernoulli, 28),
        ["paper-ptb"] = new(1024, 1024, 128, 50, 50, Head.Categorical, 50),
    };

    /// <summary>The whole model with both auxiliary costs; embeddings of a categorical model are half as wide as the LSTM, at most 256.</summary>
    [JsonIgnore]
    public ModelConfiguration Model => new()
    {
        OutputDistribution = Head switch
        {
            Head.Bernoulli => OutputDistribution.Bernoulli,
            Head.Gaussian => OutputDistribution.Gaussian,
            _ => OutputDistribution.Categorical
        },
        FrameSize = Head == Head.Categorical ? 0 : Width,
        VocabularySize = Head == Head.Categorical ? Width : 0,
        EmbeddingSize = Math.Min(MaximumEmbedding, Hidden / 2),
        LstmUnits = Hidden,
        MlpUnits = Mlp,
        LatentUnits = Latent,
        Alpha = 0.1,
        Beta = 0.1,
    };

    [JsonIgnore]
    public RunConfiguration Configuration => new() { Model = Model, Training = new TrainingConfiguration { BatchSize = Batch } };
}

/// <summary>Output distribution.</summary>
enum Head
{
    Bernoulli,
    Categorical,
    Gaussian,
}
