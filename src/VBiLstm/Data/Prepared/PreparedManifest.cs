using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBiLstm.Data.Prepared;

/// <summary>What the values of a prepared data set are.</summary>
enum PreparedKind
{
    /// <summary>Token ids, int32.</summary>
    [JsonStringEnumMemberName("tokens")] Tokens,

    /// <summary>Frames of D standardised samples, float32.</summary>
    [JsonStringEnumMemberName("frames")] Frames,

    /// <summary>Images of height × width pixels, bytes.</summary>
    [JsonStringEnumMemberName("images")] Images,
}

/// <summary>One split of a prepared data set.</summary>
sealed record PreparedSplit
{
    /// <summary>Sequences: texts, sentences, rows of speech, images.</summary>
    public required int Sequences { get; init; }

    /// <summary>Tokens, frames or images of all sequences together.</summary>
    public required long Values { get; init; }

    /// <summary>Values of the longest sequence.</summary>
    public required int Longest { get; init; }

    /// <summary>Checksum of the split's file, lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }
}

/// <summary>A file, folder or archive that a data set was prepared from.</summary>
sealed record PreparedSource
{
    public required string Path { get; init; }

    /// <summary>Bytes of its files.</summary>
    public required long Bytes { get; init; }

    /// <summary>Checksum of a file; of the names, sizes and contents of a folder's files.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The split that the user said it is of; null where names told.</summary>
    public string? Split { get; init; }
}

/// <summary>Files that a preparation did not read, and why.</summary>
sealed record PreparedLeftOut
{
    public required string Reason { get; init; }

    /// <summary>Paths of the files, and of the archives around them.</summary>
    public required IReadOnlyList<string> Names { get; init; }
}

/// <summary>What a prepared data set is: its file manifest.json.</summary>
sealed record PreparedManifest
{
    /// <summary>The value of <see cref="Format"/>.</summary>
    public const string FormatName = "vbilstm-data";

    /// <summary>The version of the format that this program writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Name of the file in the folder.</summary>
    public const string FileName = "manifest.json";

    public string Format { get; init; } = FormatName;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name of the task, as given to <c>vbilstm data prepare</c>.</summary>
    public required string Task { get; init; }

    /// <summary>What was done with the raw files, in a sentence or two.</summary>
    public required string Preparation { get; init; }

    /// <summary>What may be done with the data.</summary>
    public required string Licence { get; init; }

    public required PreparedKind Kind { get; init; }

    /// <summary>The unit of results.</summary>
    public required TaskUnit Unit { get; init; }

    /// <summary>D of frames; 0 for others.</summary>
    public int FrameSize { get; init; }

    /// <summary>Pixels of an image; 0 for others.</summary>
    public int Height { get; init; }

    /// <summary>Pixels of an image; 0 for others.</summary>
    public int Width { get; init; }

    /// <summary>V of token ids; 0 for others.</summary>
    public int VocabularySize { get; init; }

    /// <summary>
    /// Whether each split is one long text, to be read as windows. Of frames: whether training and validation are one long sequence each, to be read as
    /// windows, and the first frame of every test sequence is only read.
    /// </summary>
    public bool IsStream { get; init; }

    /// <summary>Samples a second; 0 where there is no sound.</summary>
    public int SampleRate { get; init; }

    /// <summary>Of the training samples on the 16-bit scale; 0 where there is no sound.</summary>
    public double Mean { get; init; }

    /// <summary>Of the training samples on the 16-bit scale; 0 where there is no sound.</summary>
    public double Deviation { get; init; }

    /// <summary>Counts that the preparation reports: words outside of the vocabulary, samples dropped, …</summary>
    public IReadOnlyDictionary<string, long> Statistics { get; init; } = new Dictionary<string, long>();

    /// <summary>The options of the preparation, by their names.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    public required IReadOnlyList<PreparedSource> Sources { get; init; }

    /// <summary>How many files the data were read from; null in manifests that do not say.</summary>
    public int? FilesRead { get; init; }

    /// <summary>What the files were packed in; null in manifests that do not say.</summary>
    public IReadOnlyList<string>? Unpacked { get; init; }

    /// <summary>The other files of the sources; null in manifests that do not say.</summary>
    public IReadOnlyList<PreparedLeftOut>? LeftOut { get; init; }

    /// <summary>Checksum of the vocabulary's file; null where there is none and in manifests that do not say.</summary>
    public string? VocabularySha256 { get; init; }

    /// <summary>By name: train, validation, test.</summary>
    public IReadOnlyDictionary<string, PreparedSplit> Splits { get; init; } = new Dictionary<string, PreparedSplit>();

    /// <summary>Checksum of this file as it is with zeros here; null in manifests that do not say. Set by <see cref="Write"/>.</summary>
    public string? ManifestSha256 { get; init; }

    /// <summary>Name of a split's file.</summary>
    public static string SplitFile(string split) => split + ".bin";

    /// <summary>Bytes of one value.</summary>
    [JsonIgnore]
    public long ValueBytes => Kind switch
    {
        PreparedKind.Tokens => sizeof(int),
        PreparedKind.Frames => (long)FrameSize * sizeof(float),
        _ => (long)Height * Width,
    };

    /// <summary>Reads and checks the manifest of a folder.</summary>
    /// <exception cref="DataException">Missing, not JSON, of another version, or a field that cannot be; the message names the file and the field.</exception>
    public static PreparedManifest Read(string folder) => ReadFile(Path.Combine(folder, FileName));

    /// <summary>As <see cref="Read"/>, of a file of any name.</summary>
    public static PreparedManifest ReadFile(string path)
    {
        PreparedManifest manifest;
        byte[] content;
        try
        {
            content = SharedFile.ReadAllBytes(path);
            manifest = JsonSerializer.Deserialize(content, PreparedJson.Default.PreparedManifest)
                ?? throw new DataException($"{path} holds null where a manifest should stand.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path} cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}, line {e.LineNumber + 1}: not a manifest: {e.Message} Prepare the data again.", e);
        }

        manifest.Check(path);
        if (manifest.ManifestSha256 is { } checksum && Checksum(content, checksum) != checksum)
            throw new DataException($"{path} was changed after it was written: it does not have the checksum {Printable.Text(checksum)} any more. "
                + "Prepare the data again.");
        return manifest;
    }

    // Of the bytes with zeros where the checksum stands.
    static string Checksum(byte[] content, string checksum)
    {
        var copy = content.ToArray();
        var place = copy.AsSpan().LastIndexOf(Encoding.UTF8.GetBytes(checksum));
        if (place >= 0)
            copy.AsSpan(place, checksum.Length).Fill((byte)'0');
        return Sha256Sum.Of(copy);
    }

    /// <summary>Writes the manifest; the file is complete or not there.</summary>
    public void Write(string path)
    {
        var zeros = new string('0', Sha256Sum.Digits);
        var content = JsonSerializer.SerializeToUtf8Bytes(this with { ManifestSha256 = zeros }, PreparedJson.Default.PreparedManifest);
        var checksum = Checksum(content, zeros);
        Encoding.UTF8.GetBytes(checksum).CopyTo(content.AsSpan(content.AsSpan().LastIndexOf(Encoding.UTF8.GetBytes(zeros))));
        AtomicFile.Write(path, stream => stream.Write(content));
    }

    void Check(string path)
    {
        DataException Wrong(string field, object? value, string expected)
            => new($"{path}: {field} is {value ?? "null"}; expected {expected}. Prepare the data again with: vbilstm data prepare.");
        if (Format != FormatName)
            throw Wrong("format", Format, FormatName);
        if (Version != CurrentVersion)
            throw Wrong("version", Version, $"{CurrentVersion}, the one that this program reads");
        if (!Enum.IsDefined(Kind) || !Enum.IsDefined(Unit))
            throw Wrong("kind or unit", $"{Kind}, {Unit}", "one of those in docs/data.md");
        if (Task is null || Preparation is null || Licence is null || Sources is null || Splits is null || Options is null || Statistics is null)
            throw Wrong("a field", null, "task, preparation, licence, sources, splits, options and statistics to be there");
        if (Kind == PreparedKind.Frames && FrameSize is < 1 or > 1 << 20)
            throw Wrong("frame_size", FrameSize, "1 to 1048576");
        if (Kind == PreparedKind.Images && (Height is < 1 or > 1 << 15 || Width is < 1 or > 1 << 15))
            throw Wrong("height and width", $"{Height} and {Width}", "1 to 32768");
        if (Kind == PreparedKind.Tokens && VocabularySize is < 1 or > 1 << 24)
            throw Wrong("vocabulary_size", VocabularySize, "1 to 16777216");
        if (SampleRate < 0 || !double.IsFinite(Mean) || !double.IsFinite(Deviation) || (SampleRate > 0 && Deviation <= 0))
            throw Wrong("sample_rate, mean and deviation", $"{SampleRate}, {Mean} and {Deviation}", "a rate, a finite mean and a positive deviation");
        if (FilesRead < 0
            || (LeftOut is not null && LeftOut.Any(entry => entry is null || entry.Reason is null || entry.Names is null || entry.Names.Contains(null!)))
            || Sources.Any(source => source?.Path is null || source.Sha256 is null))
            throw Wrong("files_read, left_out or sources", FilesRead, "a count, reasons with names, and paths with checksums");
        foreach (var (name, split) in Splits)
        {
            if (!PreparedFolder.Splits.Contains(name))
                throw Wrong($"splits.{Printable.Text(name)}", "there", string.Join(", ", PreparedFolder.Splits) + " and no other");
            if (split is null || split.Sequences < 0 || split.Values < 0 || split.Longest < 0 || split.Longest > split.Values || split.Sha256 is null)
                throw Wrong($"splits.{name}", split, "counts that are not negative, and a checksum");
        }
    }
}

/// <summary>JSON of the manifest and the vocabulary: snake_case keys.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(PreparedManifest))]
[JsonSerializable(typeof(string[]))]
sealed partial class PreparedJson : JsonSerializerContext;
