using VBiLstm.Model;

namespace VBiLstm.Verification.Operations;

/// <summary>What one tensor of one kind of operation came to, over all its calls within a phase.</summary>
/// <param name="Phase">Where the calls were made.</param>
/// <param name="Operation">The device's operation, for instance <c>Multiply</c>.</param>
/// <param name="Tensor">What it wrote, or for an operand what it read.</param>
/// <param name="Calls">How many calls there were.</param>
/// <param name="Elements">Of all calls.</param>
/// <param name="Error">The worst max |a − b| / max |a| of a call; in units in the last place where bits are compared.</param>
/// <param name="Tolerance">What it may be.</param>
/// <param name="Worst">Call, row and column of the worst element; empty where nothing differs.</param>
/// <param name="WorstValues">Of the reference and of the device.</param>
sealed record OperationDifference(TrainingPhase Phase, string Operation, string Tensor, int Calls, long Elements, double Error, double Tolerance,
    IReadOnlyList<int> Worst, (float Reference, float Device) WorstValues)
{
    public bool Agrees => Error <= Tolerance;
}
