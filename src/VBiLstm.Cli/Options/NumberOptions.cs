using System.CommandLine;
using System.CommandLine.Parsing;
using System.Numerics;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Options;

/// <summary>Numbers of every command's options, read as those of configuration keys are.</summary>
static class NumberOptions
{
    /// <summary>Gives each option that takes a number the one parser.</summary>
    public static void ParseStrictly(Command command)
    {
        foreach (var option in command.Options)
        {
            switch (option)
            {
                case Option<int> number:
                    number.CustomParser = result => Parse<int>(result) ?? 0;
                    break;
                case Option<int?> number:
                    number.CustomParser = Parse<int>;
                    break;
                case Option<long> number:
                    number.CustomParser = result => Parse<long>(result) ?? 0;
                    break;
                case Option<long?> number:
                    number.CustomParser = Parse<long>;
                    break;
                case Option<double> number:
                    number.CustomParser = result => Parse<double>(result) ?? 0;
                    break;
                case Option<double?> number:
                    number.CustomParser = Parse<double>;
                    break;
                case Option<double[]> numbers:
                    numbers.CustomParser = result => [.. Enumerable.Range(0, result.Tokens.Count).Select(i => Parse<double>(result, i) ?? 0)];
                    break;
            }
        }

        foreach (var sub in command.Subcommands)
            ParseStrictly(sub);
    }

    static T? Parse<T>(ArgumentResult result) where T : struct, INumber<T> => Parse<T>(result, 0);

    static T? Parse<T>(ArgumentResult result, int token) where T : struct, INumber<T>
    {
        var text = result.Tokens.Count > token ? result.Tokens[token].Value : "";
        if (NumberText.TryParse<T>(text, out var value))
            return value;
        result.AddError($"{(result.Parent as OptionResult)?.Option.Name} is '{text}'; expected {NumberText.Expected(typeof(T))}.");
        return null;
    }
}
