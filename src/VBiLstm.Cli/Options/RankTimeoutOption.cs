using System.CommandLine;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Options;

/// <summary>How long the ranks of a command wait for one another.</summary>
sealed class RankTimeoutOption
{
    readonly Option<int> _seconds = new("--rank-timeout")
    {
        Description = "On several ranks: seconds that a rank waits for the others. Then it ends the job.",
        HelpName = "seconds",
        DefaultValueFactory = _ => 600,
    };

    public void AddTo(Command command) => command.Options.Add(_seconds);

    /// <exception cref="ConfigurationException">Out of range.</exception>
    public TimeSpan Read(ParseResult parsed)
        => parsed.GetValue(_seconds) is var seconds and >= 1 and <= 86_400
            ? TimeSpan.FromSeconds(seconds)
            : throw new ConfigurationException($"--rank-timeout is {parsed.GetValue(_seconds)}; use 1 to 86400 seconds.");
}
