using VBiLstm.Noise;

namespace VBiLstm.Devices.Counting;

// What is read and written counts twice.
sealed partial class CountingDevice
{
    private protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
        => Count(nameof(LstmCellForward), Read(gates, addend, cPrevious, validity, updateMask) + Values(gates) + Written(c, tanhC, h));

    private protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
        => Count(nameof(LstmCellBackward), Read(gates, dc, cPrevious, tanhC, dh1, dh2, validity, updateMask) + Written(gates, dc));

    private protected override void AddCore(Tensor x, Tensor addend, Tensor y) => Count(nameof(Add), Read(x, addend) + Written(y));

    private protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate)
        => Count(nameof(MultiplyElements), Read(x, mask, accumulate ? y : default) + Written(y));

    private protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
        => Count(nameof(Mix), Read(previous, candidate, keep) + Written(y));

    private protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => Count(nameof(MixBackward), Read(dy1, dy2, keep, accumulatePrevious ? dPrevious : default) + Written(dPrevious, dCandidate));

    private protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
        => Count(nameof(LeakyReluForward), Read(x, addend) + Written(y));

    private protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => Count(nameof(LeakyReluBackward), Read(dy, y, mask) + Written(dx, maskedDx));

    // With tanh means the first half of the output is written back; without a sample it is all that is touched.
    private protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => Count(nameof(SampleGaussianForward), sample.IsEmpty ? Values(output)
            : Read(output, noise) + Written(sample) + (head.TanhMean ? Values(output) / 2 : 0));

    private protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output,
        GaussianHead head)
        => Count(nameof(SampleGaussianBackward), Read(dSample1, dSample2, noise, dMoments, output) + Written(output));

    private protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
        => Count(nameof(GaussianKlForward), Read(q, p) + Written(kl));

    private protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
        => Count(nameof(GaussianKlBackward), Read(q, w, omega, p) + Written(dMoments, p));

    private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => Count(nameof(GaussianLogDensityForward), Read(target, output) + Written(result));

    private protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput,
        bool throughOutput, Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => Count(nameof(GaussianLogDensityBackward), Read(target, output, w, coefficient) + Written(dOutput)
            + (dTarget.IsEmpty ? 0 : Read(targetMask, accumulateTarget ? dTarget : default) + Written(dTarget)));

    private protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => Count(nameof(GaussianMixtureNllForward), Read(output, target) + Written(nll));

    private protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
    {
        Count(nameof(GaussianMixtureNllBackward), Read(output, target, w) + Values(output));
        RoundOperand(output);
    }

    private protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll)
        => Count(nameof(BernoulliNllForward), Read(logits, y) + Written(nll));

    private protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w)
        => Count(nameof(BernoulliNllBackward), Read(logits, y, w) + Written(logits));

    private protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
        => Count(nameof(CategoricalNllForward), Read(logits) + Bytes(y) + Written(nll));

    private protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
    {
        Count(nameof(CategoricalNllBackward), Read(logits, w) + Bytes(y) + Values(logits));
        RoundOperand(logits);
    }

    private protected override void SquaredNormForwardCore(Tensor h, Tensor result) => Count(nameof(SquaredNormForward), Read(h) + Written(result));

    private protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
        => Count(nameof(SquaredNormBackward), Read(h, w, dh) + Written(dh));

    private protected override void NormStabiliserForwardCore(Tensor h, Tensor result) => Count(nameof(NormStabiliserForward), Read(h) + Written(result));

    private protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
        => Count(nameof(NormStabiliserBackward), Read(h, w, dh) + Written(dh));

    private protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result)
        => Count(nameof(DistanceForward), Read(x, target) + Written(result));

    private protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
    {
        Count(nameof(DistanceBackward), Read(x, target, w, coefficient) + Values(dx));
        RoundOperand(dx);
    }

    private protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y)
        => Count(nameof(EmbeddingForward), Bytes(ids) + BytesOfRows(table, ids.Count) + Written(y));

    // The table is cleared first.
    private protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable)
    {
        ZeroCore(dTable);
        if (ids.Count == 0)
            return;
        Count(nameof(EmbeddingBackward), Bytes(ids) + Read(dy) + BytesOfRows(dTable, ids.Count));
        RoundOperand(dTable);
    }

    // No more rows of a table than there are.
    static long BytesOfRows(Tensor table, int rows) => (long)Math.Min(table.Rows, rows) * table.Columns * sizeof(float);

    // A fill for each form of what is contiguous, one kernel for all of what is not.
    private protected override void ZeroCore(Tensor x)
    {
        if (x.Address != 0 && x.Operand != 0 && x.IsContiguous)
        {
            Count(nameof(Zero), Values(x), launch: CountedLaunch.Other);
            Count(nameof(Zero), Operands(x), launch: CountedLaunch.Other);
        }
        else if (!x.IsEmpty)
        {
            Count(nameof(Zero), Written(x), launch: x.IsContiguous ? CountedLaunch.Other : CountedLaunch.Kernel);
        }
    }

    private protected override void CopyCore(Tensor x, Tensor y)
    {
        var copiesMemory = x.IsContiguous && y.IsContiguous && x.Address != 0 && y.Operand == 0;
        Count(nameof(Copy), Read(x) + Written(y), launch: copiesMemory ? CountedLaunch.Other : CountedLaunch.Kernel);
    }

    // What the host, or a kernel that leaves no operand, has written.
    void RoundOperand(Tensor x)
    {
        if (x.Operand != 0)
            CopyCore(x, x with { Address = 0 });
    }

    private protected override void MaskRowsCore(Tensor x, Tensor mask) => Count(nameof(MaskRows), Read(x, mask) + Written(x));

    private protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result) => Count(nameof(WeightedSum), Read(values, w) + Written(result));

    private protected override void FillNormalCore(Tensor x, NoiseSource noise)
        => Count(nameof(FillNormal), Written(x) + Bytes(noise.Key) + Bytes(noise.RowIds));

    private protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
        => Count(nameof(FillBernoulli), Written(x) + Bytes(noise.Key) + Bytes(noise.RowIds));

    private protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
        => Count(nameof(AddNormal), Read(x) + Written(y) + Bytes(key));

    // Partial sums of all parts, then the sum of those.
    private protected override void GradientNormCore(Tensor gradients, Tensor result)
    {
        Count("SumOfSquares", Read(gradients));
        Count(nameof(GradientNorm), Written(result));
    }

    private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        if (arguments.HaltOnNonFinite)
            Count("AdamGuard", Read(arguments.Norm, arguments.Objective, arguments.Halted));
        Count(nameof(AdamStep), Read(parameters, gradients, firstMoments, secondMoments) + Written(parameters, firstMoments, secondMoments));
    }
}
