using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Spectre.Console;
using VBiLstm.Cli.Options;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Mpi;

namespace VBiLstm.Cli.Execution;

/// <summary>Runs a command line and turns what can go wrong into one clear line and an exit code.</summary>
static class CommandExecution
{
    public const int Success = 0, Failure = 1, BadInput = 2, DeviceFailure = 3, Defect = 70, Interrupted = 130;

    // Their results are in files: a log that cannot be written takes nothing from them.
    static readonly string[] LeavingFiles = ["train", "compare", "prepare", "get", "score", "export", "import"];

    [SuppressMessage("Reliability", "CA2000", Justification = "Standard output and standard error are open as long as the process.")]
    public static int Run(RootCommand root, string[] arguments)
    {
        // Numbers are printed and read in English, whatever the machine's language.
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        SpeakUtf8();
        var (output, error) = (new StandardStream(Console.Out), new StandardStream(Console.Error));
        AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Out = output });
        Console.SetOut(new EscapingWriter(output));
        Console.SetError(new EscapingWriter(error));
        AppDomain.CurrentDomain.UnhandledException += (_, thrown) => Environment.Exit(ReportDefect((Exception)thrown.ExceptionObject, arguments));
        var command = "";
        int code;
        try
        {
            NumberOptions.ParseStrictly(root);
            var parsed = root.Parse(arguments);
            command = parsed.CommandResult.Command.Name;
            code = Run(parsed);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            code = ReportDefect(e, arguments);
        }

        output.Flush();
        if (output.Failure is not { } reason)
            return code;
        Console.Error.WriteLine($"vbilstm: standard output could not be written ({reason}); what was printed from then on is lost.");
        return code == Success && !LeavingFiles.Contains(command) ? Failure : code;
    }

    // Consoles of Windows, and what is redirected there, have the letters of one part of the world otherwise.
    static void SpeakUtf8()
    {
        if (!OperatingSystem.IsWindows())
            return;
        try
        {
            Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        }
        catch (IOException)
        {
            // Without a console: what is redirected has UTF-8 all the same.
        }
    }

    static int Run(ParseResult parsed)
    {
        if (parsed.Errors.Count > 0)
        {
            foreach (var message in Unknown(parsed) is { } unknown ? [unknown] : parsed.Errors.Select(error => error.Message))
                Console.Error.WriteLine($"vbilstm: {Printable.Text(message)}");
            Console.Error.WriteLine("vbilstm: --help after a command lists its options.");
            return BadInput;
        }

        try
        {
            RefuseRanks(parsed);

            // Signals are the commands' own: a step may take longer than any time-out to end cleanly.
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (ConfigurationException e)
        {
            return Report(e, OptionsFor(e, parsed.CommandResult.Command));
        }
        catch (Exception e) when (CodeOf(e) is not null)
        {
            return Report(e);
        }
    }

    // What the command line has that the command does not; null where all of it is known. What follows an unknown option is its value.
    static string? Unknown(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens.Count == 0)
            return null;
        var (command, token) = (parsed.CommandResult.Command, parsed.UnmatchedTokens[0]);
        var commands = command.Subcommands.Select(sub => sub.Name).ToList();
        if (!token.StartsWith('-') && commands.Count > 0)
            return $"There is no command {token}; did you mean {NearestName.Of(token, commands)}? Commands: {string.Join(", ", commands)}.";
        var name = token.Split('=', ':')[0];
        var options = command.Options.Select(option => option.Name).Append("--help").ToList();
        return !token.StartsWith('-') ? $"{command.Name} takes no further argument '{token}'."
            : options.Contains(name) ? null
            : $"{command.Name} has no option {name}; did you mean {NearestName.Of(name, options)}?";
    }

    // What ranks share out; of the others each would compute, or write the same files, as often as a launcher starts it.
    static readonly string[] OnRanks = ["train", "evaluate", "bench", "verify", "doctor"];

    static void RefuseRanks(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (!OnRanks.Contains(command.Name) && parsed.Action == command.Action && Launcher.Detect(Environment.GetEnvironmentVariable) is { } launcher)
            throw new ConfigurationException($"vbilstm {command.Name} is for one process, and {launcher.Name} started {launcher.Ranks}; start it without. "
                + $"{Launcher.Variable}=off runs every process by itself.");
    }

    /// <summary>The exit code of what can go wrong; null for a defect of the program.</summary>
    public static int? CodeOf(Exception e) => e switch
    {
        ConfigurationException => BadInput,
        OperationCanceledException => Interrupted,
        NonFiniteException or IOException or UnauthorizedAccessException or DllNotFoundException => Failure,
        DeviceException or EntryPointNotFoundException or OutOfMemoryException => DeviceFailure,
        _ => null,
    };

    /// <summary>Says in one line what went wrong and returns its exit code.</summary>
    public static int Report(Exception e, string options = "")
    {
        var message = e switch
        {
            OperationCanceledException => "interrupted.",
            OutOfMemoryException and not InsufficientMemoryException => "There is not enough memory; use a smaller batch or model.",
            _ => Printable.Text(e.Message),
        };
        Console.Error.WriteLine($"vbilstm: {message}{options}");
        return CodeOf(e) ?? Defect;
    }

    // The library says what can be set; how, the command knows.
    static string OptionsFor(ConfigurationException e, Command command)
    {
        var options = e.Settings.Select(name => "--" + name).Where(name => command.Options.Any(option => option.Name == name)).ToList();
        return options.Count == 0 ? "" : $" Options: {string.Join(", ", options)}.";
    }

    // What nobody foresaw: one line for the user, the rest for who mends it.
    public static int ReportDefect(Exception e, string[] arguments)
    {
        var place = "";
        try
        {
            var path = Path.Combine(Path.GetTempPath(), $"vbilstm-failure-{Environment.ProcessId}.txt");
            File.WriteAllText(path, $"vbilstm {string.Join(' ', arguments)}\n{DateTime.UtcNow:u}\n{Environment.OSVersion} .NET {Environment.Version}\n{e}\n");
            place = $" Details: {path}; please report them.";
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
        }

        Console.Error.WriteLine($"vbilstm: a defect of the program: {e.GetType().Name}: {Printable.Text(e.Message)}{place}");
        return Defect;
    }
}
