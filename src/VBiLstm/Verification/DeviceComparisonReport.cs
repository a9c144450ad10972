namespace VBiLstm.Verification;

/// <summary>What <see cref="DeviceComparison"/> found.</summary>
/// <param name="Reference">Name of the reference device.</param>
/// <param name="Device">Name of the device under test.</param>
/// <param name="Steps">N, training steps done.</param>
/// <param name="Tensors">Every tensor of the first step, then the parameters after the last.</param>
/// <param name="UnitsAcrossKinks">
/// Hidden units and log-variances, over all rows and time steps, that rounding left on different sides of a kink of φ or of the clamp. Where there are any,
/// gradients are measured by relative L2 and may differ by more.
/// </param>
/// <param name="Units">All of them.</param>
sealed record DeviceComparisonReport(string Reference, string Device, int Steps, IReadOnlyList<TensorDifference> Tensors, long UnitsAcrossKinks,
    long Units)
{
    public bool Agrees => FirstDisagreement is null;

    /// <summary>The tensor that disagrees first in the order of the computation, loops walked step by step: the others may only inherit its error.</summary>
    public TensorDifference? FirstDisagreement => Tensors.Where(tensor => tensor.Verdict == Verdict.Disagrees).MinBy(tensor => (tensor.Stage, tensor.Order));

    /// <summary>The tensor that uses the largest share of its tolerance.</summary>
    public TensorDifference Worst => Tensors.MaxBy(tensor => tensor.ToleranceUsed)!;
}
