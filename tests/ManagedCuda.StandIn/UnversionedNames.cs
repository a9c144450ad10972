using System.Runtime.InteropServices;

namespace ManagedCuda;

/// <summary>
/// What ManagedCuda's assemblies do on Linux: each takes its own only resolver and looks for a library without a version in its name. There they are two
/// assemblies, here one with both names.
/// </summary>
static class UnversionedNames
{
    static readonly Dictionary<string, string> Names = new() { ["nvcuda"] = "libcuda", ["cublas64_12"] = "cublas" };

    public static void Resolve()
        => NativeLibrary.SetDllImportResolver(typeof(UnversionedNames).Assembly, (library, assembly, path) =>
            Names.TryGetValue(library, out var name) && NativeLibrary.TryLoad(name, assembly, path, out var handle) ? handle : 0);
}
