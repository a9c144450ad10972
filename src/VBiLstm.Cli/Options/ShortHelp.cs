using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VBiLstm.Cli.Options;

/// <summary>
/// What <c>--help</c> prints: as much as a screen holds, of each option and command its first sentence. <c>vbilstm help COMMAND</c> prints the whole.
/// </summary>
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
        foreach (var part in command.Children)
            part.Description = FirstSentence(part.Description ?? "").ReplaceLineEndings(" ");
        if (command is not RootCommand)
            command.Description = WithoutDetails(command.Description ?? "");
        var details = DeviceOptions.Details(command);
        foreach (var option in details)
            option.Hidden = true;
        var code = Whole(parseResult);
        if (command is RootCommand)
            return code;
        var output = parseResult.InvocationConfiguration.Output;
        if (details.Count > 0)
            output.WriteLine($"More of the device: {string.Join(", ", details.Select(option => option.Name))}.");
        if (ConfigurationOptions.AreOptionsOf(command))
            output.WriteLine("Presets, and the keys of --set and --config: vbilstm config");
        output.WriteLine($"All of it, each option at length: vbilstm help {Path(command)}");
        return code;
    }

    /// <summary>As the parser's library prints it, nothing cut.</summary>
    public int Whole(ParseResult parseResult) => whole.Invoke(parseResult);

    /// <summary>"data prepare" of vbilstm data prepare.</summary>
    public static string Path(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand
        ? $"{Path(parent)} {command.Name}"
        : command.Name;

    // Its first sentence, and the lists and examples after its first paragraph.
    static string WithoutDetails(string text)
    {
        var paragraphs = text.ReplaceLineEndings("\n").Split("\n\n");
        return string.Join("\n\n", [FirstSentence(paragraphs[0]),
            .. paragraphs.Skip(1).Where(paragraph => paragraph.Contains(":\n", StringComparison.Ordinal))]);
    }

    static string FirstSentence(string text)
    {
        var paragraph = text.ReplaceLineEndings("\n").Split("\n\n")[0];
        var end = paragraph.ReplaceLineEndings(" ").IndexOf(". ", StringComparison.Ordinal);
        return end < 0 ? paragraph : paragraph[..(end + 1)];
    }
}
