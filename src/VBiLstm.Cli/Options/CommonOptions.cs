using System.CommandLine;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Options;

/// <summary>Options that several commands share.</summary>
static class CommonOptions
{
    public static Argument<string> Checkpoint() => new("run")
    {
        Description = "A run's folder, or a checkpoint's. Of a run the best checkpoint is taken, or the last where there is no best.",
    };

    public static Option<string> Split()
    {
        var split = new Option<string>("--split")
        {
            Description = "Which part of the data. Training images that each epoch binarises anew are those of the first epoch.",
            DefaultValueFactory = _ => "test",
        };
        split.AcceptOnlyFromAmong("train", "validation", "test");
        return split;
    }

    public static void CheckSamples(string option, int samples)
    {
        if (samples is < 0 or > 100_000)
            throw new ConfigurationException($"{option} is {samples}; use 0 to 100000.");
    }

    /// <summary>Refuses a file's name with another ending than those; an empty one stands for a folder's.</summary>
    public static void CheckEnding(string option, string? path, params string[] endings)
    {
        if (path is not null && !endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
            throw new ConfigurationException($"{option} is {path}; use a name that ends in {string.Join(" or ", endings.Where(ending => ending != ""))}"
                + (endings.Contains("") ? ", or a folder's without an ending." : "."));
    }

    public static void CheckBatchSize(int? size)
    {
        if (size is < 1 or > 65536)
            throw new ConfigurationException($"--batch-size is {size}; use 1 to 65536.");
    }

    public static Option<bool> Json() => new("--json") { Description = "Prints one JSON object instead of tables." };
}
