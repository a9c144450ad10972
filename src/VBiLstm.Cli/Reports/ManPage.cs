using System.CommandLine;
using System.Globalization;

namespace VBiLstm.Cli.Reports;

/// <summary>The program's manual page, made from what its help says.</summary>
static class ManPage
{
    public static void Write(TextWriter output, RootCommand root)
    {
        var version = typeof(ManPage).Assembly.GetName().Version!;
        output.WriteLine($".TH VBILSTM 1 \"\" \"vbilstm {version.ToString(3)}\" \"User Commands\"");
        output.WriteLine(".SH NAME\nvbilstm \\- trains Variational Bi\\-LSTMs");
        output.WriteLine(".SH SYNOPSIS\n.B vbilstm\n.I command\n[options]");
        output.WriteLine(".SH DESCRIPTION");
        Describe(output, root);
        output.WriteLine(".SH COMMANDS");
        foreach (var command in root.Subcommands)
            Write(output, command, "vbilstm");
        output.WriteLine(".SH ENVIRONMENT\n.B OMP_NUM_THREADS, SLURM_CPUS_PER_TASK\nThreads of the CPU, where --threads says none.");
    }

    static void Write(TextWriter output, Command command, string path)
    {
        var name = $"{path} {command.Name}";
        output.WriteLine($".SS {Escape(name)}{string.Concat(command.Arguments.Select(argument => $" <{Escape(argument.Name)}>"))}");
        Describe(output, command);
        foreach (var part in command.Arguments.Cast<Symbol>().Concat(command.Options.Where(option => !option.Hidden)))
        {
            var value = part is Option option && option.ValueType != typeof(bool) ? $" <{option.HelpName ?? option.Name.TrimStart('-')}>" : "";
            output.WriteLine($".TP\n.B {Escape(part is Argument ? $"<{part.Name}>" : part.Name + value)}\n{Text(part.Description ?? "")}");
        }

        foreach (var sub in command.Subcommands)
            Write(output, sub, name);
    }

    // Paragraphs run on; lists and examples keep their lines.
    static void Describe(TextWriter output, Command command)
    {
        foreach (var paragraph in (command.Description ?? "").ReplaceLineEndings("\n").Split("\n\n"))
        {
            var keeps = paragraph.Split('\n').Any(line => line.StartsWith("  ", StringComparison.Ordinal));
            output.WriteLine(keeps ? $".PP\n.nf\n{Text(paragraph)}\n.fi" : $".PP\n{Text(paragraph)}");
        }
    }

    // A line's first dot or apostrophe would be a request to the formatter.
    static string Text(string text)
        => string.Join('\n', text.Split('\n').Select(line => line.StartsWith('.') || line.StartsWith('\'') ? "\\&" + Escape(line) : Escape(line)));

    static string Escape(string text) => string.Concat(text.Select(letter => letter switch
    {
        '\\' => "\\e",
        '-' => "\\-",
        > '~' => string.Create(CultureInfo.InvariantCulture, $"\\[u{(int)letter:X4}]"),
        _ => letter.ToString(),
    }));
}
