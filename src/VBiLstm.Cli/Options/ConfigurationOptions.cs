using System.CommandLine;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Options;

/// <summary>A run's configuration from a preset, a file over it and single values over both.</summary>
sealed class ConfigurationOptions
{
    readonly Option<string?> _preset = new("--preset")
    {
        Description = $"Starting configuration, {Preset.All[0].Name} where none is named. vbilstm config lists them: "
            + $"{string.Join(", ", Preset.All.Select(known => known.Name))}.",
    };
    readonly Option<string?> _config = new("--config")
    {
        Description = "JSON file over the preset; it may hold some keys only (docs/configuration.md).",
        HelpName = "file",
    };
    readonly Option<string[]> _set = new("--set")
    {
        Description = "Values over the file, for instance --set model.latent_units=64. May be repeated; vbilstm config lists the keys.",
        HelpName = "key=value",
        AllowMultipleArgumentsPerToken = true,
    };

    public static bool AreOptionsOf(Command command) => command.Options.Any(option => option.Name == "--set");

    public void AddTo(Command command)
    {
        command.Options.Add(_preset);
        command.Options.Add(_config);
        command.Options.Add(_set);
    }

    public bool NamesAStart(ParseResult parsed) => parsed.GetValue(_preset) is not null || parsed.GetValue(_config) is not null;

    public IReadOnlyList<string> Overrides(ParseResult parsed) => parsed.GetValue(_set) ?? [];

    /// <exception cref="ConfigurationException">A file, key or value is wrong.</exception>
    public RunConfiguration Read(ParseResult parsed, IEnumerable<string> overrides) => Read(parsed, overrides, Preset.All[0].Configuration);

    /// <summary>As the other, but starts from <paramref name="start"/> where neither a preset nor a file is named.</summary>
    /// <exception cref="ConfigurationException">A file, key or value is wrong.</exception>
    public RunConfiguration Read(ParseResult parsed, RunConfiguration start) => Read(parsed, Overrides(parsed), start);

    RunConfiguration Read(ParseResult parsed, IEnumerable<string> overrides, RunConfiguration start)
    {
        var configuration = parsed.GetValue(_config) is { } file ? ConfigurationFile.Read(file, parsed.GetValue(_preset))
            : parsed.GetValue(_preset) is { } preset ? Preset.Get(preset).Configuration
            : start;
        configuration = ConfigurationFile.Override(configuration, overrides);
        configuration.Validate();
        return configuration;
    }
}
