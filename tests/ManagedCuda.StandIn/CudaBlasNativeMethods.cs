using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda.CudaBlas;

/// <summary>cuBLAS's entry points in ManagedCuda's form.</summary>
public static class CudaBlasNativeMethods
{
    const string Library = "cublas64_12";

    [DllImport(Library)]
    public static extern CublasStatus cublasCreate_v2(ref CudaBlasHandle handle);

    [DllImport(Library)]
    public static extern CublasStatus cublasDestroy_v2(CudaBlasHandle handle);

    [DllImport(Library)]
    public static extern CublasStatus cublasGetVersion_v2(CudaBlasHandle handle, ref int version);

    [DllImport(Library)]
    public static extern CublasStatus cublasSetStream_v2(CudaBlasHandle handle, CUstream streamId);

    [DllImport(Library)]
    public static extern CublasStatus cublasSetWorkspace_v2(CudaBlasHandle handle, CUdeviceptr workspace, SizeT workspaceSizeInBytes);

    [DllImport(Library)]
    public static extern CublasStatus cublasGemmEx(CudaBlasHandle handle, Operation transa, Operation transb, int m, int n, int k, IntPtr alpha,
        CUdeviceptr A, cudaDataType Atype, int lda, CUdeviceptr B, cudaDataType Btype, int ldb, IntPtr beta,
        CUdeviceptr C, cudaDataType Ctype, int ldc, ComputeType computeType, GemmAlgo algo);

    // The overload with scalars in device memory: that the other one is chosen is part of what is tested.
    [DllImport(Library)]
    public static extern CublasStatus cublasGemmEx(CudaBlasHandle handle, Operation transa, Operation transb, int m, int n, int k, CUdeviceptr alpha,
        CUdeviceptr A, cudaDataType Atype, int lda, CUdeviceptr B, cudaDataType Btype, int ldb, CUdeviceptr beta,
        CUdeviceptr C, cudaDataType Ctype, int ldc, ComputeType computeType, GemmAlgo algo);
}
