using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

/// <summary>
/// What the runtime calls before the program's entry point where <c>DOTNET_STARTUP_HOOKS</c> names this assembly: the process then runs the program once
/// for every command line that it is asked for, each in its folder and with its own standard output and error. .NET demands the name, and that it is in no
/// namespace.
/// </summary>
static class StartupHook
{
    /// <summary>A line of JSON: the folder, the files for standard output and standard error, and the arguments. The answer is the exit code.</summary>
    public static void Initialize()
    {
        using var requests = new StreamReader(Console.OpenStandardInput());
        using var answers = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        using (var nothing = File.OpenHandle("/dev/null"))
            Put(nothing, 0);

        // The hook is for this process, not for those that the program starts.
        Environment.SetEnvironmentVariable("DOTNET_STARTUP_HOOKS", null);
        var main = Assembly.GetEntryAssembly()!.EntryPoint!;
        while (requests.ReadLine() is { } line)
        {
            var request = JsonSerializer.Deserialize<string[]>(line)!;
            Directory.SetCurrentDirectory(request[0]);
            using (var output = File.OpenHandle(request[1], FileMode.Create, FileAccess.Write))
                Put(output, 1);
            using (var error = File.OpenHandle(request[2], FileMode.Create, FileAccess.Write))
                Put(error, 2);
            Console.SetOut(Writer(Console.OpenStandardOutput()));
            Console.SetError(Writer(Console.OpenStandardError()));
            answers.WriteLine(main.Invoke(null, [request[3..]]));
        }

        Environment.Exit(0);
    }

    static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };

    static void Put(SafeHandle file, int descriptor)
    {
        if (dup2((int)file.DangerousGetHandle(), descriptor) != descriptor)
            throw new IOException($"dup2 failed with error {Marshal.GetLastPInvokeError()}.");
    }

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    static extern int dup2(int from, int to);
}
