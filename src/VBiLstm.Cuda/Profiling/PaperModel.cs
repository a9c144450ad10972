using VBiLstm.Configuration;

namespace VBiLstm.Cuda.Profiling;

/// <summary>
/// The paper's five models by their presets (model.md section 10), and the length of their sequences, so that their cost is known without the data.
/// </summary>
/// <param name="Name">The paper's data set.</param>
/// <param name="TimeSteps">T of a training window.</param>
/// <param name="Configuration">Model and batch size.</param>
sealed record PaperModel(string Name, int TimeSteps, RunConfiguration Configuration)
{
    public static IReadOnlyList<PaperModel> All { get; } =
    [
        // Half-second rows of 40 frames.
        Of("blizzard", 40),
        Of("timit", 40),
        Of("seq-mnist", 784),

        // Up to 15 words and the end of the sentence.
        Of("imdb", 16),
        Of("ptb-char", 100),
    ];

    static PaperModel Of(string preset, int timeSteps) => new(preset, timeSteps, Preset.Get(preset).Configuration);
}
