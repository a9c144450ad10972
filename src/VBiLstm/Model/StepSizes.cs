using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>What decides on the sizes of a step's tensors.</summary>
/// <param name="MaximumSteps">Largest T of any batch.</param>
/// <param name="BatchSize">B.</param>
/// <param name="InputWidth">E.</param>
/// <param name="VocabularySize">V; 0 where the data are frames.</param>
/// <param name="InputGradient">
/// Whether the gradient of the inputs is computed, into de or, where the vocabulary is projected, at once into the embedding.
/// </param>
/// <param name="ProjectsVocabulary">Whether input projections are computed for each id of the vocabulary and gathered.</param>
/// <param name="OutputSteps">Time steps whose outputs exist at once.</param>
/// <param name="JoinsDirections">
/// Whether a forward and a backward LSTM that nothing but the same inputs feeds are one operation: the device has it, every sequence has the T of its batch,
/// and no state goes on to the next one, for the last cell is not kept.
/// </param>
/// <param name="Samples">Rows of each sequence, one for each sample of its latents: row s·(B / samples) + n is of sequence n.</param>
readonly record struct StepSizes(
    int MaximumSteps, int BatchSize, int InputWidth, int VocabularySize, bool InputGradient, bool ProjectsVocabulary, int OutputSteps,
    bool JoinsDirections, int Samples)
{
    // 64 MB: large vocabularies have more outputs over all time steps than anything else has values.
    public const long MaximumOutputs = 1 << 24;

    /// <summary>[T·B] rows of a sequence of predicted steps.</summary>
    public int Rows => checked(MaximumSteps * BatchSize);

    /// <summary>Of what is computed once for each sequence, whatever its latents.</summary>
    public StepSizes PerSequence => this with { BatchSize = BatchSize / Samples, Samples = 1 };

    /// <exception cref="ConfigurationException">A batch is too large for one array.</exception>
    public static StepSizes Of(
        Device device, ModelConfiguration model, int outputs, int maximumSteps, int batchSize, bool training, bool inputGradient, long maximumOutputs,
        int samples = 1, bool equalLengths = false)
    {
        SequenceBatch.CheckSize(maximumSteps, batchSize, model.IsCategorical ? 0 : model.FrameSize);
        var projects = model.IsCategorical && !inputGradient && !device.OpaqueRecurrences && model.InputDropout == 0
            && 2L * model.VocabularySize <= (long)maximumSteps * batchSize;
        return new StepSizes(maximumSteps, batchSize, model.InputSize, model.IsCategorical ? model.VocabularySize : 0,
            training && (inputGradient || model.IsCategorical), projects,
            (int)Math.Clamp(maximumOutputs / ((long)batchSize * outputs), 1, maximumSteps), equalLengths && device.JoinsDirections, samples);
    }
}
