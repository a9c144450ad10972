using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Preparation;

namespace VBiLstm.Cli.Options;

/// <summary>T of commands that make up their sequences.</summary>
sealed class TimeStepsOption
{
    readonly Option<int?> _timeSteps = new("--time-steps")
    {
        Description = "T, predicted steps of every sequence. Default: the longest sequence of the configuration's data set.",
    };

    public void AddTo(Command command) => command.Options.Add(_timeSteps);

    /// <exception cref="ConfigurationException">Out of range, or not given where there is no data set to take it from.</exception>
    public int Read(ParseResult parsed, RunConfiguration configuration)
    {
        var given = parsed.GetValue(_timeSteps);
        if (given is < 1 or > 1_000_000)
            throw new ConfigurationException($"--time-steps is {given}; use 1 to 1000000.");
        if (given is { } timeSteps)
            return timeSteps;
        if (configuration.Model.IsCategorical)
            throw new ConfigurationException("No data set gives the length of categorical sequences here; name it with --time-steps.");
        using var data = DataSource.Open(configuration.Data, configuration.Seed);
        return data.MaximumLength;
    }
}
