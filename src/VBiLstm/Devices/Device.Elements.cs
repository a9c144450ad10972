namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>
    /// y = x + addend; row r takes row r mod K of the addend, so that [1, N] adds to every row and [B, N] to every time step. y may be x or the addend.
    /// Shapes: x and y [R, N], addend [K, N] with R a multiple of K.
    /// </summary>
    public void Add(Tensor x, Tensor addend, Tensor y)
    {
        Check(Same(y, x), $"y is {y}, x is {x}.");
        Check(Repeats(addend, x), $"the addend is {addend}, x is {x}, which is no whole number of it.");
        AddCore(x, addend, y);
    }

    protected abstract void AddCore(Tensor x, Tensor addend, Tensor y);

    /// <summary>
    /// y = x ⊙ mask, or y += x ⊙ mask; row r takes row r mod K of the mask, so that a mask of sequences [B, N] repeats at every time step. y may be x.
    /// Shapes: x and y [R, N], mask [K, N] with R a multiple of K.
    /// </summary>
    public void MultiplyElements(Tensor x, Tensor mask, Tensor y, bool accumulate)
    {
        Check(Same(y, x), $"y is {y}, x is {x}.");
        Check(Repeats(mask, x), $"the mask is {mask}, x is {x}, which is no whole number of it.");
        MultiplyElementsCore(x, mask, y, accumulate);
    }

    protected abstract void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate);

    /// <summary>
    /// Zoneout (Krueger et al. 2017): y = keep ⊙ previous + (1 − keep) ⊙ candidate. Keep holds zeros and ones in training, their expectation in evaluation; row r
    /// takes its row r mod K. y may be previous or candidate. Shapes: [R, N], keep [K, N] with R a multiple of K.
    /// </summary>
    public void Mix(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
    {
        Check(Same(candidate, previous), $"the candidate is {candidate}, the previous values are {previous}.");
        Check(Same(y, previous), $"y is {y}, the previous values are {previous}.");
        Check(Repeats(keep, previous), $"keep is {keep}, the previous values are {previous}, which is no whole number of it.");
        MixCore(previous, candidate, keep, y);
    }

    protected abstract void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y);

    /// <summary>
    /// Backward of <see cref="Mix"/> with dy = dy1 + dy2 (either may be empty): dPrevious = keep ⊙ dy, or += where <paramref name="accumulatePrevious"/>; dCandidate =
    /// (1 − keep) ⊙ dy. In a reverse loop dPrevious is the state gradient's slot of the step before, to which it adds. dPrevious may be empty; each of
    /// the two may be dy1 or dy2. Shapes: [R, N], keep [K, N] with R a multiple of K.
    /// </summary>
    public void MixBackward(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
    {
        Check(EmptyOrSame(dy1, dCandidate), $"dy1 is {dy1}, dCandidate is {dCandidate}.");
        Check(EmptyOrSame(dy2, dCandidate), $"dy2 is {dy2}, dCandidate is {dCandidate}.");
        Check(EmptyOrSame(dPrevious, dCandidate), $"dPrevious is {dPrevious}, dCandidate is {dCandidate}.");
        Check(Repeats(keep, dCandidate), $"keep is {keep}, dCandidate is {dCandidate}, which is no whole number of it.");
        MixBackwardCore(dy1, dy2, keep, dPrevious, dCandidate, accumulatePrevious);
    }

    protected abstract void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious);
}
