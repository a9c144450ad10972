using System.CommandLine;

namespace VBiLstm.Cli.Options;

/// <summary>Options that several commands share.</summary>
static class CommonOptions
{
    public static Argument<string> Checkpoint() => new("run")
    {
        Description = "A run's folder (its best checkpoint is taken, or the last where there is no best) or a checkpoint's folder.",
    };

    public static Option<bool> Json() => new("--json") { Description = "Prints one JSON object instead of tables." };
}
