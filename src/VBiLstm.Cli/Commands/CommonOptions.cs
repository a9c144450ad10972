using System.CommandLine;

namespace VBiLstm.Cli.Commands;

/// <summary>Options that several commands share.</summary>
static class CommonOptions
{
    public static Option<int> Threads() => new("--threads")
    {
        Description = "Threads of the CPU device; 0 takes all processors. Results have the same bits at any number.",
        DefaultValueFactory = _ => 0,
        Validators =
        {
            result =>
            {
                if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var threads) && threads is < 0 or > 1024)
                    result.AddError($"--threads is {threads}; use 0 to 1024.");
            },
        },
    };

    public static Argument<string> Checkpoint() => new("run")
    {
        Description = "A run's folder (its best checkpoint is taken, or the last where there is no best) or a checkpoint's folder.",
    };

    public static Option<bool> Json() => new("--json") { Description = "Prints one JSON object instead of tables." };
}
