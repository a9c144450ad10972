using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VBiLstm.Cli.Options;

/// <summary>What <c>--help</c> prints: of a command's own commands only what they do, and after the options that take configuration keys every key.</summary>
sealed class ShortHelp(SynchronousCommandLineAction whole) : SynchronousCommandLineAction
{
    public static void Use(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ShortHelp((SynchronousCommandLineAction)help.Action!);
    }

    // Whoever asks for help need not have given what the command takes.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var command = parseResult.CommandResult.Command;
        foreach (var sub in command.Subcommands)
            sub.Description = FirstSentence(sub.Description ?? "");
        var code = whole.Invoke(parseResult);
        if (ConfigurationOptions.AreOptionsOf(command))
            parseResult.InvocationConfiguration.Output.WriteLine($"Keys for --set and --config, with their defaults:\n{ConfigurationOptions.Keys}");
        return code;
    }

    // Of its first paragraph, which is broken at the width of a terminal.
    static string FirstSentence(string text)
    {
        var line = text.Split("\n\n")[0].ReplaceLineEndings(" ");
        var end = line.IndexOf(". ", StringComparison.Ordinal);
        return end < 0 ? line : line[..(end + 1)];
    }
}
