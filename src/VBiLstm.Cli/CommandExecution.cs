using System.CommandLine;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Training;

namespace VBiLstm.Cli;

/// <summary>Runs a parsed command and turns what can go wrong into one clear line and an exit code.</summary>
static class CommandExecution
{
    public const int Success = 0, Failure = 1, BadInput = 2, DeviceFailure = 3, Interrupted = 130;

    public static int Run(ParseResult parsed)
    {
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Console.Error.WriteLine($"vbilstm: {error.Message}");
            Console.Error.WriteLine("vbilstm: --help after a command lists its options.");
            return BadInput;
        }

        try
        {
            // Signals are the commands' own: a step may take longer than any time-out to end cleanly.
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (ConfigurationException e)
        {
            return Report(e, BadInput);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("vbilstm: interrupted.");
            return Interrupted;
        }
        catch (Exception e) when (e is NonFiniteException or IOException or UnauthorizedAccessException)
        {
            return Report(e, Failure);
        }
        catch (Exception e) when (e is DeviceException or InsufficientMemoryException or EntryPointNotFoundException)
        {
            return Report(e, DeviceFailure);
        }
    }

    static int Report(Exception e, int code)
    {
        Console.Error.WriteLine($"vbilstm: {e.Message}");
        return code;
    }
}
