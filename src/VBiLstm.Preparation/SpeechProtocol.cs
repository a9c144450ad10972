using System.Globalization;
using System.IO.Hashing;
using System.Text;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>How a corpus of recordings becomes splits and sequences.</summary>
/// <param name="Task">Name of the task.</param>
/// <param name="SampleRate">Samples a second that every recording must have; 0 where they need only agree.</param>
/// <param name="Cut">Of training and validation, and of test.</param>
/// <param name="TestCut">Of test.</param>
/// <param name="SplitOf">The split of a recording by its path, or why it is none of the data.</param>
/// <param name="Description">Of splits and sequences, for the manifest.</param>
/// <param name="Licence">What may be done with the data.</param>
/// <param name="StreamDescription">As <paramref name="Description"/>, by SRNN's protocol; empty where that has no meaning.</param>
sealed record SpeechProtocol(string Task, int SampleRate, SpeechCut Cut, SpeechCut TestCut,
    Func<SourceFile, PreparationOptions, (string? Split, string? Reason)> SplitOf, string Description, string Licence, string StreamDescription = "")
{
    const int TimitShare = 20, BlizzardShare = 20, SpeechShare = 10;

    const string Stream = "; by SRNN's protocol: training and validation each one stream in the order of the paths, whose windows begin with the true frame "
        + "before them, and of every test recording the first frame is only read; samples behind the last whole frame dropped";

    // Two men and a woman of each dialect region, as the corpus's documentation lists them.
    static readonly string[] CoreTestSpeakers =
    [
        "MDAB0", "MWBT0", "FELC0", "MTAS1", "MWEW0", "FPAS0", "MJMP0", "MLNT0", "FPKT0", "MLLL0", "MTLS0", "FJLM0",
        "MBPM0", "MKLT0", "FNLP0", "MCMJ0", "MJDH0", "FMGD0", "MGRT0", "MNJM0", "FDHC0", "MJLN0", "MPAM0", "FMLD0",
    ];

    /// <summary>Every protocol.</summary>
    public static IReadOnlyList<SpeechProtocol> All { get; } =
    [
        new("timit", 16000, SpeechCut.Concatenated, SpeechCut.Whole, Timit,
            "The corpus's own folders TRAIN and TEST, one in 20 training speakers (by a hash of the name) for validation, all sentences, SA too; "
                + "training and validation each concatenated and cut into rows, test sentences whole, samples behind the last whole frame dropped",
            "TIMIT: Linguistic Data Consortium, LDC93S1; by licence only.",
            "The corpus's own folders TRAIN and TEST, one in 20 training sentences (by a hash of speaker and sentence) for validation, all sentences, SA too"
                + Stream),
        new("blizzard", 16000, SpeechCut.Rows, SpeechCut.Rows, (file, _) => (ByHash(file, BlizzardShare), null),
            "Each recording cut into rows, what does not fill one dropped; of 20 recordings (by a hash of the path) one for validation and one for test",
            "Blizzard Challenge: by licence only."),
        new("fsdd", 8000, SpeechCut.Concatenated, SpeechCut.Whole, (file, _) => SpokenDigits(file),
            "Recordings 0 to 4 of each digit and speaker for test (the corpus's own split), 5 to 9 for validation; "
                + "training and validation each concatenated and cut into rows, test recordings whole, samples behind the last whole frame dropped",
            "Free Spoken Digit Dataset, CC BY-SA 4.0.",
            "Recordings 0 to 4 of each digit and speaker for test (the corpus's own split), 5 to 9 for validation" + Stream),
        new("speech", 0, SpeechCut.RowsAndRest, SpeechCut.RowsAndRest, (file, _) => (ByHash(file, SpeechShare), null),
            "Each recording cut into rows, the last one shorter, samples behind the last whole frame dropped; of 10 recordings (by a hash of the path) "
                + "one for validation and one for test",
            SourceLicence.Unknown),
    ];

    static string ByHash(SourceFile file, int shares)
        => (XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(file.RelativePath)) % (ulong)shares) switch { 0 => "validation", 1 => "test", _ => "train" };

    /// <summary>Whether a file is, by a hash of its path, the one of so many.</summary>
    public static bool IsOneOf(SourceFile file, int shares) => ByHash(file, shares) == "validation";

    // A folder that was given by itself names the split too.
    static (string? Split, string? Reason) Timit(SourceFile file, PreparationOptions options)
    {
        var folders = file.Entry.NamePath.ToUpperInvariant().Split('/');
        string[] around = [.. Path.GetDirectoryName(Path.GetFullPath(file.Entry.Disk))!.ToUpperInvariant().Split(Path.DirectorySeparatorChar), .. folders];
        if (folders.Length < 2 || around.LastOrDefault(folder => folder is "TRAIN" or "TEST") is not { } part)
            return (null, "in no folder TRAIN or TEST");
        var (speaker, sentence) = (folders[^2], folders[^1].Split('.')[0]);
        if (options.WithoutSa && (sentence is "SA1" or "SA2"))
            return (null, "SA sentences (--without-sa)");
        if (part == "TEST")
            return options.CoreTest && !CoreTestSpeakers.Contains(speaker) ? (null, "not of the core test set") : ("test", null);
        // SRNN holds out sentences, whose speakers training hears too.
        var heldOut = options.Protocol == SequenceProtocol.Srnn ? $"{speaker}/{sentence}" : speaker;
        return (XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(heldOut)) % TimitShare == 0 ? "validation" : "train", null);
    }

    // digit_speaker_index.wav
    static (string? Split, string? Reason) SpokenDigits(SourceFile file)
    {
        var parts = Path.GetFileNameWithoutExtension(file.FileName).Split('_');
        return parts.Length == 3 && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? (index switch { < 5 => "test", < 10 => "validation", _ => "train" }, null)
            : (null, "not named digit_speaker_index");
    }
}

/// <summary>How recordings become sequences of frames.</summary>
enum SpeechCut
{
    /// <summary>All recordings in a row, cut into rows of frames; the last one is shorter.</summary>
    Concatenated,

    /// <summary>Each recording into full rows.</summary>
    Rows,

    /// <summary>Each recording into rows, the last one shorter.</summary>
    RowsAndRest,

    /// <summary>Each recording is one sequence.</summary>
    Whole,
}
