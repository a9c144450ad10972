namespace VBiLstm.Cuda.Interop;

/// <summary>
/// Where people have CUDA's libraries, beyond where the system's loader looks: toolkits that variables name, conda, the wheels of pip, installers' folders.
/// </summary>
/// <param name="variable">The environment's variable of a name.</param>
/// <param name="windows">Whether folders are laid out as on Windows.</param>
sealed class LibraryFolders(Func<string, string?> variable, bool windows)
{
    static readonly string[] ToolkitVariables = ["CUDA_PATH", "CUDA_HOME", "EBROOTCUDA"];
    static readonly string[] CudnnVariables = ["CUDNN_PATH", "EBROOTCUDNN"];
    static readonly EnumerationOptions Accessible = new() { IgnoreInaccessible = true };

    /// <summary>The folders to search for a library, in order; those that variables and pip's layout name need not exist.</summary>
    public IEnumerable<string> Of(string library) => library == NativeLibraries.Driver
        ? windows ? [] : ["/usr/local/nvidia/lib64", "/usr/lib/wsl/lib"]
        : Toolkits(library).Concat(Conda()).Concat(Wheels(library)).Concat(Installed(library)).Distinct();

    IEnumerable<string> Toolkits(string library)
        => (library == NativeLibraries.Cudnn ? CudnnVariables.Concat(ToolkitVariables) : ToolkitVariables)
            .SelectMany(Given)
            .SelectMany(root => windows ? new[] { In(root, "bin"), In(root, "bin", "x64") } : [In(root, "lib64"), In(root, "lib")]);

    IEnumerable<string> Conda() => Given("CONDA_PREFIX").Select(root => windows ? In(root, "Library", "bin") : In(root, "lib"));

    // Wheels for CUDA 13 share a folder, those for 12 have one each; cuDNN and NCCL have one of their own.
    IEnumerable<string> Wheels(string library)
    {
        string[] wheels = library switch
        {
            NativeLibraries.Cublas or NativeLibraries.CublasLt => ["cu13", "cublas"],
            NativeLibraries.Cudnn => ["cudnn"],
            _ => ["nccl"],
        };
        return from packages in SitePackages()
               from wheel in wheels
               let root = In(packages, "nvidia", wheel)
               from folder in windows ? new[] { In(root, "bin"), In(root, "bin", "x86_64") } : [In(root, "lib")]
               select folder;
    }

    IEnumerable<string> SitePackages()
    {
        var roots = PythonRoots().Distinct();
        return windows
            ? roots.Select(root => In(root, "Lib", "site-packages")).Where(Directory.Exists)
            : from root in roots
              from version in Newest(In(root, "lib"), "python3*").Concat(Newest(In(root, "local", "lib"), "python3*"))
              from packages in new[] { In(version, "site-packages"), In(version, "dist-packages") }
              where Directory.Exists(packages)
              select packages;
    }

    // The environment that is active, then that of the python3 on PATH. A virtual environment's is a link to another installation's, so its own place
    // comes before that of its target. Last, what pip installed for the user alone.
    IEnumerable<string> PythonRoots()
    {
        foreach (var root in Given("VIRTUAL_ENV"))
            yield return root;
        var python = (variable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => In(folder, windows ? "python.exe" : "python3")).FirstOrDefault(File.Exists);
        if (python is not null)
        {
            foreach (var program in new[] { python, File.ResolveLinkTarget(python, returnFinalTarget: true)?.FullName ?? python })
            {
                var folder = Path.GetDirectoryName(Path.GetFullPath(program))!;
                if (windows)
                    yield return folder;
                if (Path.GetDirectoryName(folder) is { } root)
                    yield return root;
            }
        }

        foreach (var home in Given("HOME"))
            yield return In(home, ".local");
    }

    IEnumerable<string> Installed(string library)
    {
        if (!windows)
            return ["/usr/local/cuda/lib64"];
        return library != NativeLibraries.Cudnn
            ? []
            : from programs in Given("ProgramFiles")
              from version in Newest(In(programs, "NVIDIA", "CUDNN"), "v9.*")
              let root = In(version, "bin")
              from folder in Newest(root, "*").SelectMany(cuda => new[] { In(cuda, "x64"), cuda }).Prepend(root)
              select folder;
    }

    IEnumerable<string> Given(string name) => variable(name) is { Length: > 0 } value ? [value] : [];

    // By the number in their names: python3.12 before python3.9.
    static IEnumerable<string> Newest(string folder, string pattern)
        => Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder, pattern, Accessible).OrderByDescending(VersionOf).ThenBy(path => path, StringComparer.Ordinal)
            : [];

    static Version VersionOf(string path)
        => Version.TryParse(Path.GetFileName(path).TrimStart([.. "python", 'v']), out var version) ? version : new Version(0, 0);

    static string In(params string[] parts) => Path.Combine(parts);
}
