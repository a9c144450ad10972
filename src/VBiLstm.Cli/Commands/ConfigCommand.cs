using System.CommandLine;
using System.Globalization;
using VBiLstm.Cli.Execution;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm config</c>.</summary>
static class ConfigCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("key") { Description = "A key, or the section model, data or training.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("config", """
            Shows the keys of --set and --config with their defaults, and the presets. Of one key it tells what values it takes, and what each
            preset makes of it.

            Examples:
              vbilstm config
              vbilstm config training
              vbilstm config latent_units
            """)
        {
            name,
        };
        command.SetAction(parsed =>
        {
            var asked = parsed.GetValue(name);
            var section = ConfigurationKey.All.Where(key => asked is null || key.Path.StartsWith(asked + ".", StringComparison.Ordinal)).ToList();
            if (section.Count > 0)
                List(section, withPresets: asked is null);
            else
                Show(ConfigurationKey.Find(asked!));
            return CommandExecution.Success;
        });
        return command;
    }

    static void List(List<ConfigurationKey> keys, bool withPresets)
    {
        var (path, value) = (keys.Max(key => key.Path.Length), keys.Max(key => key.Default.Length));
        Console.WriteLine("Keys with their defaults:");
        foreach (var key in keys)
            Console.WriteLine($"  {key.Path.PadRight(path)}  {key.Default.PadRight(value)}  {key.Description}");
        if (!withPresets)
            return;
        var width = Preset.All.Max(preset => preset.Name.Length);
        Console.WriteLine("\nPresets (--preset), over which --config and --set go:");
        foreach (var preset in Preset.All)
            Console.WriteLine($"  {preset.Name.PadRight(width)}  {preset.Description}");
    }

    static void Show(ConfigurationKey key)
    {
        Console.WriteLine($"{key.Path}\n  {key.Description}\n");
        Console.WriteLine($"  default  {key.Default}");
        Console.WriteLine($"  values   {key.Expected}");
        foreach (var group in Preset.All.GroupBy(preset => ValueIn(preset, key)).Where(group => group.Key != key.Default && key.Path != "preset"))
            Console.WriteLine($"  {group.Key} in the preset{(group.Count() > 1 ? "s" : "")} {string.Join(", ", group.Select(preset => preset.Name))}");
        Console.WriteLine($"\n  vbilstm train --set {key.Path}={ValueIn(Preset.All[^1], key)}");
    }

    static string ValueIn(Preset preset, ConfigurationKey key)
    {
        var (_, value) = ConfigurationKey.Values(preset.Configuration).FirstOrDefault(pair => pair.Path == key.Path);
        return value switch
        {
            null => "null",
            bool flag => flag ? "true" : "false",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
    }
}
