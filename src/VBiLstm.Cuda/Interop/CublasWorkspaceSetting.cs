using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>
/// cuDNN promises the same bits from call to call only where this setting was in the environment when cuBLAS was loaded (cuDNN's and cuBLAS's notes on
/// reproducibility). Native code does not see what .NET sets in its own copy of the environment.
/// </summary>
static partial class CublasWorkspaceSetting
{
    const string Variable = "CUBLAS_WORKSPACE_CONFIG", Default = ":4096:2";

    static readonly string[] Reproducible = [Default, ":16:8"];

    /// <summary>Sets it unless the user has.</summary>
    public static void Apply()
    {
        if (Current is { Length: > 0 })
            return;
        if (OperatingSystem.IsWindows())
        {
            // Runtimes that load later read the process's environment, the one that is loaded has its own.
            Environment.SetEnvironmentVariable(Variable, Default);
            _ = PutWindows(Variable, Default);
        }
        else
        {
            _ = SetUnix(Variable, Default, 1);
        }
    }

    /// <summary>What the user should know of a setting of their own; null where bits are the same each time.</summary>
    public static string? Notice => Current is { Length: > 0 } value && !Reproducible.Contains(value)
        ? $"{Variable} is '{value}': cuDNN's results may differ from run to run in the last digits; {string.Join(" or ", Reproducible)} makes them the same."
        : null;

    static string? Current => OperatingSystem.IsWindows()
        ? Environment.GetEnvironmentVariable(Variable)
        : Marshal.PtrToStringUTF8(GetUnix(Variable));

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetUnix(string name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetUnix(string name, string value, int overwrite);

    [LibraryImport("ucrtbase.dll", EntryPoint = "_putenv_s", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int PutWindows(string name, string value);
}
