using System.Text.Json;
using System.Text.Json.Nodes;

namespace VBiLstm.Configuration;

/// <summary>Reads, writes and overrides configurations. A file may hold some keys only; the others come from its preset.</summary>
public static class ConfigurationFile
{
    static readonly JsonDocumentOptions Reading = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>Reads a file over the preset that it names, or over another.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="preset">Name of the preset whose values the keys have that are not in the file; null for the one that the file names.</param>
    /// <exception cref="ConfigurationException">It cannot be read or used; names the file, the key, what stands there and what is expected.</exception>
    /// <remarks>A file that a run of an earlier version saved keeps that version's values where keys came later.</remarks>
    public static RunConfiguration Read(string path, string? preset = null)
    {
        string text;
        try
        {
            using var content = new StreamReader(new MemoryStream(JsonFile.Read(path)));
            text = content.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path} cannot be read: {e.Message}", e);
        }

        try
        {
            var configuration = Parse(text, preset);
            using var written = JsonDocument.Parse(text, Reading);
            return EarlierVersions.Restore(configuration, written.RootElement);
        }
        catch (ConfigurationException e)
        {
            throw new ConfigurationException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>As <see cref="Read"/>, from the text of a file.</summary>
    /// <param name="text">JSON; comments and trailing commas are allowed.</param>
    /// <param name="preset">As of <see cref="Read"/>.</param>
    /// <exception cref="ConfigurationException">It cannot be used; names the line or the key, what stands there and what is expected.</exception>
    public static RunConfiguration Parse(string text, string? preset = null)
    {
        try
        {
            return FromKeys(JsonNode.Parse(text, documentOptions: Reading), preset);
        }
        catch (JsonException e)
        {
            throw new ConfigurationException($"line {e.LineNumber + 1}, byte {e.BytePositionInLine}: not JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // A text that is no Unicode is met when it is used.
            throw new ConfigurationException($"not JSON: {e.Message}", e);
        }
    }

    static RunConfiguration FromKeys(JsonNode? given, string? preset)
    {
        if (given is not JsonObject keys)
            throw new ConfigurationException("a configuration is a JSON object, {…}.");
        var name = preset
            ?? (keys["preset"] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : Preset.All[0].Name);
        var target = ToJson(name == RunConfiguration.NoPreset ? new RunConfiguration() : Preset.Get(name).Configuration);
        Merge(keys, target, "");
        target["preset"] = name;
        return FromJson(target);
    }

    /// <summary>Applies overrides in order.</summary>
    /// <param name="configuration">What is overridden; it stays as it is.</param>
    /// <param name="assignments"><c>key=value</c> each, the key dotted (<c>model.latent_units</c>) or its last part alone where that is unique.</param>
    /// <exception cref="ConfigurationException">A key or a value cannot be used; names it and what is expected.</exception>
    public static RunConfiguration Override(RunConfiguration configuration, IEnumerable<string> assignments)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(assignments);
        var target = ToJson(configuration);
        foreach (var assignment in assignments)
        {
            var equals = assignment.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new ConfigurationException($"'{assignment}' is not of the form key=value, for instance model.latent_units=64.");
            var key = ConfigurationKey.Find(assignment[..equals].Trim());
            Set(target, key.Path, key.Parse(assignment[(equals + 1)..].Trim()));
        }

        return FromJson(target);
    }

    /// <summary>The configuration as a file: every key, as JSON.</summary>
    /// <param name="configuration">Of a run.</param>
    public static string ToText(RunConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return JsonSerializer.Serialize(configuration, ConfigurationJson.Default.RunConfiguration) + "\n";
    }

    /// <summary>Writes the whole configuration; the file is complete or as it was.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="configuration">Of a run.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, RunConfiguration configuration)
        => AtomicFile.WriteText(path, ToText(configuration));

    static JsonObject ToJson(RunConfiguration configuration)
        => JsonSerializer.SerializeToNode(configuration, ConfigurationJson.Default.RunConfiguration)!.AsObject();

    static RunConfiguration FromJson(JsonObject json)
    {
        try
        {
            return json.Deserialize(ConfigurationJson.Default.RunConfiguration)!;
        }
        catch (JsonException e)
        {
            throw new ConfigurationException(e.Message, e);
        }
    }

    // Checks every given key on its own, so that an error names it.
    static void Merge(JsonObject given, JsonObject target, string prefix)
    {
        foreach (var (name, value) in given)
        {
            var path = prefix + name;
            if (target[name] is JsonObject section)
            {
                Merge(value as JsonObject ?? throw new ConfigurationException($"{path} is a section and must be an object, {{…}}."), section, path + ".");
                continue;
            }

            var key = ConfigurationKey.All.FirstOrDefault(known => known.Path == path)
                ?? throw ConfigurationKey.Unknown(path);
            target[name] = value is JsonObject or JsonArray
                ? throw new ConfigurationException($"{path} is {value.GetValueKind()}; expected {key.Expected}.")
                : key.Parse(value?.ToString() ?? "null");
        }
    }

    static void Set(JsonObject target, string path, JsonNode? value)
    {
        var parts = path.Split('.');
        foreach (var section in parts[..^1])
            target = target[section]!.AsObject();
        target[parts[^1]] = value;
    }
}
