using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>
/// Finds the CUDA libraries at run time by their versioned names, or those of the software GPU by folder. One choice holds for the process:
/// the runtime asks once per entry point.
/// </summary>
static partial class NativeLibraries
{
    public const string Driver = "cuda", Cublas = "cublas", CublasLt = "cublasLt", Cudnn = "cudnn", Nccl = "nccl";

    /// <summary>Folders to search before the system's own, separated as PATH is.</summary>
    public const string FoldersVariable = "VBILSTM_CUDA_LIBRARIES";

    /// <summary>Folder of the software GPU; default: <c>softgpu</c> beside the program.</summary>
    public const string SoftwareVariable = "VBILSTM_SOFTGPU";

    /// <summary>The kernels' image; default: <c>vbilstm_kernels.fatbin</c> beside the program, or in the software GPU's folder.</summary>
    public const string KernelsVariable = "VBILSTM_KERNELS";

    const string KernelImage = "vbilstm_kernels.fatbin";

    // cuBLAS 13 needs a driver for CUDA 13.
    const int Cuda13 = 13000;

    // CUDA_ERROR_STUB_LIBRARY
    const int StubLibrary = 34;

    static readonly LibraryFolders OtherFolders = new(Environment.GetEnvironmentVariable, OperatingSystem.IsWindows());
    static readonly int[] CudnnMajors = [9, 8];
    static readonly Lock Gate = new();
    static readonly Dictionary<string, LibrarySearch> Searches = [];
    static bool? _software;

    /// <summary>Chooses between the machine's own libraries and the software GPU's.</summary>
    /// <exception cref="CudaException">The process already uses the other kind.</exception>
    public static void Choose(bool software)
    {
        lock (Gate)
        {
            if (_software == software)
                return;
            if (_software is not null)
                throw new CudaException("One process can use the machine's GPU or the software GPU, not both.");
            // Before the resolver, which knows CUDA's libraries only.
            CublasWorkspaceSetting.Apply();
            ChooseForManagedCuda(software);
            NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, (name, _, _) => Require(name));
            _software = software;
        }
    }

    // In builds with ManagedCuda only.
    static partial void ChooseForManagedCuda(bool software);

    /// <summary>The library's handle.</summary>
    /// <exception cref="CudaException">It is nowhere; the message lists what was tried.</exception>
    public static nint Require(string library)
    {
        var search = Find(library);
        return search.Handle != 0 ? search.Handle : throw new CudaException(search.Missing());
    }

    /// <summary>Searches for a library, once.</summary>
    public static LibrarySearch Find(string library)
    {
        lock (Gate)
        {
            if (!Searches.TryGetValue(library, out var search))
                Searches.Add(library, search = Search(library));
            return search;
        }
    }

    /// <summary>The bytes of the kernels' image.</summary>
    /// <exception cref="CudaException">There is none.</exception>
    public static byte[] ReadKernels()
    {
        var path = KernelsPath;
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CudaException($"The kernels cannot be read from {path}: {e.Message} They are built with the solution, or "
                + "-p:SkipNative=false, where "
                + $"{(_software == true ? "CMake and a C++ compiler" : "CMake and nvcc 12 or 13")} are found; {KernelsVariable} names another file.", e);
        }
    }

    /// <summary>Where the kernels' image is, or should be.</summary>
    public static string KernelsPath => Environment.GetEnvironmentVariable(KernelsVariable) is { Length: > 0 } given
        ? given
        : Path.Combine(_software == true ? SoftwareFolder : AppContext.BaseDirectory, KernelImage);

    /// <summary>Where the software GPU's libraries are.</summary>
    public static string SoftwareFolder => Environment.GetEnvironmentVariable(SoftwareVariable) is { Length: > 0 } folder
        ? folder
        : Path.Combine(AppContext.BaseDirectory, "softgpu");

    /// <summary>Every file that the software GPU consists of.</summary>
    public static IReadOnlyList<string> SoftwareFiles
        => [.. new[] { "libcuda.so.1", "libcublas.so.12", "libcublasLt.so.12", "libcudnn.so.9", "libnccl.so.2", KernelImage }
            .Select(name => Path.Combine(SoftwareFolder, name))];

    static LibrarySearch Search(string library)
    {
        var tried = new List<string>();
        foreach (var candidate in Candidates(library))
        {
            try
            {
                var handle = NativeLibrary.Load(candidate);
                if (Useless(library, handle) is not { } why)
                    return new LibrarySearch(library, handle, PathOf(candidate), [.. tried, candidate]);
                tried.Add($"{PathOf(candidate)} ({why})");
                NativeLibrary.Free(handle);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                // A file that is there and cannot be loaded is another thing than one that is nowhere.
                tried.Add(File.Exists(candidate) ? $"{candidate} (it is there, but cannot be loaded: {WhyOf(e)})" : candidate);
            }
        }

        return new LibrarySearch(library, 0, null, tried);
    }

    // What loads may still be of no use; the right one may be in a later folder.
    static unsafe string? Useless(string library, nint handle)
    {
        if (_software == true)
            return null;
        if (library == Driver && NativeLibrary.TryGetExport(handle, "cuInit", out var init) && ((delegate* unmanaged<uint, int>)init)(0) == StubLibrary)
        {
            return "the toolkit's stub, which only links programs, not the driver: take its folder out of LD_LIBRARY_PATH, or name the real one's in "
                + FoldersVariable;
        }

        return library == Cudnn && CudaMajorOf(handle) == 13 && Cuda13IsTooNew() ? "it is for CUDA 13, the driver is older" : null;
    }

    // The loader's own words stand behind the runtime's advice.
    static string WhyOf(Exception e) => e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Last();

    static IEnumerable<string> Candidates(string library)
    {
        if (_software == true)
            return FileNames(library, software: true).Select(name => Path.Combine(SoftwareFolder, name));
        var names = FileNames(library, software: false).ToList();
        var given = (Environment.GetEnvironmentVariable(FoldersVariable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

        // Of folders that nobody gave, the right version in the last one is better than another in the first.
        string[] others = ["", .. OtherFolders.Of(library)];
        return given.SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .Concat(names.SelectMany(name => others.Select(folder => Path.Combine(folder, name))));
    }

    static IEnumerable<string> FileNames(string library, bool software)
    {
        var windows = OperatingSystem.IsWindows() && !software;
        return library switch
        {
            Driver => [windows ? "nvcuda.dll" : "libcuda.so.1"],
            Cublas => BlasMajors(software).Select(major => windows ? $"cublas64_{major}.dll" : $"libcublas.so.{major}"),
            CublasLt => BlasMajors(software).Select(major => windows ? $"cublasLt64_{major}.dll" : $"libcublasLt.so.{major}"),
            Cudnn => CudnnMajors.Select(major => windows ? $"cudnn64_{major}.dll" : $"libcudnn.so.{major}"),
            Nccl => [windows ? "nccl.dll" : "libnccl.so.2"],
            _ => throw new DllNotFoundException($"{library} is not one of the CUDA libraries."),
        };
    }

    // The major version that cuDNN was built for first; 13 unless the driver is older.
    static IEnumerable<int> BlasMajors(bool software)
    {
        if (software)
            return [12];
        IEnumerable<int> majors = Cuda13IsTooNew() ? [12] : [13, 12];
        var preferred = CudnnCudaMajor();
        return majors.OrderByDescending(major => major == preferred);
    }

    // Without a driver nothing is: there may be one where this is trained.
    static bool Cuda13IsTooNew() => Find(Driver).Handle != 0 && CudaDriver.DriverGetVersion(out var version) == 0 && version < Cuda13;

    /// <summary>The CUDA that cuDNN was built for; 0 where there is none, or it does not say.</summary>
    public static int CudnnCudaMajor() => CudaMajorOf(Find(Cudnn).Handle);

    static unsafe int CudaMajorOf(nint cudnn)
        => cudnn != 0 && NativeLibrary.TryGetExport(cudnn, "cudnnGetCudartVersion", out var export) ? (int)(((delegate* unmanaged<nuint>)export)() / 1000) : 0;

    // A bare name was found by the system: ask it where.
    static string PathOf(string candidate)
    {
        if (Path.IsPathRooted(candidate))
            return candidate;
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Select(module => module.FileName)
            .FirstOrDefault(file => Path.GetFileName(file).StartsWith(candidate, StringComparison.OrdinalIgnoreCase)) ?? candidate;
    }
}

/// <summary>What the search for a library came to.</summary>
/// <param name="Library">Its short name.</param>
/// <param name="Handle">0 where it was not found.</param>
/// <param name="Path">Where it was found.</param>
/// <param name="Tried">Every name tried, in order.</param>
sealed record LibrarySearch(string Library, nint Handle, string? Path, IReadOnlyList<string> Tried)
{
    public string Missing() => $"The library {Library} was not found; tried {string.Join(", ", Tried)}. {Advice}";

    string Advice => Library switch
    {
        NativeLibraries.Driver => "It comes with NVIDIA's driver. --device cpu needs none, --device soft runs the GPU's path on the CPU.",
        NativeLibraries.Cudnn => $"Install cuDNN 9 or 8, name its folder in {NativeLibraries.FoldersVariable}, or use --recurrence kernels.",
        NativeLibraries.Nccl => $"Several ranks on GPUs need NCCL 2.16 or later (NVIDIA's packages libnccl2, nvidia-nccl-cu12 or -cu13): install it, name its "
            + $"folder in {NativeLibraries.FoldersVariable}, or use --device cpu.",
        _ => $"It comes with the CUDA toolkit 12 or 13; name its folder in {NativeLibraries.FoldersVariable} where the system does not know it.",
    };
}
