using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>The real program in a folder of its own.</summary>
sealed class Executable : IDisposable
{
    /// <summary>Only what hangs takes so long.</summary>
    public static TimeSpan Limit => TimeLimit.Of(seconds: 300);

    // Code pages mapped twice, once to write and once to run, are a tenth of a short process's time; what the program does is the same.
    static Executable() => Environment.SetEnvironmentVariable("DOTNET_EnableWriteXorExecute", "0");

    public Executable() => Folder = Directory.CreateTempSubdirectory("vbilstm-cli-").FullName;

    public string Folder { get; }

    /// <summary>Variables of the processes that start from now on, beside this one's own.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>With the folder images of <see cref="SmallImages"/> in its own.</summary>
    public Executable WithSmallImages()
    {
        SmallImages.Write(At("images"));
        return this;
    }

    public string At(string name) => Path.Combine(Folder, name);

    /// <summary>Runs a command line to its end: in a process of its own where it has variables of its own, else in one that ran others before.</summary>
    public (int Code, string Output, string Error) Run(params string[] arguments)
        => Variables.Count > 0 ? RunAlone(arguments) : WarmProgram.Run(Folder, arguments);

    /// <summary>As the other, always in a process of its own.</summary>
    public (int Code, string Output, string Error) RunAlone(params string[] arguments)
    {
        using var process = Start(arguments);
        return Finish(process);
    }

    /// <summary>As a shell starts it; $V is the program.</summary>
    public (int Code, string Output, string Error) RunInShell(string script)
    {
        var start = new ProcessStartInfo("sh") { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        start.Environment["V"] = Path.Combine(AppContext.BaseDirectory, "vbilstm");
        using var process = Process.Start(start)!;
        return Finish(process);
    }

    /// <summary>A shell script in the folder.</summary>
    public Process StartScript(string script, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("bash", [script, .. arguments])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Variables)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "vbilstm.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in Variables)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static (int Code, string Output, string Error) Finish(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            Assert.Fail($"The program did not end in {Limit}.");
        }

        return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    /// <summary>Waits until the file holds at least that many lines.</summary>
    public static void WaitForLines(string path, int lines)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Limit; Thread.Sleep(20))
            if (File.Exists(path) && File.ReadLines(path).Count() >= lines)
                return;
        Assert.Fail($"{path} never had {lines} lines.");
    }

    public static void Signal(Process process, int signal) => Assert.Equal(0, kill(process.Id, signal));

    /// <summary>As the other, to a process that may have ended.</summary>
    public static bool TrySignal(Process process, int signal) => kill(process.Id, signal) == 0;

    /// <summary>Whether this process ignores the signal, which its children inherit; told by Linux only.</summary>
    public static bool Ignores(int signal)
    {
        const string Field = "SigIgn:";
        if (!OperatingSystem.IsLinux())
            return false;
        var mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith(Field, StringComparison.Ordinal))[Field.Length..];
        return (ulong.Parse(mask.AsSpan().Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) != 0;
    }

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    static extern int kill(int process, int signal);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
