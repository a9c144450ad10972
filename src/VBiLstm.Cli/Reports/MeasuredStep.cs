using VBiLstm.Cuda;
using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>What a device took for a step.</summary>
/// <param name="Device">Its name.</param>
/// <param name="Counted">The precision that counts as it does: that of float32 stands for TF32 by a library too.</param>
/// <param name="Times">Of the step and its phases.</param>
sealed record MeasuredStep(string Device, CudaPrecision Counted, StepTimes Times)
{
    /// <summary>Beside a count of that precision.</summary>
    public StepTimes? Beside(CudaPrecision counted) => counted == Counted ? Times : null;
}
