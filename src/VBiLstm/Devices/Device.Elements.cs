namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>y = φ(x + addend). Shapes: x and y [R, M] (y may be x or the addend), addend [R, M], [1, M] (a bias) or empty.</summary>
    internal void LeakyReluForward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
    {
        Check(Same(y, x), $"y is {y}, x is {x}.");
        Check(EmptyOrSame(addend, x) || Is(addend, 1, x.Columns), $"the addend is {addend}, x is {x}: it takes that or [1, {x.Columns}].");
        LeakyReluForwardCore(x, addend, y, phi);
    }

    private protected abstract void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi);

    /// <summary>
    /// dx = dy φ′, φ′ taken from the output y = φ(a). Where <paramref name="mask"/> [R, 1] is given, maskedDx = mask dx as well.
    /// Shapes: [R, M]; dx may be dy.
    /// </summary>
    internal void LeakyReluBackward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        Check(Same(dy, y), $"dy is {dy}, y is {y}.");
        Check(Same(dx, y), $"dx is {dx}, y is {y}.");
        Check(mask.IsEmpty || Is(mask, y.Rows, 1), $"the mask is {mask}, y is {y}: it takes [{y.Rows}, 1].");
        Check(mask.IsEmpty || Same(maskedDx, y), $"maskedDx is {maskedDx}, y is {y}.");
        LeakyReluBackwardCore(dy, y, dx, mask, maskedDx, phi);
    }

    private protected abstract void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi);

    /// <summary>y = table[ids]. Shapes: ids [R], table [V, E], y [R, E].</summary>
    internal void EmbeddingForward(IdTensor ids, Tensor table, Tensor y)
    {
        Check(Is(y, ids.Count, table.Columns), $"y is {y}, the ids {ids} of the table {table} take [{ids.Count}, {table.Columns}].");
        EmbeddingForwardCore(ids, table, y);
    }

    private protected abstract void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y);

    /// <summary>dTable = Σ over rows with that id of dy, in row order. Shapes as in the forward operation.</summary>
    internal void EmbeddingBackward(IdTensor ids, Tensor dy, Tensor dTable)
    {
        Check(Is(dy, ids.Count, dTable.Columns), $"dy is {dy}, the ids {ids} of dTable {dTable} take [{ids.Count}, {dTable.Columns}].");
        EmbeddingBackwardCore(ids, dy, dTable);
    }

    private protected abstract void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable);

    /// <summary>x = 0.</summary>
    internal void Zero(Tensor x) => ZeroCore(x);

    private protected abstract void ZeroCore(Tensor x);

    /// <summary>y = x, same shape.</summary>
    internal void Copy(Tensor x, Tensor y)
    {
        Check(Same(y, x), $"y is {y}, x is {x}.");
        CopyCore(x, y);
    }

    private protected abstract void CopyCore(Tensor x, Tensor y);

    /// <summary>x becomes mask x, row by row. Shapes: x [R, N], mask [R, 1].</summary>
    internal void MaskRows(Tensor x, Tensor mask)
    {
        Check(Is(mask, x.Rows, 1), $"the mask is {mask}, x is {x}: it takes [{x.Rows}, 1].");
        MaskRowsCore(x, mask);
    }

    private protected abstract void MaskRowsCore(Tensor x, Tensor mask);

    /// <summary>
    /// y = x + addend; row r takes row r mod K of the addend, so that [1, N] adds to every row and [B, N] to every time step. y may be x or the addend.
    /// Shapes: x and y [R, N], addend [K, N] with R a multiple of K.
    /// </summary>
    internal void Add(Tensor x, Tensor addend, Tensor y)
    {
        Check(Same(y, x), $"y is {y}, x is {x}.");
        Check(Repeats(addend, x), $"the addend is {addend}, x is {x}, which is no whole number of it.");
        AddCore(x, addend, y);
    }

    private protected abstract void AddCore(Tensor x, Tensor addend, Tensor y);

    /// <summary>
    /// y = x ⊙ mask, or y += x ⊙ mask; row r takes row r mod K of the mask, so that a mask of sequences [B, N] repeats at every time step. y may be x.
    /// Shapes: x and y [R, N], mask [K, N] with R a multiple of K.
    /// </summary>
    internal void MultiplyElements(Tensor x, Tensor mask, Tensor y, bool accumulate)
    {
        Check(Same(y, x), $"y is {y}, x is {x}.");
        Check(Repeats(mask, x), $"the mask is {mask}, x is {x}, which is no whole number of it.");
        MultiplyElementsCore(x, mask, y, accumulate);
    }

    private protected abstract void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate);

    /// <summary>
    /// Zoneout (Krueger et al. 2017): y = keep ⊙ previous + (1 − keep) ⊙ candidate. Keep holds zeros and ones in training, their expectation in
    /// evaluation; row r takes its row r mod K. y may be previous or candidate. Shapes: [R, N], keep [K, N] with R a multiple of K.
    /// </summary>
    internal void Mix(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
    {
        Check(Same(candidate, previous), $"the candidate is {candidate}, the previous values are {previous}.");
        Check(Same(y, previous), $"y is {y}, the previous values are {previous}.");
        Check(Repeats(keep, previous), $"keep is {keep}, the previous values are {previous}, which is no whole number of it.");
        MixCore(previous, candidate, keep, y);
    }

    private protected abstract void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y);

    /// <summary>
    /// Backward of <see cref="Mix"/> with dy = dy1 + dy2 (either may be empty): dPrevious = keep ⊙ dy, or += where <paramref
    /// name="accumulatePrevious"/>; dCandidate = (1 − keep) ⊙ dy. In a reverse loop dPrevious is the state gradient's slot of the step before, to
    /// which it adds. dPrevious may be empty; each of the two may be dy1 or dy2. Shapes: [R, N], keep [K, N] with R a multiple of K.
    /// </summary>
    internal void MixBackward(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
    {
        Check(EmptyOrSame(dy1, dCandidate), $"dy1 is {dy1}, dCandidate is {dCandidate}.");
        Check(EmptyOrSame(dy2, dCandidate), $"dy2 is {dy2}, dCandidate is {dCandidate}.");
        Check(EmptyOrSame(dPrevious, dCandidate), $"dPrevious is {dPrevious}, dCandidate is {dCandidate}.");
        Check(Repeats(keep, dCandidate), $"keep is {keep}, dCandidate is {dCandidate}, which is no whole number of it.");
        MixBackwardCore(dy1, dy2, keep, dPrevious, dCandidate, accumulatePrevious);
    }

    private protected abstract void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious);
}
