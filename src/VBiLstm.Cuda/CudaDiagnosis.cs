using System.Runtime.InteropServices;
using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda;

/// <summary>One thing that a GPU's path needs or can use.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Found">Version and place; null where it is missing.</param>
/// <param name="Missing">Where it is missing: what was tried and what that costs.</param>
/// <param name="IsNeeded">Whether training on a GPU needs it.</param>
public sealed record CudaFinding(string Name, string? Found, string? Missing, bool IsNeeded);

/// <summary>Looks at everything that a GPU's path needs, without failing at the first thing that is missing.</summary>
public static unsafe class CudaDiagnosis
{
    /// <summary>Looks at the machine's own libraries and GPUs, or the software GPU's.</summary>
    /// <exception cref="CudaException">The process already uses the other kind.</exception>
    public static IReadOnlyList<CudaFinding> Run(bool software)
    {
        NativeLibraries.Choose(software);
        var findings = new List<CudaFinding>
        {
            Library("NVIDIA driver", NativeLibraries.Driver, isNeeded: true, "no --device cuda", Driver),
            Gpus(),
            Library("cuBLAS", NativeLibraries.Cublas, isNeeded: true, "no --device cuda", _ => null),
            Library("cuBLASLt", NativeLibraries.CublasLt, isNeeded: true, "no --device cuda", _ => CublasLtVersion()),
            Library("cuDNN", NativeLibraries.Cudnn, isNeeded: false, "LSTMs without a channel run by the project's own kernels, a product and a cell a step: slower", CudnnVersion),
            Kernels(),
        };
        if (!software)
        {
            findings.Add(Library("NCCL", NativeLibraries.Nccl, isNeeded: false, "nothing yet: one GPU a process", NcclVersion));
            findings.Add(Library("MPI", NativeLibraries.Mpi, isNeeded: false, "nothing yet: one process", _ => null));
            findings.Add(new CudaFinding("NVTX", Nvtx.Library, Nvtx.Library is null ? "vbilstm profile shows no phases in Nsight's time line" : null, false));
        }

        return findings;
    }

    static CudaFinding Library(string name, string library, bool isNeeded, string cost, Func<nint, string?> version)
    {
        var search = NativeLibraries.Find(library);
        return search.Handle == 0
            ? new CudaFinding(name, null, $"{cost}; tried {string.Join(", ", search.Tried)}", isNeeded)
            : new CudaFinding(name, $"{(version(search.Handle) is { } text ? text + ", " : "")}{search.Path}", null, isNeeded);
    }

    static string? Driver(nint handle) => CudaDriver.DriverGetVersion(out var version) == 0 ? $"for CUDA {CudaContext.VersionText(version)}" : null;

    static string CublasLtVersion()
    {
        var version = CublasLt.GetVersion();
        return $"{version / 10000}.{version % 10000 / 100}.{version % 100}";
    }

    static string? CudnnVersion(nint handle)
        => NativeLibrary.TryGetExport(handle, "cudnnGetCudartVersion", out var export)
            ? $"{CudnnRecurrences.VersionText} for CUDA {CudaContext.VersionText((int)((delegate* unmanaged<nuint>)export)())}"
            : CudnnRecurrences.VersionText;

    static string? NcclVersion(nint handle)
    {
        int version;
        return NativeLibrary.TryGetExport(handle, "ncclGetVersion", out var export) && ((delegate* unmanaged<int*, int>)export)(&version) == 0
            ? $"{version / 10000}.{version % 10000 / 100}.{version % 100}"
            : null;
    }

    static CudaFinding Gpus()
    {
        if (NativeLibraries.Find(NativeLibraries.Driver).Handle == 0)
            return new CudaFinding("GPUs", null, "unknown without a driver", true);
        try
        {
            var descriptions = new List<string>();
            for (var (ordinal, count) = (0, 1); ordinal < count; ordinal++)
            {
                using var context = new CudaContext(ordinal);
                CudaStatus.Check(CudaDriver.DeviceGetCount(out count), "cuDeviceGetCount", "counting the GPUs");
                var (free, total) = context.Memory;
                descriptions.Add($"{ordinal}: {context.Name}, compute capability {context.ComputeCapability / 10}.{context.ComputeCapability % 10}, {free / 1e9:N1} of {total / 1e9:N1} GB free");
            }

            return new CudaFinding("GPUs", string.Join("; ", descriptions), null, true);
        }
        catch (CudaException e)
        {
            return new CudaFinding("GPUs", null, e.Message, true);
        }
    }

    static CudaFinding Kernels()
    {
        try
        {
            var bytes = NativeLibraries.ReadKernels().Length;
            return new CudaFinding("kernels", $"{bytes / 1e3:N0} kB, {NativeLibraries.KernelsPath}", null, true);
        }
        catch (CudaException e)
        {
            return new CudaFinding("kernels", null, e.Message, true);
        }
    }
}
