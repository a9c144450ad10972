using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>cuBLAS's entry points that the device uses. Matrices are column-major; every call returns a cublasStatus_t.</summary>
static unsafe partial class Cublas
{
    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasCreate_v2")]
    public static partial int Create(out nint handle);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasDestroy_v2")]
    public static partial int Destroy(nint handle);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetVersion_v2")]
    public static partial int GetVersion(nint handle, out int version);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasSetStream_v2")]
    public static partial int SetStream(nint handle, nint stream);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasSetWorkspace_v2")]
    public static partial int SetWorkspace(nint handle, nint workspace, nuint bytes);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGemmEx")]
    public static partial int GemmEx(nint handle, int transposeA, int transposeB, int m, int n, int k, void* alpha, nint a, int typeA, int lda,
        nint b, int typeB, int ldb, void* beta, nint c, int typeC, int ldc, int computeType, int algorithm);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusName")]
    public static partial nint GetStatusName(int status);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusString")]
    public static partial nint GetStatusString(int status);
}
