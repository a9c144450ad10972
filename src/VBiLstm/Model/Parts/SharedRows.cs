using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// A [T, B, N] tensor whose first values are the same for every sample of a sequence: they are computed once for each sequence, then repeated. Where
/// sequences have one row each, they are computed where they belong.
/// </summary>
/// <param name="workspace">Where the values of the sequences come from.</param>
/// <param name="sizes">Of the step.</param>
/// <param name="rows">[T, B, N], contiguous.</param>
sealed class SharedRows(Workspace workspace, in StepSizes sizes, Tensor rows)
{
    readonly Tensor _ofSequences = workspace.TakeIf(sizes.Samples > 1, sizes.PerSequence.Rows, rows.Columns);

    /// <summary>Where the values go, [T, B / samples, N].</summary>
    public Tensor Target(StepFrame frame) => _ofSequences.IsEmpty ? frame.Whole(rows) : frame.PerSequence.Whole(_ofSequences);

    /// <summary>Gives them to every sample's row.</summary>
    public void Repeat(StepFrame frame)
    {
        if (!_ofSequences.IsEmpty)
            frame.Repeat(Target(frame), rows);
    }
}
