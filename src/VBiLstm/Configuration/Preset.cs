namespace VBiLstm.Configuration;

/// <summary>A named starting configuration.</summary>
/// <param name="Name">As given to <c>--preset</c>.</param>
/// <param name="Description">One line: what it trains, how long it takes.</param>
/// <param name="Configuration">The values.</param>
public sealed record Preset(string Name, string Description, RunConfiguration Configuration)
{
    /// <summary>Every preset; the first is the default.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        new("digits", "the embedded digits row by row; about a minute on 2 cores", Run("digits", Small, new DataConfiguration { Binarisation = Binarisation.Stochastic }, SmallTraining)),
        new("digits-pixels", "the embedded digits pixel by pixel (784 steps a digit); an hour or two on 2 cores",
            Run("digits-pixels", Small with { FrameSize = 1 }, new DataConfiguration { Binarisation = Binarisation.Stochastic, View = ImageView.Pixels }, SmallTraining)),
        new("seq-mnist", "the paper's sequential MNIST, pixel by pixel, at its size; needs --data and patience",
            Run("seq-mnist", Paper with { FrameSize = 1 }, new DataConfiguration { View = ImageView.Pixels }, PaperTraining)),
        new("seq-mnist-rows", "the same row by row", Run("seq-mnist-rows", Paper, new DataConfiguration(), PaperTraining)),
    ];

    static ModelConfiguration Small => new() { LstmUnits = 128, MlpUnits = 128, LatentUnits = 32, Alpha = 0.001, Beta = 0 };

    static TrainingConfiguration SmallTraining => new()
    {
        Epochs = 0,
        Steps = 2000,
        LearningRateSchedule = LearningRateSchedule.Cosine,
        EvaluateEvery = 200,
    };

    static ModelConfiguration Paper => new() { LstmUnits = 1024, MlpUnits = 1024, LatentUnits = 256, Alpha = 0.001, Beta = 0 };

    static TrainingConfiguration PaperTraining => new() { LearningRate = 1e-4, Epochs = 100, EvaluateEvery = 1000, CheckpointEvery = 500 };

    /// <summary>The preset of that name. Throws <see cref="ConfigurationException"/> naming the nearest one.</summary>
    public static Preset Get(string name) => All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new ConfigurationException($"There is no preset {name}; did you mean {NearestName.Of(name, All.Select(preset => preset.Name))}? Presets: {string.Join(", ", All.Select(preset => preset.Name))}.");

    static RunConfiguration Run(string name, ModelConfiguration model, DataConfiguration data, TrainingConfiguration training)
        => new() { Preset = name, Model = model, Data = data, Training = training };
}
