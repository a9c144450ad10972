using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace VBiLstm.Configuration;

/// <summary>One key of the configuration: what files, overrides and the documentation know of it.</summary>
sealed class ConfigurationKey
{
    readonly Type _type;
    readonly string[] _values;
    readonly string? _expected;

    ConfigurationKey(string path, JsonPropertyInfo property, JsonNode? defaultValue)
    {
        Path = path;
        Description = Attribute<DescriptionAttribute>(property)?.Description ?? "";
        Default = defaultValue?.ToJsonString().Trim('"') ?? "null";
        _type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        IsNullable = _type != property.PropertyType;
        _values = Attribute<ValuesAttribute>(property)?.Names ?? [];
        _expected = Attribute<ExpectedAttribute>(property)?.Text;
    }

    /// <summary>Every key, in the order of the classes.</summary>
    public static IReadOnlyList<ConfigurationKey> All { get; } = Collect();

    /// <summary>Dotted path, for instance <c>model.latent_units</c>.</summary>
    public string Path { get; }

    /// <summary>One sentence: what it is, and why the default is what it is.</summary>
    public string Description { get; }

    /// <summary>Default as text.</summary>
    public string Default { get; }

    public bool IsNullable { get; }

    /// <summary>What a value may be, for people.</summary>
    public string Expected => (_values.Length > 0 ? string.Join(", ", _values)
        : _type == typeof(bool) ? "true or false"
        : _type == typeof(string) ? "text"
        : _expected ?? NumberText.Expected(_type)) + (IsNullable ? " or null" : "");

    /// <summary>Every key's value in a configuration: a number, a truth value or a text; keys that are null are left out.</summary>
    public static IEnumerable<(string Path, object Value)> Values(RunConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Enumerate(configuration);
    }

    static IEnumerable<(string Path, object Value)> Enumerate(RunConfiguration configuration)
    {
        var json = JsonSerializer.SerializeToNode(configuration, ConfigurationJson.Default.RunConfiguration)!;
        foreach (var key in All)
        {
            if (key.Path.Split('.').Aggregate((JsonNode?)json, (node, name) => node?[name]) is not JsonValue value)
                continue;
            yield return (key.Path, value.GetValueKind() switch
            {
                System.Text.Json.JsonValueKind.True => true,
                System.Text.Json.JsonValueKind.False => false,
                System.Text.Json.JsonValueKind.Number => value.GetValue<double>(),
                _ => value.GetValue<string>(),
            });
        }
    }

    /// <summary>The JSON of a value given as text. Throws <see cref="ConfigurationException"/> naming the key and what is expected.</summary>
    public JsonNode? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            "null" when IsNullable => null,
            _ when _type == typeof(string) && (_values.Length == 0 || _values.Contains(text)) => JsonValue.Create(text),
            _ when _type == typeof(bool) && bool.TryParse(text, out var flag) => JsonValue.Create(flag),
            _ when _type == typeof(int) && NumberText.TryParse<int>(text, out var number) => JsonValue.Create(number),
            _ when _type == typeof(long) && NumberText.TryParse<long>(text, out var number) => JsonValue.Create(number),
            _ when _type == typeof(double) && NumberText.TryParse<double>(text, out var number) => JsonValue.Create(number),
            _ => throw new ConfigurationException($"{Path} is '{text}'; expected {Expected}."),
        };
    }

    /// <summary>
    /// The key of a dotted path, or of its last part alone where that is unique. Throws <see cref="ConfigurationException"/> naming the nearest key.
    /// </summary>
    public static ConfigurationKey Find(string path)
    {
        var found = All.Where(key => key.Path == path).ToList();
        if (found.Count == 0)
            found = All.Where(key => key.Path.EndsWith("." + path, StringComparison.Ordinal)).ToList();
        return found.Count == 1 ? found[0] : throw Unknown(path);
    }

    /// <summary>The error for a key that does not exist; it names the nearest key or section.</summary>
    internal static ConfigurationException Unknown(string path)
    {
        var known = All.Select(key => key.Path)
            .Concat(All.Where(key => key.Path.Contains('.', StringComparison.Ordinal)).Select(key => key.Path.Split('.')[0]).Distinct());
        return new ConfigurationException($"{path} is not a key of the configuration; did you mean {NearestName.Of(path, known)}?");
    }

    static TAttribute? Attribute<TAttribute>(JsonPropertyInfo property) where TAttribute : Attribute
        => property.AttributeProvider?.GetCustomAttributes(typeof(TAttribute), true).OfType<TAttribute>().FirstOrDefault();

    static List<ConfigurationKey> Collect()
    {
        var keys = new List<ConfigurationKey>();
        var defaults = System.Text.Json.JsonSerializer.SerializeToNode(new RunConfiguration(), ConfigurationJson.Default.RunConfiguration)!.AsObject();
        Collect(ConfigurationJson.Default.RunConfiguration, "", defaults, keys);
        return keys;
    }

    static void Collect(JsonTypeInfo type, string prefix, JsonObject defaults, List<ConfigurationKey> keys)
    {
        foreach (var property in type.Properties.Where(property => property.Set is not null))
        {
            var path = prefix + property.Name;
            if (ConfigurationJson.Default.GetTypeInfo(property.PropertyType) is { Kind: JsonTypeInfoKind.Object } section)
                Collect(section, path + ".", defaults[property.Name]!.AsObject(), keys);
            else
                keys.Add(new ConfigurationKey(path, property, defaults[property.Name]));
        }
    }
}
