using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace VBiLstm.Cuda.Interop;

/// <summary>
/// Lets ManagedCuda find the libraries that this project found. Its assemblies have resolvers of their own, and an assembly takes only one, so that the last
/// chance after all probing is left: the process-wide event.
/// </summary>
static partial class NativeLibraries
{
    // What ManagedCuda imports, and what its resolvers make of that on Linux.
    static readonly string[] ManagedCudaDriver = ["nvcuda", "libcuda"], ManagedCudaCublas = ["cublas64_12", "cublas"];

    static partial void ChooseForManagedCuda(bool software)
    {
        foreach (var name in new[] { ManagedCudaDriver[^1], ManagedCudaCublas[^1] })
        {
            if (software && NativeLibrary.TryLoad(name, typeof(NativeLibraries).Assembly, null, out _))
            {
                throw new CudaException($"ManagedCuda takes the {name} that this system finds without a version in its name before the software GPU's: "
                    + "no --device soft in this build here.");
            }
        }

        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) =>
            ManagedCudaDriver.Contains(name) ? Find(Driver).Handle
            : ManagedCudaCublas.Contains(name) ? Find(Cublas).Handle
            : 0;
    }
}
