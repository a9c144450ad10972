using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace VBiLstm.Data.Preparation;

/// <summary>How a corpus of recordings becomes splits and sequences.</summary>
/// <param name="Task">Name of the task.</param>
/// <param name="SampleRate">Samples a second that every recording must have; 0 where they need only agree.</param>
/// <param name="Cut">Of training and validation, and of test.</param>
/// <param name="TestCut">Of test.</param>
/// <param name="SplitOf">The split of a recording by its path; null for files that are none of the corpus.</param>
/// <param name="Description">Of splits and sequences, for the manifest.</param>
/// <param name="Licence">What may be done with the data.</param>
sealed record SpeechProtocol(string Task, int SampleRate, SpeechCut Cut, SpeechCut TestCut, Func<SourceFile, string?> SplitOf, string Description, string Licence)
{
    const int TimitShare = 20, BlizzardShare = 20, SpeechShare = 10;

    /// <summary>Every protocol.</summary>
    public static IReadOnlyList<SpeechProtocol> All { get; } =
    [
        new("timit", 16000, SpeechCut.Concatenated, SpeechCut.Whole, Timit,
            "The corpus's own folders TRAIN and TEST, one in 20 training speakers (by a hash of the name) for validation, all sentences, SA too; training and validation each concatenated and cut into rows, test sentences whole, samples behind the last whole frame dropped",
            "TIMIT: Linguistic Data Consortium, LDC93S1; by licence only."),
        new("blizzard", 16000, SpeechCut.Rows, SpeechCut.Rows, file => ByHash(file, BlizzardShare),
            "Each recording cut into rows, what does not fill one dropped; of 20 recordings (by a hash of the path) one for validation and one for test",
            "Blizzard Challenge: by licence only."),
        new("fsdd", 8000, SpeechCut.Concatenated, SpeechCut.Whole, SpokenDigits,
            "Recordings 0 to 4 of each digit and speaker for test (the corpus's own split), 5 to 9 for validation; training and validation each concatenated and cut into rows, test recordings whole, samples behind the last whole frame dropped",
            "Free Spoken Digit Dataset, CC BY-SA 4.0."),
        new("speech", 0, SpeechCut.RowsAndRest, SpeechCut.RowsAndRest, file => ByHash(file, SpeechShare),
            "Each recording cut into rows, the last one shorter, samples behind the last whole frame dropped; of 10 recordings (by a hash of the path) one for validation and one for test",
            "As the source says."),
    ];

    static string ByHash(SourceFile file, int shares) => (XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(file.RelativePath)) % (ulong)shares) switch { 0 => "validation", 1 => "test", _ => "train" };

    static string? Timit(SourceFile file)
    {
        var folders = file.RelativePath.ToUpperInvariant().Split('/');
        if (folders.Contains("TEST"))
            return "test";
        return !folders.Contains("TRAIN") || folders.Length < 2 ? null
            : XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(folders[^2])) % TimitShare == 0 ? "validation" : "train";
    }

    // digit_speaker_index.wav
    static string? SpokenDigits(SourceFile file)
    {
        var parts = Path.GetFileNameWithoutExtension(file.FileName).Split('_');
        return parts.Length == 3 && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index switch { < 5 => "test", < 10 => "validation", _ => "train" }
            : null;
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
