using System.Text;
using VBiLstm.Configuration;

namespace VBiLstm.Tests.Configuration;

/// <summary>What docs/configuration.md must say, made from the classes themselves.</summary>
static class ConfigurationDocument
{
    /// <summary>The whole file.</summary>
    public static string ToMarkdown()
    {
        var text = new StringBuilder();
        text.Append("""
            # Configuration

            A run is configured by a preset, over it a JSON file (`--config file.json`), over that single values (`--set key=value`).
            A file may hold some keys only. Unknown keys are refused. `vbilstm train` saves the effective configuration, with
            every key, as `configuration.json` in the run's folder. Symbols are those of [model.md](model.md).
            `vbilstm config` lists what stands here, `vbilstm config KEY` shows one key and what each preset makes of it.
            A file that a run of an earlier version saved keeps that version's values of keys that came later and whose defaults are others.

            ```json
            {
              "preset": "digits",
              "model": { "latent_units": 64 },
              "training": { "learning_rate": 0.0005 }
            }
            ```

            ## Presets

            | preset | what it trains |
            |---|---|

            """);
        foreach (var preset in Preset.All)
            text.Append($"| `{preset.Name}` | {preset.Description} |\n");
        text.Append("\nThe defaults below hold where a preset says nothing.\n");
        foreach (var section in ConfigurationKey.All.GroupBy(key => key.Path.Contains('.', StringComparison.Ordinal) ? key.Path.Split('.')[0] : "top level"))
        {
            text.Append($"\n## {section.Key}\n\n| key | default | values | meaning |\n|---|---|---|---|\n");
            foreach (var key in section)
                text.Append($"| `{key.Path}` | `{key.Default}` | {key.Expected} | {key.Description.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        }

        return text.ToString();
    }
}
