namespace ManagedCuda.BasicTypes
{
    public enum CUResult
    {
        Success = 0,
    }

    public enum CUInitializationFlags : uint
    {
        None = 0,
    }

    public enum CUDeviceAttribute
    {
        WarpSize = 10,
    }

    public enum CUMemHostAllocFlags
    {
        None = 0,
    }

    public enum CUStreamFlags : uint
    {
        None = 0,
    }

    public enum CUEventFlags
    {
        Default = 0,
    }

    public enum CUstreamCaptureMode
    {
        Global = 0,
    }

    public enum CUgraphInstantiate_flags : ulong
    {
        None = 0,
    }

    public enum cudaDataType
    {
        CUDA_R_32F = 0,
    }
}

namespace ManagedCuda.CudaBlas
{
    public enum CublasStatus
    {
        Success = 0,
    }

    public enum Operation
    {
        NonTranspose = 0,
    }

    public enum ComputeType
    {
        Compute32F = 68,
    }

    public enum GemmAlgo
    {
        Default = -1,
    }
}
