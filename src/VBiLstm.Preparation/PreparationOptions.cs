using System.Globalization;
using VBiLstm.Configuration;

namespace VBiLstm.Preparation;

/// <summary>How speech becomes sequences, and what of them is predicted.</summary>
public enum SequenceProtocol
{
    /// <summary>Every sequence begins behind a frame of zeros, and all of its frames are predicted.</summary>
    ZeroStart,

    /// <summary>
    /// As SRNN's public preparation (Fraccaro et al. 2016): training and validation are one stream each, whose windows begin with the true frame before them;
    /// of a test sentence the first frame is only read.
    /// </summary>
    Srnn,
}

/// <summary>What a user chooses of a preparation; each task uses those that it names.</summary>
public sealed record PreparationOptions
{
    const long MaximumRowSamples = 1 << 30;

    /// <summary>V, token ids of a word vocabulary, the begin, the end and the unknown word among them.</summary>
    public int Vocabulary { get; init; } = 16000;

    /// <summary>Words of the longest sentence that is kept.</summary>
    public int MaximumWords { get; init; } = 15;

    /// <summary>Encodings of texts as the command line spells them.</summary>
    public static IReadOnlyDictionary<string, TextEncoding> Encodings => TextEncodings.ByName;

    /// <summary>Of texts.</summary>
    public TextEncoding Encoding { get; init; } = TextEncoding.Utf8;

    /// <summary>Characters of the training text from its begin; 0 for all.</summary>
    public long TrainingCharacters { get; init; }

    /// <summary>D, samples of a frame of speech (null: 200), or numbers of a frame in a column of flat lists.</summary>
    public int? FrameSize { get; init; }

    /// <summary>D of speech where the user did not say.</summary>
    public const int SpeechFrameSize = 200;

    /// <inheritdoc cref="ColumnChoice.Sequence"/>
    public string? Sequence { get; init; }

    /// <inheritdoc cref="ColumnChoice.Values"/>
    public IReadOnlyList<string> Values { get; init; } = [];

    internal ColumnChoice Columns => new(Sequence, Values, FrameSize);

    /// <summary>Frames of a row of speech.</summary>
    public int RowFrames { get; init; } = 40;

    /// <summary>Whether each sample of speech gets uniform noise of a least significant bit's width.</summary>
    public bool Dither { get; init; } = true;

    /// <summary>Whether rows and columns of images are exchanged; null where the user did not say.</summary>
    public bool? Transpose { get; init; }

    /// <summary>Protocols of speech as the command line spells them.</summary>
    public static IReadOnlyDictionary<string, SequenceProtocol> Protocols { get; } = new Dictionary<string, SequenceProtocol>
    {
        ["zero-start"] = SequenceProtocol.ZeroStart,
        ["srnn"] = SequenceProtocol.Srnn,
    };

    /// <summary>Of speech.</summary>
    public SequenceProtocol Protocol { get; init; }

    /// <summary>Whether TIMIT's sentences SA1 and SA2, which every speaker reads, are left out.</summary>
    public bool WithoutSa { get; init; }

    /// <summary>Whether the test split is TIMIT's core test set of 24 speakers.</summary>
    public bool CoreTest { get; init; }

    /// <summary>Whether files that cannot be read are left out, not errors.</summary>
    public bool SkipUnreadable { get; init; }

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
        var frameSize = FrameSize ?? SpeechFrameSize;
        Check("--frame-size", frameSize, 1, 1 << 16);
        Check("--row-frames", RowFrames, 1, 1 << 16);
        if ((long)frameSize * RowFrames > MaximumRowSamples)
            throw new ConfigurationException($"--frame-size times --row-frames is {(long)frameSize * RowFrames:N0} samples a row; "
                + $"{MaximumRowSamples:N0} are the most.");
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
    internal Dictionary<string, string> Describe(IReadOnlyCollection<string> names)
    {
        // Those that came later are named where they are used, so that what was prepared before is known again.
        var described = names.Where(name => name switch
        {
            "transpose" => Transpose is not null,
            "protocol" => Protocol != SequenceProtocol.ZeroStart,
            "row-frames" => Protocol == SequenceProtocol.ZeroStart,
            "without-sa" => WithoutSa,
            "test" => CoreTest,
            "sample-rate" => SampleRate > 0,
            "channel" => Channel > 0,
            "sequence" => Sequence is not null,
            "values" => Values.Count > 0,
            "frame-size" => FrameSize is not null || names.Contains("row-frames"), // speech always has one
            _ => true
        }).ToDictionary(name => name, Describe);
        if (SkipUnreadable)
            described["skip-unreadable"] = "true";
        return described;
    }

    string Describe(string name) => name switch
    {
        "vocabulary" => Vocabulary.ToString(CultureInfo.InvariantCulture),
        "max-words" => MaximumWords.ToString(CultureInfo.InvariantCulture),
        "encoding" => TextEncodings.Name(Encoding),
        "train-characters" => TrainingCharacters.ToString(CultureInfo.InvariantCulture),
        "sequence" => Sequence!,
        "values" => string.Join(", ", Values),
        "frame-size" => (FrameSize ?? SpeechFrameSize).ToString(CultureInfo.InvariantCulture),
        "row-frames" => RowFrames.ToString(CultureInfo.InvariantCulture),
        "dither" => Dither ? "true" : "false",
        "sample-rate" => SampleRate.ToString(CultureInfo.InvariantCulture),
        "channel" => Channel.ToString(CultureInfo.InvariantCulture),
        "transpose" => Transpose == true ? "true" : "false",
        "protocol" => Protocols.Single(protocol => protocol.Value == Protocol).Key,
        "without-sa" => "true",
        "test" => "core",
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such option."),
    };
}
