using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace VBiLstm.Cli.Tests;

/// <summary>
/// A process of the program that runs one command line after the other (<see cref="StartupHook"/>), so that not every one starts the runtime and compiles
/// the program anew, which takes most of the time of a short one.
/// </summary>
sealed class WarmProgram
{
    // One that chose the software GPU's libraries stays with them.
    static readonly ConcurrentDictionary<bool, ConcurrentBag<WarmProgram>> Idle = new();

    readonly Process _process;

    WarmProgram() => _process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "vbilstm.dll")])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        Environment = { ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location },
    })!;

    /// <summary>Runs it in a process that runs nothing else meanwhile.</summary>
    public static (int Code, string Output, string Error) Run(string folder, string[] arguments)
    {
        var idle = Idle.GetOrAdd(arguments.Contains("soft"), _ => []);
        if (!idle.TryTake(out var program))
            program = new WarmProgram();
        var result = program.Serve(folder, arguments);
        idle.Add(program);
        return result;
    }

    (int Code, string Output, string Error) Serve(string folder, string[] arguments)
    {
        var files = Directory.CreateTempSubdirectory("vbilstm-output-").FullName;
        try
        {
            var (output, error) = (Path.Combine(files, "output"), Path.Combine(files, "error"));
            _process.StandardInput.WriteLine(JsonSerializer.Serialize<string[]>([folder, output, error, .. arguments]));
            var answer = _process.StandardOutput.ReadLineAsync();
            if (!answer.Wait(Executable.Limit))
            {
                _process.Kill();
                Assert.Fail($"The program did not end in {Executable.Limit}: {string.Join(' ', arguments)}");
            }

            Assert.True(int.TryParse(answer.Result, out var code), $"The program ended without an exit code: {string.Join(' ', arguments)}");
            return (code, File.ReadAllText(output), File.ReadAllText(error));
        }
        finally
        {
            Directory.Delete(files, recursive: true);
        }
    }
}
