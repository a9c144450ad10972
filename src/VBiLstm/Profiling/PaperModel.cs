using VBiLstm.Configuration;

namespace VBiLstm.Profiling;

/// <summary>
/// The paper's five models by their shapes alone (model.md section 10), data sets that this program does not read included. Where the paper is silent: the defaults,
/// so an embedding of 64 for words and letters.
/// </summary>
/// <param name="Name">The paper's data set.</param>
/// <param name="TimeSteps">T of a training window.</param>
/// <param name="Configuration">Model and batch size.</param>
public sealed record PaperModel(string Name, int TimeSteps, RunConfiguration Configuration)
{
    public static IReadOnlyList<PaperModel> All { get; } =
    [
        // Half-second rows of 40 frames.
        New("blizzard", 40, 32, new() { OutputDistribution = OutputDistribution.Gaussian, FrameSize = 200, LstmUnits = 1024, MlpUnits = 1024, LatentUnits = 512, Alpha = 1, Beta = 1 }),
        New("timit", 40, 128, new() { OutputDistribution = OutputDistribution.Gaussian, FrameSize = 200, LstmUnits = 2048, MlpUnits = 1024, LatentUnits = 128, Alpha = 1 }),
        New("seq-mnist", 784, 32, new() { FrameSize = 1, LstmUnits = 1024, MlpUnits = 1024, LatentUnits = 256, Alpha = 0.001 }),

        // Up to 15 words and the end of the sentence.
        New("imdb", 16, 32, new() { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 16000, LstmUnits = 500, MlpUnits = 500, LatentUnits = 64, Alpha = 1, Beta = 1 }),
        New("ptb-char", 100, 50, new() { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 50, LstmUnits = 1024, MlpUnits = 1024, LatentUnits = 128, Alpha = 1, Beta = 1, Prior = PriorKind.Fixed }),
    ];

    static PaperModel New(string name, int timeSteps, int batchSize, ModelConfiguration model)
        => new(name, timeSteps, new RunConfiguration { Model = model, Training = new TrainingConfiguration { BatchSize = batchSize } });
}
