using System.Text.Json.Serialization;

namespace VBiLstm.Data;

/// <summary>The unit in which a data set's results are reported (model.md section 10).</summary>
public enum TaskUnit
{
    /// <summary>Nats per sequence.</summary>
    [JsonStringEnumMemberName("nats")] Nats,

    /// <summary>Nats per image.</summary>
    [JsonStringEnumMemberName("nats-per-image")] NatsPerImage,

    /// <summary>Nats / (ln 2 · predicted characters).</summary>
    [JsonStringEnumMemberName("bits-per-character")] BitsPerCharacter,

    /// <summary>exp(nats / predicted tokens, the end of a sentence included).</summary>
    [JsonStringEnumMemberName("perplexity")] Perplexity,
}
