using System.CommandLine;

namespace VBiLstm.Cli.Options;

/// <summary>Options that several commands share.</summary>
static class CommonOptions
{
    public static Argument<string> Checkpoint() => new("run")
    {
        Description = "A run's folder (its best checkpoint is taken, or the last where there is no best) or a checkpoint's folder.",
    };

    public static Option<string> Split()
    {
        var split = new Option<string>("--split")
        {
            Description = "train, validation or test. Training images that each epoch binarises anew are those of the first epoch.",
            DefaultValueFactory = _ => "test",
        };
        split.AcceptOnlyFromAmong("train", "validation", "test");
        return split;
    }

    public static Option<bool> Json() => new("--json") { Description = "Prints one JSON object instead of tables." };
}
