using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>Turns a status that is not success into an exception with the call, the code's name and meaning, and what was being done.</summary>
static class CudaStatus
{
    /// <param name="status">What the driver's call returned.</param>
    /// <param name="call">The call.</param>
    /// <param name="doing">What it was for; completes "failed while …".</param>
    public static void Check(CudaResult status, string call, string doing)
    {
        if (status != CudaResult.Success)
            throw Driver(status, call, doing);
    }

    /// <inheritdoc cref="Check"/>
    public static void CheckCublas(CublasStatus status, string call, string doing)
    {
        if (status == CublasStatus.Success)
            return;
        var (name, meaning) = (Text(Cublas.GetStatusName(status), (int)status), Text(Cublas.GetStatusString(status), (int)status));
        throw new CublasException($"{call} failed while {doing}: {name}: {meaning}.", (int)status);
    }

    /// <inheritdoc cref="Check"/>
    public static void CheckCudnn(CudnnStatus status, string call, string doing)
    {
        if (status == CudnnStatus.Success)
            return;
        var meaning = Text(Cudnn.GetErrorString(status), (int)status);
        throw new CudnnException($"{call} failed while {doing}: {meaning} (status {(int)status} of cuDNN {Cudnn.GetVersion()}).", (int)status);
    }

    /// <inheritdoc cref="Check"/>
    public static void CheckNccl(NcclResult status, string call, string doing)
    {
        if (status != NcclResult.Success)
            throw NcclFailure(status, call, doing);
    }

    // NCCL keeps its last words, a line or none.
    public static NcclException NcclFailure(NcclResult status, string call, string doing)
    {
        var last = Marshal.PtrToStringUTF8(Nccl.GetLastError(0))?.Trim().TrimEnd('.');
        return new NcclException($"{call} failed while {doing}: nccl{status}: {Text(Nccl.GetErrorString(status), (int)status)}"
            + $"{(string.IsNullOrEmpty(last) ? "" : $": {last}")}.", (int)status);
    }

    public static CudaDriverException Driver(CudaResult status, string call, string doing)
    {
        _ = CudaDriver.GetErrorName(status, out var name);
        _ = CudaDriver.GetErrorString(status, out var meaning);
        return new CudaDriverException($"{call} failed while {doing}: {Text(name, (int)status)}: {Text(meaning, (int)status)}.", (int)status);
    }

    static string Text(nint text, int status) => Marshal.PtrToStringUTF8(text)?.TrimEnd('.') ?? $"code {status}";
}
