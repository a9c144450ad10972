using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBiLstm.Configuration;

/// <summary>Source-generated JSON of the configuration: snake_case keys, enumerations as texts (<see cref="ValueNames"/>).</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    WriteIndented = true,
    AllowTrailingCommas = true,
    ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(RunConfiguration))]
sealed partial class ConfigurationJson : JsonSerializerContext;
