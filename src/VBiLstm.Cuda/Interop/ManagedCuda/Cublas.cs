using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;
using ManagedCuda.CudaBlas;

namespace VBiLstm.Cuda.Interop;

/// <summary>The same entry points as the other Cublas, through ManagedCuda's raw native methods.</summary>
static unsafe partial class Cublas
{
    public static int Create(out nint handle)
    {
        var created = default(CudaBlasHandle);
        var status = CudaBlasNativeMethods.cublasCreate_v2(ref created);
        handle = created.Pointer;
        return (int)status;
    }

    public static int Destroy(nint handle) => (int)CudaBlasNativeMethods.cublasDestroy_v2(Handle(handle));

    public static int GetVersion(nint handle, out int version)
    {
        version = 0;
        return (int)CudaBlasNativeMethods.cublasGetVersion_v2(Handle(handle), ref version);
    }

    public static int SetStream(nint handle, nint stream) => (int)CudaBlasNativeMethods.cublasSetStream_v2(Handle(handle), new CUstream { Pointer = stream });

    public static int SetWorkspace(nint handle, nint workspace, nuint bytes)
        => (int)CudaBlasNativeMethods.cublasSetWorkspace_v2(Handle(handle), new CUdeviceptr(workspace), bytes);

    public static int GemmEx(nint handle, int transposeA, int transposeB, int m, int n, int k, void* alpha, nint a, int typeA, int lda,
        nint b, int typeB, int ldb, void* beta, nint c, int typeC, int ldc, int computeType, int algorithm)
        => (int)CudaBlasNativeMethods.cublasGemmEx(Handle(handle), (Operation)transposeA, (Operation)transposeB, m, n, k, (nint)alpha,
            new CUdeviceptr(a), (cudaDataType)typeA, lda, new CUdeviceptr(b), (cudaDataType)typeB, ldb, (nint)beta,
            new CUdeviceptr(c), (cudaDataType)typeC, ldc, (ComputeType)computeType, (GemmAlgo)algorithm);

    // ManagedCuda has no such calls: it names codes by its enumeration.
    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusName")]
    public static partial nint GetStatusName(int status);

    [LibraryImport(NativeLibraries.Cublas, EntryPoint = "cublasGetStatusString")]
    public static partial nint GetStatusString(int status);

    static CudaBlasHandle Handle(nint handle) => new() { Pointer = handle };
}
