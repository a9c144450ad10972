using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBiLstm.Configuration;

namespace VBiLstm.Data;

/// <summary>One split, as a run remembers it.</summary>
/// <param name="Sequences">How many.</param>
/// <param name="PredictedSteps">Of all sequences together.</param>
/// <param name="Sha256">Of every sequence's length and values in their order, stochastic binarisation as in epoch 0.</param>
public sealed record SplitIdentity(int Sequences, long PredictedSteps, string Sha256);

/// <summary>
/// What a run remembers of its data (the file data.json of a checkpoint): checksums, by which other data are noticed, and all that generating needs,
/// so that the data themselves need not be there.
/// </summary>
public sealed record DataIdentity
{
    /// <summary>The training split.</summary>
    public required SplitIdentity Train { get; init; }

    /// <summary>The validation split.</summary>
    public required SplitIdentity Validation { get; init; }

    /// <summary>The test split.</summary>
    public required SplitIdentity Test { get; init; }

    /// <summary>Texts of the tokens by their ids; empty for frames.</summary>
    public IReadOnlyList<string> Vocabulary { get; init; } = [];

    /// <summary>For speech; null for other data.</summary>
    public SpeechScale? Speech { get; init; }

    /// <summary>The unit of results.</summary>
    [JsonIgnore]
    public TaskUnit Unit { get; init; }

    [JsonInclude, JsonPropertyName("unit")]
    internal string UnitText { get => ValueNames.Of(Unit); init => Unit = ValueNames.Parse(value, Unit); }

    /// <summary>Pixels of an image; 0 for others.</summary>
    public int Height { get; init; }

    /// <summary>Pixels of an image; 0 for others.</summary>
    public int Width { get; init; }

    /// <summary>One checksum of everything.</summary>
    [JsonIgnore]
    public string Sha256 => Sha256Sum.Of(JsonSerializer.SerializeToUtf8Bytes(this, DataIdentityJson.Default.DataIdentity));

    /// <summary>Reads a whole data set once.</summary>
    /// <exception cref="DataException">A file cannot be read.</exception>
    internal static DataIdentity Of(DataSplits data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var images = data.Test as ImageDataset;
        return new DataIdentity
        {
            Train = Measure(data.Train),
            Validation = Measure(data.Validation),
            Test = Measure(data.Test),
            Vocabulary = data.Vocabulary,
            Speech = data.Speech,
            Unit = data.Test.Unit,
            Height = images?.Height ?? 0,
            Width = images?.Width ?? 0,
        };
    }

    /// <summary>Refuses data that are not these.</summary>
    /// <param name="other">The data at hand.</param>
    /// <param name="source">Where they come from.</param>
    /// <param name="run">The run or checkpoint, named in the error.</param>
    /// <exception cref="DataException">They differ; the message says in what.</exception>
    internal void Check(DataIdentity other, string source, string run)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Differences(other).ToList() is { Count: > 0 } differences)
            throw new DataException($"{source} holds other data than {run} was trained on: {string.Join("; ", differences)}. They were changed since; "
                + "bring the old ones back, or begin a new run.")
            {
                Settings = ["data"],
            };
    }

    IEnumerable<string> Differences(DataIdentity other)
    {
        foreach (var (name, ours, theirs) in new[] { ("train", Train, other.Train), ("validation", Validation, other.Validation), ("test", Test, other.Test) })
        {
            if (ours.Sequences != theirs.Sequences || ours.PredictedSteps != theirs.PredictedSteps)
                yield return $"the {name} split has {theirs.Sequences:N0} sequences of {theirs.PredictedSteps:N0} predicted steps in all where "
                    + $"{ours.Sequences:N0} of {ours.PredictedSteps:N0} were";
            else if (ours.Sha256 != theirs.Sha256)
                yield return $"the contents of the {name} split (checksum {theirs.Sha256[..16]} where {ours.Sha256[..16]} was)";
        }

        if (Vocabulary.Count != other.Vocabulary.Count)
            yield return $"the vocabulary has {other.Vocabulary.Count:N0} texts where {Vocabulary.Count:N0} were";
        else if (Enumerable.Range(0, Vocabulary.Count).Where(id => Vocabulary[id] != other.Vocabulary[id]).ToList() is { Count: > 0 } ids)
            yield return $"the vocabulary differs in {ids.Count:N0} texts, the first with id {ids[0]}: "
                + $"'{other.Vocabulary[ids[0]]}' where '{Vocabulary[ids[0]]}' was";
        if (Speech != other.Speech)
            yield return $"the scale of the sound: {other.Speech} where {Speech} was";
        if (Unit != other.Unit || (Height, Width) != (other.Height, other.Width))
            yield return $"results in {other.Unit} and images of {other.Height}×{other.Width} where {Unit} and {Height}×{Width} were";
    }

    static SplitIdentity Measure(SequenceDataset split)
    {
        using var hash = Sha256Sum.Begin();
        var batch = new SequenceBatch(split.MaximumLength, 1, split.FrameSize);
        Span<byte> number = stackalloc byte[sizeof(int)];
        var steps = 0L;
        for (var i = 0; i < split.Count; i++)
        {
            batch.Steps = split.Length(i);
            steps += batch.Steps;
            split.Fill(i, 0, batch, 0);
            BinaryPrimitives.WriteInt32LittleEndian(number, batch.Steps);
            hash.AppendData(number);
            hash.AppendData(split.FrameSize > 0
                ? MemoryMarshal.AsBytes(batch.Frames.AsSpan(0, (batch.Steps + 1) * split.FrameSize))
                : MemoryMarshal.AsBytes(batch.Tokens.AsSpan(0, batch.Steps + 1)));
        }

        return new SplitIdentity(split.Count, steps, Sha256Sum.Of(hash));
    }
}

/// <summary>Source-generated JSON of <see cref="DataIdentity"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    WriteIndented = true)]
[JsonSerializable(typeof(DataIdentity))]
sealed partial class DataIdentityJson : JsonSerializerContext;
