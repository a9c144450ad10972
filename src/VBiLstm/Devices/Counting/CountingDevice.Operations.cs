using VBiLstm.Noise;

namespace VBiLstm.Devices.Counting;

// Operands that are read and written count twice.
public sealed partial class CountingDevice
{
    const string ColumnSums = "ColumnSums";

    protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
    {
        // A GPU's library adds the bias within the product, but not to a vector.
        var addsAfterwards = !bias.IsEmpty && (x.Rows == 1 || x.Columns == 1 || y.Columns == 1);
        Count(nameof(Multiply), Bytes(x, w.Values, addsAfterwards ? default : bias, y) + (accumulate ? Bytes(y) : 0), Product(x, w.Values.Columns));
        if (addsAfterwards)
            Count(nameof(Add), Bytes(y, bias, y));
    }

    protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
        => Count(nameof(MultiplyTransposed), Bytes(dy, w.Values, dx) + (accumulate ? Bytes(dx) : 0), Product(dy, w.Values.Rows));

    // A product for each weight, and one kernel that sums the rows, or their slices before another adds those.
    protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
    {
        foreach (ref readonly var pair in gradients)
            if (!pair.X.IsEmpty)
                Count(nameof(WeightGradients), Bytes(pair.X, dy, pair.DW) + (accumulate ? Bytes(pair.DW) : 0), Product(pair.X, dy.Columns));
        if (dBias.IsEmpty)
            return;
        if (RowSlices(dy.Rows, dy.Columns) is > 1 and var slices)
        {
            Count(ColumnSums, Bytes(dy) + slices * Bytes(dBias));
            Count(ColumnSums, slices * Bytes(dBias) + Bytes(dBias) + (accumulate ? Bytes(dBias) : 0));
            return;
        }

        Count(ColumnSums, Bytes(dy, dBias) + (accumulate ? Bytes(dBias) : 0));
    }

    protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        if (IsThin(x))
        {
            Count(nameof(MultiplyLeakyRelu), Bytes(x, w.Values, bias, y), Product(x, w.Values.Columns));
            return;
        }

        Count(nameof(Multiply), Bytes(x, w.Values, y), Product(x, w.Values.Columns));
        Count(nameof(LeakyReluForward), Bytes(y, bias, y));
    }

    static double Product(Tensor x, int columns) => 2.0 * x.Rows * x.Columns * columns;

    protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
        => Count(nameof(LstmCellForward), 2 * Bytes(gates) + Bytes(addend, cPrevious, validity, updateMask) + Bytes(c, tanhC, h));

    protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
        => Count(nameof(LstmCellBackward), 2 * Bytes(gates, dc) + Bytes(cPrevious, tanhC) + Bytes(dh1, dh2, validity, updateMask));

    protected override void AddCore(Tensor x, Tensor addend, Tensor y) => Count(nameof(Add), Bytes(x, addend, y));

    protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate)
        => Count(nameof(MultiplyElements), Bytes(x, mask, y) + (accumulate ? Bytes(y) : 0));

    protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y) => Count(nameof(Mix), Bytes(previous, candidate, keep, y));

    protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => Count(nameof(MixBackward), Bytes(dy1, dy2, keep) + Bytes(dPrevious, dCandidate) + (accumulatePrevious ? Bytes(dPrevious) : 0));

    protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi) => Count(nameof(LeakyReluForward), Bytes(x, addend, y));

    protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => Count(nameof(LeakyReluBackward), Bytes(dy, y, mask) + Bytes(dx, maskedDx));

    // With tanh means the first half of the output is written back; without a sample it is all that is touched.
    protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => Count(nameof(SampleGaussianForward), sample.IsEmpty ? Bytes(output) : Bytes(output, noise, sample) + (head.TanhMean ? Bytes(output) / 2 : 0));

    protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
        => Count(nameof(SampleGaussianBackward), Bytes(dSample1, dSample2, noise, dMoments) + 2 * Bytes(output));

    protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head) => Count(nameof(GaussianKlForward), Bytes(q, p, kl));

    protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
        => Count(nameof(GaussianKlBackward), Bytes(q, w, omega, dMoments) + 2 * Bytes(p));

    protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => Count(nameof(GaussianLogDensityForward), Bytes(target, output, result));

    protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => Count(nameof(GaussianLogDensityBackward), Bytes(target, output, w, coefficient) + Bytes(dOutput)
            + (dTarget.IsEmpty ? 0 : Bytes(dTarget, targetMask) + (accumulateTarget ? Bytes(dTarget) : 0)));

    protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => Count(nameof(GaussianMixtureNllForward), Bytes(output, target, nll));

    protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => Count(nameof(GaussianMixtureNllBackward), 2 * Bytes(output) + Bytes(target, w));

    protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll) => Count(nameof(BernoulliNllForward), Bytes(logits, y, nll));

    protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w) => Count(nameof(BernoulliNllBackward), 2 * Bytes(logits) + Bytes(y, w));

    protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
        => Count(nameof(CategoricalNllForward), Bytes(logits, nll) + Bytes(y));

    protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
        => Count(nameof(CategoricalNllBackward), 2 * Bytes(logits) + Bytes(w) + Bytes(y));

    protected override void SquaredNormForwardCore(Tensor h, Tensor result) => Count(nameof(SquaredNormForward), Bytes(h, result));

    protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
        => Count(nameof(SquaredNormBackward), Bytes(h, w) + 2 * Bytes(dh));

    protected override void NormStabiliserForwardCore(Tensor h, Tensor result) => Count(nameof(NormStabiliserForward), Bytes(h, result));

    protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
        => Count(nameof(NormStabiliserBackward), Bytes(h, w) + 2 * Bytes(dh));

    protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result) => Count(nameof(DistanceForward), Bytes(x, target, result));

    protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
        => Count(nameof(DistanceBackward), Bytes(x, target, w, coefficient) + Bytes(dx));

    protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y)
        => Count(nameof(EmbeddingForward), Bytes(ids) + Bytes(y) + BytesOfRows(table, ids.Count));

    // The table is cleared first.
    protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable)
    {
        Zero(dTable);
        Count(nameof(EmbeddingBackward), Bytes(ids) + Bytes(dy) + BytesOfRows(dTable, ids.Count));
    }

    // No more rows of a table than there are.
    static long BytesOfRows(Tensor table, int rows) => (long)Math.Min(table.Rows, rows) * table.Columns * sizeof(float);

    protected override void ZeroCore(Tensor x) => Count(nameof(Zero), Bytes(x));

    protected override void CopyCore(Tensor x, Tensor y) => Count(nameof(Copy), Bytes(x, y));

    protected override void MaskRowsCore(Tensor x, Tensor mask) => Count(nameof(MaskRows), 2 * Bytes(x) + Bytes(mask));

    protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result) => Count(nameof(WeightedSum), Bytes(values, w, result));

    protected override void FillNormalCore(Tensor x, NoiseSource noise) => Count(nameof(FillNormal), Bytes(x) + Bytes(noise.Key) + Bytes(noise.RowIds));

    protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
        => Count(nameof(FillBernoulli), Bytes(x) + Bytes(noise.Key) + Bytes(noise.RowIds));

    protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
        => Count(nameof(AddNormal), Bytes(x, y) + Bytes(key));

    // Partial sums of all parts, then the sum of those.
    protected override void GradientNormCore(Tensor gradients, Tensor result)
    {
        Count("SumOfSquares", Bytes(gradients));
        Count(nameof(GradientNorm), Bytes(result));
    }

    protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        if (arguments.HaltOnNonFinite)
            Count("AdamGuard", Bytes(arguments.Norm, arguments.Objective, arguments.Halted));
        Count(nameof(AdamStep), 2 * Bytes(parameters, firstMoments, secondMoments) + Bytes(gradients));
    }
}
