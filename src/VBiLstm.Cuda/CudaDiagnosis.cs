using System.Globalization;
using System.Runtime.InteropServices;
using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda;

/// <summary>One thing that a GPU's path needs or can use.</summary>
sealed record CudaFinding
{
    public required string Name { get; init; }

    /// <summary>Whether training on the GPU that was asked for needs it.</summary>
    public bool IsNeeded { get; init; }

    /// <summary>Why it cannot be used and what that costs; null where it can.</summary>
    public string? Missing { get; init; }

    /// <summary>Version or properties, where known.</summary>
    public string? Version { get; init; }

    /// <summary>Where it was found.</summary>
    public string? Path { get; init; }

    /// <summary>Where it was looked for, in order, up to where it was found.</summary>
    public IReadOnlyList<string> Tried { get; init; } = [];
}

/// <summary>Looks at everything that a GPU's path needs, without stopping at the first thing that is missing.</summary>
static unsafe class CudaDiagnosis
{
    const string NoGpu = "no --device cuda";

    /// <summary>Looks at the machine's own libraries and GPUs, or the software GPU's.</summary>
    /// <exception cref="CudaException">The process already uses the other kind.</exception>
    public static IReadOnlyList<CudaFinding> Run(bool software)
    {
        NativeLibraries.Choose(software);
        var findings = new List<CudaFinding> { Library("NVIDIA driver", NativeLibraries.Driver, isNeeded: true, NoGpu, Driver) };
        findings.AddRange(Gpus());
        findings.Add(Library("cuBLAS", NativeLibraries.Cublas, isNeeded: true, NoGpu, CublasVersion));
        findings.Add(Library("cuBLASLt", NativeLibraries.CublasLt, isNeeded: true, NoGpu, _ => VersionText((long)CublasLt.GetVersion())));
        findings.Add(Library("cuDNN", NativeLibraries.Cudnn, isNeeded: false,
            "LSTMs without a channel run by the project's own kernels, a product and a cell a step: slower", CudnnVersion));
        findings.Add(Library("NCCL", NativeLibraries.Nccl, isNeeded: false, "vbilstm train runs on one GPU only", _ => CudaDevice.NcclVersionText));
        findings.Add(Kernels());
        if (!software)
        {
            findings.Add(new CudaFinding
            {
                Name = "NVTX",
                Path = Nvtx.Library,
                Missing = Nvtx.Library is null ? "vbilstm profile shows no phases in Nsight's time line" : null,
                Tried = Nvtx.Tried,
            });
            findings.Add(SoftwareGpu());
        }

        // The parts may all be there and yet not work together: only opening the device shows.
        if (findings.All(finding => finding.Missing is null || !finding.IsNeeded))
            findings.AddRange(Opening(software));
        return findings;
    }

    static CudaFinding Library(string name, string library, bool isNeeded, string cost, Func<nint, string?> version)
    {
        var finding = new CudaFinding { Name = name, IsNeeded = isNeeded };
        try
        {
            var search = NativeLibraries.Find(library);
            finding = finding with { Path = search.Path, Tried = search.Tried };
            return search.Handle == 0 ? finding with { Missing = cost } : finding with { Version = version(search.Handle) };
        }
        catch (Exception e) when (IsFailure(e))
        {
            return finding with { Missing = $"{(finding.Path is { } path ? $"{path}: " : "")}{e.Message} {cost}" };
        }
    }

    // A library that is not what its name says lacks entry points.
    static bool IsFailure(Exception e) => e is CudaException or InsufficientMemoryException or EntryPointNotFoundException;

    static string? Driver(nint handle)
        => CudaDriver.DriverGetVersion(out var version) == CudaResult.Success ? $"for CUDA {CudaContext.VersionText(version)}" : null;

    // cublasGetVersion wants a handle, and that a context; this call does not.
    static string? CublasVersion(nint handle)
    {
        if (!NativeLibrary.TryGetExport(handle, "cublasGetProperty", out var export))
            return null;
        var property = (delegate* unmanaged<int, int*, int>)export;
        int major, minor, patch;
        return property(0, &major) == 0 && property(1, &minor) == 0 && property(2, &patch) == 0 ? $"{major}.{minor}.{patch}" : null;
    }

    static string CudnnVersion(nint handle)
        => NativeLibrary.TryGetExport(handle, "cudnnGetCudartVersion", out var export)
            ? $"{CudnnRecurrences.VersionText} for CUDA {CudaContext.VersionText((int)((delegate* unmanaged<nuint>)export)())}"
            : CudnnRecurrences.VersionText;

    static string VersionText(long version) => string.Create(CultureInfo.InvariantCulture, $"{version / 10000}.{version % 10000 / 100}.{version % 100}");

    // The first one is what --device cuda takes; the others are a matter of --device cuda:N.
    static IReadOnlyList<CudaFinding> Gpus()
    {
        if (NativeLibraries.Find(NativeLibraries.Driver).Handle == 0)
            return [new CudaFinding { Name = "GPU", IsNeeded = true, Missing = "unknown without a driver" }];
        try
        {
            // Without any, the attempt to open the first one says why.
            var count = CudaDriver.Init(0) == CudaResult.Success && CudaDriver.DeviceGetCount(out var shown) == CudaResult.Success ? shown : 0;
            return [.. Enumerable.Range(0, Math.Max(1, count)).Select(Gpu)];
        }
        catch (EntryPointNotFoundException e)
        {
            return [new CudaFinding { Name = "GPU", IsNeeded = true, Missing = e.Message }];
        }
    }

    static CudaFinding Gpu(int ordinal)
    {
        var finding = new CudaFinding { Name = $"GPU {ordinal}", IsNeeded = ordinal == 0 };
        try
        {
            using var context = new CudaContext(ordinal);
            var (free, total) = context.Memory;
            return finding with
            {
                Version = $"{context.Name}, compute capability {context.ComputeCapability / 10}.{context.ComputeCapability % 10}, "
                    + $"{free / 1e9:N1} of {total / 1e9:N1} GB free",
            };
        }
        catch (Exception e) when (IsFailure(e))
        {
            return finding with { Missing = e.Message };
        }
    }

    static CudaFinding Kernels()
    {
        var finding = new CudaFinding { Name = "kernels", IsNeeded = true };
        try
        {
            return finding with { Version = $"{NativeLibraries.ReadKernels().Length / 1e3:N0} kB", Path = NativeLibraries.KernelsPath };
        }
        catch (CudaException e)
        {
            return finding with { Missing = e.Message };
        }
    }

    static CudaFinding SoftwareGpu()
    {
        var files = NativeLibraries.SoftwareFiles;
        var missing = files.FirstOrDefault(file => !File.Exists(file));
        var finding = new CudaFinding { Name = "software GPU", Tried = files };
        return missing is null
            ? finding with { Path = NativeLibraries.SoftwareFolder }
            : finding with
            {
                Missing = $"no --device soft, because {missing} is not there; "
                    + "it is built with the solution, or -p:SkipNative=false, where CMake and a C++ compiler are found",
            };
    }

    static List<CudaFinding> Opening(bool software)
    {
        var finding = new CudaFinding { Name = "device", IsNeeded = true };
        try
        {
            using var device = new CudaDevice(new CudaOptions { Software = software });
            var findings = new List<CudaFinding> { finding with { Version = device.Name }, Product(device) };

            // Opening the device ran a small one where cuDNN is there.
            if (device.OpaqueRecurrences)
            {
                findings.Add(new CudaFinding { Name = "LSTM by cuDNN", Version = "a small one ran forward and backward" });
                findings.Add(new CudaFinding
                {
                    Name = "both directions",
                    Version = "cuDNN ran those of a small LSTM as one recurrence",
                    Missing = device.JoinsDirections ? null : string.Join(' ', device.Notices),
                });
            }
            else if (NativeLibraries.Find(NativeLibraries.Cudnn).Handle != 0)
                findings.Add(new CudaFinding { Name = "LSTM by cuDNN", Missing = string.Join(' ', device.Notices) });
            findings.Add(new CudaFinding
            {
                Name = "early starts",
                Version = "a kernel starts before the one before it has ended",
                Missing = device.NoEarlyStarts is { } why ? $"{why}: each kernel starts when the one before it has ended, slower" : null,
            });
            return findings;
        }
        catch (Exception e) when (IsFailure(e))
        {
            return [finding with { Missing = e.Message }];
        }
    }

    static CudaFinding Product(CudaDevice device) => new()
    {
        Name = "product with bias",
        Version = "a small one ran",
        Missing = device.AddsBiasWithinProducts() ? null : "cuBLASLt refuses it: cuBLAS multiplies and a kernel adds the bias, slower",
    };
}
