using System.CommandLine;
using System.CommandLine.Help;
using VBiLstm.Cli.Execution;
using VBiLstm.Cli.Options;
using VBiLstm.Cli.Reports;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm help</c>.</summary>
static class HelpCommand
{
    public static Command Create(RootCommand root)
    {
        var path = new Argument<string[]>("command") { Description = "For instance train, or data prepare.", Arity = ArgumentArity.ZeroOrMore };
        var man = new Option<bool>("--man") { Description = "Prints all of it as a manual page, for man -l - or a file vbilstm.1." };
        var command = new Command("help", """
            Shows all of a command's help; --help after a command shows as much as a screen holds.

            Examples:
              vbilstm help train
              vbilstm help data prepare
              vbilstm help --man > ~/.local/share/man/man1/vbilstm.1
            """)
        {
            path, man,
        };
        command.SetAction(parsed =>
        {
            var names = parsed.GetValue(path) ?? [];
            if (parsed.GetValue(man))
            {
                if (names.Length > 0)
                    throw new ConfigurationException("--man is the page of all commands; leave the command out.");
                ManPage.Write(Console.Out, root);
                return CommandExecution.Success;
            }

            Command asked = root;
            foreach (var name in names)
            {
                if (asked.Subcommands.Count == 0)
                    throw new ConfigurationException($"{asked.Name} has no command {name}, nor any other: vbilstm help {asked.Name}");
                asked = NearestName.Find("command", name, [.. asked.Subcommands], known => known.Name);
            }

            return Show(root, asked);
        });
        return command;
    }

    /// <summary>Prints a command's help; the program's own as --help does.</summary>
    public static int Show(RootCommand root, Command command)
    {
        var help = (ShortHelp)root.Options.OfType<HelpOption>().Single().Action!;
        return command is RootCommand ? help.Invoke(root.Parse("--help")) : help.Whole(root.Parse($"{ShortHelp.Path(command)} --help"));
    }
}
