using VBiLstm.Training;

namespace VBiLstm.Cli.Reports;

/// <summary>What a device took for a step.</summary>
/// <param name="Device">Its name.</param>
/// <param name="RoundsOperands">Whether its products are of bf16.</param>
/// <param name="Times">Of the step and its phases.</param>
sealed record MeasuredStep(string Device, bool RoundsOperands, StepTimes Times);
