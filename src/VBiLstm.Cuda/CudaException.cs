using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>A CUDA library is missing, too old, or one of its calls failed.</summary>
public class CudaException : DeviceException
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public CudaException(string message) : base(message)
    {
    }

    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">What it comes from.</param>
    public CudaException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>An error without a message of its own.</summary>
    public CudaException()
    {
    }
}

/// <summary>A call of the CUDA driver failed.</summary>
public sealed class CudaDriverException(string message, int status) : CudaException(message)
{
    /// <summary>The CUresult.</summary>
    public int Status { get; } = status;
}

/// <summary>A call of cuBLAS or cuBLASLt failed.</summary>
public sealed class CublasException(string message, int status) : CudaException(message)
{
    /// <summary>The cublasStatus_t.</summary>
    public int Status { get; } = status;
}

/// <summary>A call of cuDNN failed.</summary>
public sealed class CudnnException(string message, int status) : CudaException(message)
{
    /// <summary>The cudnnStatus_t; its numbers changed with version 9.</summary>
    public int Status { get; } = status;
}

/// <summary>A call of NCCL failed.</summary>
public sealed class NcclException(string message, int status) : CudaException(message)
{
    /// <summary>The ncclResult_t.</summary>
    public int Status { get; } = status;
}
