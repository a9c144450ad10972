using VBiLstm.Cuda;
using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>What a device took for a step.</summary>
/// <param name="Device">Its name.</param>
/// <param name="Precision">Of its products; a CPU's float32.</param>
/// <param name="ByKernels">Whether some products of few rows went through the project's kernels.</param>
/// <param name="Times">Of the step and its phases.</param>
sealed record MeasuredStep(string Device, CudaPrecision Precision, bool ByKernels, StepTimes Times)
{
    /// <summary>Beside the count of all products by the library, which is the same in float32 and TF32.</summary>
    public StepTimes? BesideLibrary(bool isBf16) => !ByKernels && (Precision == CudaPrecision.Bf16) == isBf16 ? Times : null;

    /// <summary>Beside the count of products of few rows by the kernels in that precision.</summary>
    public StepTimes? BesideKernels(CudaPrecision precision) => ByKernels && Precision == precision ? Times : null;
}
