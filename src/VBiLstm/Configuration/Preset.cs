namespace VBiLstm.Configuration;

/// <summary>A named starting configuration.</summary>
/// <param name="Name">As people give it.</param>
/// <param name="Description">One line: what it trains, how long it takes.</param>
/// <param name="Configuration">The values.</param>
public sealed record Preset(string Name, string Description, RunConfiguration Configuration)
{
    /// <summary>Every preset; the first is the default.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        new("digits", "the embedded digits row by row; about a minute on 2 cores",
            Run("digits", Small, new DataConfiguration { Binarisation = Binarisation.Stochastic }, SmallTraining)),
        new("digits-pixels", "the embedded digits pixel by pixel (784 steps a digit); an hour or two on 2 cores",
            Run("digits-pixels", Small with { FrameSize = 1 }, new DataConfiguration { Binarisation = Binarisation.Stochastic, View = ImageView.Pixels },
                SmallTraining)),
        new("seq-mnist", "the paper's sequential MNIST, pixel by pixel, at its size",
            Run("seq-mnist", Paper with { FrameSize = 1 }, BinarisedDigits with { View = ImageView.Pixels }, PaperTraining)),
        new("seq-mnist-rows", "the same row by row", Run("seq-mnist-rows", Paper, BinarisedDigits, PaperTraining)),
        new("ptb-char", "the paper's Penn Treebank, character by character, at its size",
            Run("ptb-char", PaperCharacters, Prepared("ptb-char"), PaperFastTraining with { BatchSize = 50 })),
        new("imdb", "the paper's sentences of fewer than 16 words at their size", Run("imdb", PaperWords, Prepared("imdb"), PaperFastTraining)),
        new("timit", "the paper's TIMIT at its size",
            Run("timit", PaperTimit, Prepared("timit") with { Window = SrnnWindow }, PaperFastTraining with { BatchSize = 128, LearningRate = 1e-4 })),
        new("blizzard", "the paper's Blizzard at its size", Run("blizzard", PaperBlizzard, Prepared("blizzard"), PaperFastTraining)),
        new("ptb-char-small", "the same tasks at a size for a CPU: characters",
            Run("ptb-char-small", SmallOf(PaperCharacters), Prepared("ptb-char"), SmallTraining with { LearningRate = 0.016 })),
        new("imdb-small", "sentences, a vocabulary of 5,000",
            Run("imdb-small", SmallOf(PaperWords) with { VocabularySize = 5000 }, Prepared("imdb"), SmallTraining with { LearningRate = 0.008 })),
        new("timit-small", "speech by TIMIT's protocol",
            Run("timit-small", SmallOfSpeech(PaperTimit), Prepared("timit") with { Window = SrnnWindow }, SmallTraining)),
        new("blizzard-small", "speech as rows", Run("blizzard-small", SmallOfSpeech(PaperBlizzard), Prepared("blizzard"), SmallTraining)),
    ];

    static ModelConfiguration Small => new() { LstmUnits = 128, MlpUnits = 128, LatentUnits = 32, Alpha = 0.001, Beta = 0 };

    // Text takes higher rates, chosen on validation among 0.004 to 0.032 (docs/results).
    static TrainingConfiguration SmallTraining => new()
    {
        Epochs = 0,
        Steps = 2000,
        LearningRateSchedule = LearningRateSchedule.Cosine,
        EvaluateEvery = 200,
    };

    static ModelConfiguration Paper => new() { LstmUnits = 1024, MlpUnits = 1024, LatentUnits = 256, Alpha = 0.001, Beta = 0 };

    static TrainingConfiguration PaperTraining => new() { LearningRate = 1e-4, Epochs = 100, EvaluateEvery = 1000, CheckpointEvery = 500 };

    static TrainingConfiguration PaperFastTraining => PaperTraining with { LearningRate = 1e-3 };

    static ModelConfiguration PaperCharacters => new()
    {
        OutputDistribution = OutputDistribution.Categorical,
        VocabularySize = 50,
        LstmUnits = 1024,
        MlpUnits = 1024,
        LatentUnits = 128,
        Alpha = 1,
        Beta = 1,
        Prior = PriorKind.Fixed,
    };

    static ModelConfiguration PaperWords => new()
    {
        OutputDistribution = OutputDistribution.Categorical,
        VocabularySize = 16000,
        LstmUnits = 500,
        MlpUnits = 500,
        LatentUnits = 64,
        Alpha = 1,
        Beta = 1,
    };

    // Half a second, where the folder was prepared as windows.
    const int SrnnWindow = 40;

    static ModelConfiguration PaperTimit => new()
    {
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 200,
        LstmUnits = 2048,
        MlpUnits = 1024,
        LatentUnits = 128,
        Alpha = 1,
    };

    static ModelConfiguration PaperBlizzard => PaperTimit with { LstmUnits = 1024, LatentUnits = 512, Beta = 1 };

    // The paper's α and β of 1 swamp the bound at this size: the densities of b and h are a hundred times the likelihood's nats (docs/results).
    static ModelConfiguration SmallOf(ModelConfiguration model) => model with { LstmUnits = 128, MlpUnits = 128, LatentUnits = 32, Alpha = 0.001, Beta = 0 };

    // Clipping hidden activations as Z-forcing does gains 28 nats a recording there, over eight seeds, and nothing on digits (docs/results).
    static ModelConfiguration SmallOfSpeech(ModelConfiguration model) => SmallOf(model) with { ActivationClip = 3 };

    static DataConfiguration BinarisedDigits => Prepared("binarized-mnist") with { Binarisation = Binarisation.Binary };

    static DataConfiguration Prepared(string name) => new() { Source = "data/" + name };

    /// <summary>The preset of that name.</summary>
    /// <param name="name">One of <see cref="All"/>.</param>
    /// <exception cref="ConfigurationException">There is none; names the nearest one.</exception>
    public static Preset Get(string name) => NearestName.Find("preset", name, All, preset => preset.Name);

    static RunConfiguration Run(string name, ModelConfiguration model, DataConfiguration data, TrainingConfiguration training)
        => new() { Preset = name, Model = model, Data = data, Training = training };
}
