using System.Diagnostics.CodeAnalysis;
using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>The three splits of a data set.</summary>
/// <param name="Train">For training.</param>
/// <param name="Validation">For choosing the best checkpoint.</param>
/// <param name="Test">For the figure at the end.</param>
/// <param name="Description">One line for people: what was read, from where, how it was split.</param>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The splits own their data sets.")]
public sealed record DataSplits(SequenceDataset Train, SequenceDataset Validation, SequenceDataset Test, string Description) : IDisposable
{
    DataIdentity? _identity;

    /// <summary>
    /// Where they come from, as <see cref="DataConfiguration.Source"/> says it; <see cref="DataConfiguration.InMemory"/> for splits that a program made.
    /// </summary>
    public string Source { get; init; } = DataConfiguration.InMemory;

    /// <summary>Texts of the tokens by their ids; empty for frames.</summary>
    public IReadOnlyList<string> Vocabulary { get; init; } = [];

    /// <summary>For speech; null for other data.</summary>
    public SpeechScale? Speech { get; init; }

    /// <summary>Predicted steps of the longest sequence of any split.</summary>
    public int MaximumLength => Math.Max(Train.MaximumLength, Math.Max(Validation.MaximumLength, Test.MaximumLength));

    /// <summary>
    /// Predicted steps of the longest sequence that a run meets before its end; test sequences may be far longer (whole sentences of speech).
    /// </summary>
    internal int TrainingLength => Math.Max(Train.MaximumLength, Validation.MaximumLength);

    /// <summary>Whether that holds of each split that a run meets before its end.</summary>
    internal bool TrainsOnEqualLengths => Train.HasEqualLengths && Validation.HasEqualLengths;

    /// <summary>The split of that name: train, validation or test.</summary>
    internal SequenceDataset Of(string name) => name switch
    {
        "train" => Train,
        "validation" => Validation,
        "test" => Test,
        _ => throw new DataException($"There is no split {Printable.Text(name)}; use train, validation or test."),
    };

    /// <summary>Rows with which a split of longer sequences takes no more memory than <paramref name="batchSize"/> rows of training.</summary>
    internal int EvaluationBatchSize(SequenceDataset split, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(split);
        return split.MaximumLength <= TrainingLength ? batchSize : (int)Math.Max(1, (long)batchSize * TrainingLength / split.MaximumLength);
    }

    /// <summary>Checksums and whatever else a run remembers; reads everything, the first time.</summary>
    /// <exception cref="DataException">A file cannot be read.</exception>
    internal DataIdentity Identify() => _identity ??= DataIdentity.Of(this);

    /// <summary>Closes the files behind the splits.</summary>
    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
    }

    /// <summary>Throws <see cref="ConfigurationException"/> where the model does not have the data's frame size or vocabulary.</summary>
    internal void CheckFits(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.IsCategorical)
        {
            if (Train.VocabularySize == 0)
                throw new ConfigurationException("model.output_distribution is categorical, but the data are frames; use bernoulli or gaussian.");
            if (Train.VocabularySize != model.VocabularySize)
                throw new ConfigurationException($"model.vocabulary_size is {model.VocabularySize}, but the data have {Train.VocabularySize} token ids; "
                    + $"set model.vocabulary_size={Train.VocabularySize}.");
        }
        else if (Train.FrameSize != model.FrameSize)
        {
            throw new ConfigurationException($"model.frame_size is {model.FrameSize}, but the data have frames of {Train.FrameSize}; "
                + $"set model.frame_size={Train.FrameSize} (or another data.view).");
        }
    }
}
