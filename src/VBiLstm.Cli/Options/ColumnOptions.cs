using System.CommandLine;

namespace VBiLstm.Cli.Options;

/// <summary>What is said of the columns of Parquet and Arrow files.</summary>
sealed class ColumnOptions
{
    public Option<string?> Sequence { get; } = new("--sequence")
    {
        HelpName = "column",
        Description = "Parquet, Arrow: the column that tells the sequences apart where each row is a step. Without it, one that is named so (sequence, seq, "
            + "series, episode, also with _id, and unique_id).",
    };

    public Option<string[]> Values { get; } = new("--values")
    {
        HelpName = "columns",
        Description = "Parquet, Arrow: the columns that hold the values, where the file has others.",
        AllowMultipleArgumentsPerToken = true,
    };
}
