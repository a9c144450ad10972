using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;
using ManagedCuda.CudaBlas;

namespace VBiLstm.Cuda.Interop;

/// <summary>The same entry points as the other Cublas, through ManagedCuda's raw native methods.</summary>
static unsafe partial class Cublas
{
    public static CublasStatus Create(out nint handle)
    {
        var created = default(CudaBlasHandle);
        var status = CudaBlasNativeMethods.cublasCreate_v2(ref created);
        handle = created.Pointer;
        return (CublasStatus)status;
    }

    public static CublasStatus Destroy(nint handle) => (CublasStatus)CudaBlasNativeMethods.cublasDestroy_v2(Handle(handle));

    public static CublasStatus GetVersion(nint handle, out int version)
    {
        version = 0;
        return (CublasStatus)CudaBlasNativeMethods.cublasGetVersion_v2(Handle(handle), ref version);
    }

    public static CublasStatus SetStream(nint handle, nint stream)
        => (CublasStatus)CudaBlasNativeMethods.cublasSetStream_v2(Handle(handle), new CUstream { Pointer = stream });

    public static CublasStatus SetWorkspace(nint handle, nint workspace, nuint bytes)
        => (CublasStatus)CudaBlasNativeMethods.cublasSetWorkspace_v2(Handle(handle), new CUdeviceptr(workspace), bytes);

    public static CublasStatus GemmEx(nint handle, CublasOperation transposeA, CublasOperation transposeB, int m, int n, int k, void* alpha,
        nint a, CublasDataType typeA, int lda, nint b, CublasDataType typeB, int ldb, void* beta,
        nint c, CublasDataType typeC, int ldc, CublasComputeType computeType, CublasAlgorithm algorithm)
        => (CublasStatus)CudaBlasNativeMethods.cublasGemmEx(Handle(handle), (Operation)transposeA, (Operation)transposeB, m, n, k, (nint)alpha,
            new CUdeviceptr(a), (cudaDataType)typeA, lda, new CUdeviceptr(b), (cudaDataType)typeB, ldb, (nint)beta,
            new CUdeviceptr(c), (cudaDataType)typeC, ldc, (ComputeType)computeType, (GemmAlgo)algorithm);

    // ManagedCuda has no such calls: it names codes by its enumeration.
    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusName")]
    public static partial nint GetStatusName(CublasStatus status);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusString")]
    public static partial nint GetStatusString(CublasStatus status);

    static CudaBlasHandle Handle(nint handle) => new() { Pointer = handle };
}
