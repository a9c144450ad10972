using System.Text.Json;
using System.Text.Json.Serialization;
using VBiLstm.Configuration;

namespace VBiLstm.Checkpoints;

/// <summary>Where a run stands: everything beside tensors that a resumed run needs to draw the same bits.</summary>
public sealed record TrainingState
{
    /// <summary>Version of this file's format.</summary>
    internal const int CurrentFormat = 2;

    [JsonInclude] internal int Format { get; init; } = CurrentFormat;

    /// <summary>Version of the program that wrote it.</summary>
    public string Program { get; init; } = "";

    /// <summary>The effective configuration of the run.</summary>
    public RunConfiguration Configuration { get; init; } = new();

    /// <summary>Steps done; also the noise counter and the position in the data of the next step.</summary>
    public long Step { get; init; }

    /// <summary>Steps among them whose update was skipped because something was not finite.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Best validation bound so far, nats per sequence; null before the first evaluation.</summary>
    public double? BestBound { get; init; }

    /// <summary>Step of the best bound.</summary>
    public long BestStep { get; init; }

    /// <summary>Evaluations since the best bound, for early stopping.</summary>
    public int EvaluationsWithoutImprovement { get; init; }

    /// <summary>Whether the run was stopped during the evaluation after <see cref="Step"/>, which it then begins with.</summary>
    public bool EvaluationIsPending { get; init; }

    /// <summary>XxHash128 and size of each other file of the checkpoint, by name.</summary>
    [JsonInclude] internal Dictionary<string, FileCheck> Files { get; init; } = [];

    /// <summary>XxHash128 of this file with nothing between these quotes.</summary>
    [JsonInclude, JsonPropertyOrder(1)]
    internal string Checksum { get; init => field = value ?? ""; } = "";

    /// <summary>Reads one, maybe of an earlier version.</summary>
    /// <exception cref="JsonException">Not JSON, or not such a state.</exception>
    /// <exception cref="ConfigurationException">Of another format.</exception>
    internal static TrainingState Parse(ReadOnlySpan<byte> json)
    {
        var state = JsonFile.Parse(json, TrainingStateJson.Default.TrainingState);
        if (state.Format is < 1 or > CurrentFormat)
            throw new ConfigurationException($"format {state.Format}; this program reads 1 to {CurrentFormat}.");
        using var written = JsonFile.Parse(json, TrainingStateJson.Default.JsonDocument);
        return written.RootElement.TryGetProperty("configuration", out var configuration)
            ? state with { Configuration = EarlierVersions.Restore(state.Configuration, configuration) }
            : state;
    }

    /// <summary>Whether training has nothing left to do: the evaluations of <see cref="TrainingConfiguration.EarlyStop"/> brought nothing better.</summary>
    [JsonIgnore]
    public bool StoppedEarly
        => Configuration.Training.EarlyStop > 0 && EvaluationsWithoutImprovement >= Configuration.Training.EarlyStop && !EvaluationIsPending;
}

/// <summary>Size in bytes and XxHash128 in hexadecimal digits of a file.</summary>
sealed record FileCheck(long Bytes, string XxHash128);

/// <summary>Source-generated JSON of <see cref="TrainingState"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    WriteIndented = true)]
[JsonSerializable(typeof(TrainingState))]
[JsonSerializable(typeof(JsonDocument))]
sealed partial class TrainingStateJson : JsonSerializerContext;
