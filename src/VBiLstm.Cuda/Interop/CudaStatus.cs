using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>Turns a status that is not success into an exception with the call, the code's name and meaning, and what was being done.</summary>
static class CudaStatus
{
    public const int OutOfMemory = 2;

    /// <param name="status">What the driver's call returned.</param>
    /// <param name="call">The call.</param>
    /// <param name="doing">What it was for; completes "failed while …".</param>
    public static void Check(int status, string call, string doing)
    {
        if (status != 0)
            throw Driver(status, call, doing);
    }

    /// <inheritdoc cref="Check"/>
    public static void CheckCublas(int status, string call, string doing)
    {
        if (status != 0)
            throw new CublasException($"{call} failed while {doing}: {Text(Cublas.GetStatusName(status), status)}: {Text(Cublas.GetStatusString(status), status)}.", status);
    }

    /// <inheritdoc cref="Check"/>
    public static void CheckCudnn(int status, string call, string doing)
    {
        if (status != 0)
            throw new CudnnException($"{call} failed while {doing}: {Text(Cudnn.GetErrorString(status), status)} (status {status} of cuDNN {Cudnn.GetVersion()}).", status);
    }

    public static CudaDriverException Driver(int status, string call, string doing)
    {
        _ = CudaDriver.GetErrorName(status, out var name);
        _ = CudaDriver.GetErrorString(status, out var meaning);
        return new CudaDriverException($"{call} failed while {doing}: {Text(name, status)}: {Text(meaning, status)}.", status);
    }

    static string Text(nint text, int status) => Marshal.PtrToStringUTF8(text)?.TrimEnd('.') ?? $"code {status}";
}
