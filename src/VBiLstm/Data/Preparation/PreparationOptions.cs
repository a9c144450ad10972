using System.Globalization;
using VBiLstm.Configuration;

namespace VBiLstm.Data.Preparation;

/// <summary>What a user chooses of a preparation; each task uses those that it names.</summary>
public sealed record PreparationOptions
{
    /// <summary>V, token ids of a word vocabulary, the begin, the end and the unknown word among them.</summary>
    public int Vocabulary { get; init; } = 16000;

    /// <summary>Words of the longest sentence that is kept.</summary>
    public int MaximumWords { get; init; } = 15;

    /// <summary>Of texts.</summary>
    public TextEncoding Encoding { get; init; } = TextEncoding.Utf8;

    /// <summary>Characters of the training text from its begin; 0 for all.</summary>
    public long TrainingCharacters { get; init; }

    /// <summary>D, samples of a frame of speech.</summary>
    public int FrameSize { get; init; } = 200;

    /// <summary>Frames of a row of speech.</summary>
    public int RowFrames { get; init; } = 40;

    /// <summary>Whether each sample of speech gets uniform noise of a least significant bit's width.</summary>
    public bool Dither { get; init; } = true;

    /// <summary>Samples a second that every recording is converted to; 0 to leave them as they are.</summary>
    public int SampleRate { get; init; }

    /// <summary>The channel that is taken of recordings, from 1; 0 for the mean of all.</summary>
    public int Channel { get; init; }

    /// <summary>Throws <see cref="ConfigurationException"/> naming the option, its value and what is expected.</summary>
    public void Validate()
    {
        Check("--vocabulary", Vocabulary, 4, 1 << 24);
        Check("--max-words", MaximumWords, 2, 10_000);
        Check("--train-characters", TrainingCharacters, 0, int.MaxValue - 1);
        Check("--frame-size", FrameSize, 1, 1 << 16);
        Check("--row-frames", RowFrames, 1, 1 << 16);
        Check("--channel", Channel, 0, 1 << 16);
        if (SampleRate != 0)
            Check("--sample-rate", SampleRate, 1000, 192_000);
    }

    static void Check(string name, long value, long least, long most)
    {
        if (value < least || value > most)
            throw new ConfigurationException($"{name} is {value}; use {least} to {most}.");
    }

    /// <summary>The options that a task uses, as the command line spells them.</summary>
    internal Dictionary<string, string> Describe(IEnumerable<string> names) => names.ToDictionary(name => name, name => name switch
    {
        "vocabulary" => Vocabulary.ToString(CultureInfo.InvariantCulture),
        "max-words" => MaximumWords.ToString(CultureInfo.InvariantCulture),
        "encoding" => Encoding == TextEncoding.Utf8 ? "utf-8" : "latin-1",
        "train-characters" => TrainingCharacters.ToString(CultureInfo.InvariantCulture),
        "frame-size" => FrameSize.ToString(CultureInfo.InvariantCulture),
        "row-frames" => RowFrames.ToString(CultureInfo.InvariantCulture),
        "dither" => Dither ? "true" : "false",
        "sample-rate" => SampleRate.ToString(CultureInfo.InvariantCulture),
        "channel" => Channel.ToString(CultureInfo.InvariantCulture),
        _ => throw new ArgumentOutOfRangeException(nameof(names), name, "No such option."),
    });
}
