using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>cuBLAS's entry points that the device uses. Matrices are column-major; every call returns a cublasStatus_t.</summary>
static unsafe partial class Cublas
{
    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasCreate_v2")]
    public static partial CublasStatus Create(out nint handle);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasDestroy_v2")]
    public static partial CublasStatus Destroy(nint handle);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetVersion_v2")]
    public static partial CublasStatus GetVersion(nint handle, out int version);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasSetStream_v2")]
    public static partial CublasStatus SetStream(nint handle, nint stream);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasSetWorkspace_v2")]
    public static partial CublasStatus SetWorkspace(nint handle, nint workspace, nuint bytes);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGemmEx")]
    public static partial CublasStatus GemmEx(nint handle, CublasOperation transposeA, CublasOperation transposeB, int m, int n, int k, void* alpha,
        nint a, CublasDataType typeA, int lda, nint b, CublasDataType typeB, int ldb, void* beta,
        nint c, CublasDataType typeC, int ldc, CublasComputeType computeType, CublasAlgorithm algorithm);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusName")]
    public static partial nint GetStatusName(CublasStatus status);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusString")]
    public static partial nint GetStatusString(CublasStatus status);
}
