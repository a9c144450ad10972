using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Verification.Operations;

sealed partial class LockstepDevice
{
    private protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
        => Product(nameof(Multiply), "x", x, w, [bias, y],
            side => side.Device.Multiply(side.At(x), side.At(w), side.At(bias), side.At(y), accumulate), [("y", y)]);

    private protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
        => Product(nameof(MultiplyLeakyRelu), "x", x, w, [bias],
            side => side.Device.MultiplyLeakyRelu(side.At(x), side.At(w), side.At(bias), side.At(y), phi), [("y", y)]);

    private protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
        => Product(nameof(MultiplyTransposed), "dy", dy, w, [dx],
            side => side.Device.MultiplyTransposed(side.At(dy), side.At(w), side.At(dx), accumulate), [("dx", dx)]);

    // A bias has the sum of the gradients themselves, not of the operand.
    private protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
    {
        BringOperand(nameof(WeightGradients), "dy", dy);
        var mirrored = new WeightGradient[gradients.Length];
        for (var i = 0; i < gradients.Length; i++)
        {
            var pair = gradients[i];
            BringOperand(nameof(WeightGradients), "x", pair.X);
            if (!pair.X.IsEmpty)
                Bring(pair.DW);
            mirrored[i] = new WeightGradient(On(pair.X), pair.X.IsEmpty ? default : On(pair.DW));
        }

        Bring(dBias);
        device.WeightGradients(gradients, dy, dBias, accumulate);
        reference.WeightGradients(mirrored, On(dy), default, accumulate);
        if (!dBias.IsEmpty)
        {
            Bring(dy);
            reference.WeightGradients([], On(dy), On(dBias), accumulate);
        }

        foreach (var pair in gradients)
            if (!pair.X.IsEmpty)
                Compare(nameof(WeightGradients), [("dW", pair.DW)]);
        Compare(nameof(WeightGradients), [("dBias", dBias)]);
    }

    private protected override void MultiplyAddLeakyReluCore(Tensor x, Weight w, Tensor addend, Tensor product, Tensor y, LeakyRelu phi)
        => Product(nameof(MultiplyAddLeakyRelu), "x", x, w, [addend],
            side => side.Device.MultiplyAddLeakyRelu(side.At(x), side.At(w), side.At(addend), side.At(product), side.At(y), phi),
            [("y", y), ("other columns", product.ColumnRange(y.Columns, product.Columns - y.Columns))]);

    private protected override void MultiplySampleGaussianCore(Tensor x, Weight w, Tensor bias, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => Product(nameof(MultiplySampleGaussian), "x", x, w, [bias, noise],
            side => side.Device.MultiplySampleGaussian(side.At(x), side.At(w), side.At(bias), side.At(output), side.At(noise), side.At(sample), head),
            [("output", output), ("sample", sample)]);

    private protected override void MultiplyLstmCellForwardCore(Tensor x, Weight w, Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c,
        Tensor tanhC, Tensor h, Tensor updateMask)
        => Product(nameof(MultiplyLstmCellForward), "x", x, w, [gates, addend, cPrevious, validity, updateMask],
            side => side.Device.MultiplyLstmCellForward(side.At(x), side.At(w), side.At(gates), side.At(addend), side.At(cPrevious), side.At(validity),
                side.At(c), side.At(tanhC), side.At(h), side.At(updateMask)),
            [("gates", gates), ("c", c), ("tanh c", tanhC), ("h", h)]);

    private protected override void MultiplyTransposedSampleGaussianCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dSample2, Tensor noise,
        Tensor dMoments, Tensor output, GaussianHead head)
    {
        var others = product.Columns - output.Columns / 2;
        Product(nameof(MultiplyTransposedSampleGaussian), "dy", dy, w, [product, dSample2, noise, dMoments, output],
            side => side.Device.MultiplyTransposedSampleGaussian(side.At(dy), side.At(w), side.At(product), accumulate, side.At(dSample2), side.At(noise),
                side.At(dMoments), side.At(output), head),
            [("output", output), ("other columns", others == 0 ? default : product.ColumnRange(0, others))]);
    }

    private protected override void MultiplyTransposedLeakyReluCore(Tensor dy, Weight w, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => Product(nameof(MultiplyTransposedLeakyRelu), "dy", dy, w, [y, mask],
            side => side.Device.MultiplyTransposedLeakyRelu(side.At(dy), side.At(w), side.At(y), side.At(dx), side.At(mask), side.At(maskedDx), phi),
            [("dx", dx), ("masked dx", mask.IsEmpty ? default : maskedDx)]);

    private protected override void MultiplyTransposedLstmCellBackwardCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor gates, Tensor cPrevious,
        Tensor tanhC, Tensor dh1, Tensor validity, Tensor dc, Tensor updateMask)
        => Product(nameof(MultiplyTransposedLstmCellBackward), "dy", dy, w, [product, gates, cPrevious, tanhC, dh1, validity, dc, updateMask],
            side => side.Device.MultiplyTransposedLstmCellBackward(side.At(dy), side.At(w), side.At(product), accumulate, side.At(gates),
                side.At(cPrevious), side.At(tanhC), side.At(dh1), side.At(validity), side.At(dc), side.At(updateMask)),
            [("gates", gates), ("dc", dc)]);

    private protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
        => Both(nameof(LstmCellForward), [gates, addend, cPrevious, validity, updateMask],
            side => side.Device.LstmCellForward(side.At(gates), side.At(addend), side.At(cPrevious), side.At(validity), side.At(c), side.At(tanhC),
                side.At(h), side.At(updateMask)),
            [("gates", gates), ("c", c), ("tanh c", tanhC), ("h", h)]);

    private protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
        => Both(nameof(LstmCellBackward), [gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask],
            side => side.Device.LstmCellBackward(side.At(gates), side.At(cPrevious), side.At(tanhC), side.At(dh1), side.At(dh2), side.At(validity),
                side.At(dc), side.At(updateMask)),
            [("gates", gates), ("dc", dc)]);

    private protected override void AddCore(Tensor x, Tensor addend, Tensor y)
        => Both(nameof(Add), [x, addend], side => side.Device.Add(side.At(x), side.At(addend), side.At(y)), [("y", y)]);

    private protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate)
        => Both(nameof(MultiplyElements), [x, mask, y],
            side => side.Device.MultiplyElements(side.At(x), side.At(mask), side.At(y), accumulate),
            [("y", y)]);

    private protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
        => Both(nameof(Mix), [previous, candidate, keep],
            side => side.Device.Mix(side.At(previous), side.At(candidate), side.At(keep), side.At(y)),
            [("y", y)]);

    private protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => Both(nameof(MixBackward), [dy1, dy2, keep, dPrevious],
            side => side.Device.MixBackward(side.At(dy1), side.At(dy2), side.At(keep), side.At(dPrevious), side.At(dCandidate), accumulatePrevious),
            [("previous gradient", dPrevious), ("candidate's gradient", dCandidate)]);

    private protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
        => Both(nameof(LeakyReluForward), [x, addend], side => side.Device.LeakyReluForward(side.At(x), side.At(addend), side.At(y), phi), [("y", y)]);

    private protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => Both(nameof(LeakyReluBackward), [dy, y, mask],
            side => side.Device.LeakyReluBackward(side.At(dy), side.At(y), side.At(dx), side.At(mask), side.At(maskedDx), phi),
            [("dx", dx), ("masked dx", mask.IsEmpty ? default : maskedDx)]);

    private protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => Both(nameof(SampleGaussianForward), [output, noise],
            side => side.Device.SampleGaussianForward(side.At(output), side.At(noise), side.At(sample), head),
            [("output", output), ("sample", sample)]);

    private protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output,
        GaussianHead head)
        => Both(nameof(SampleGaussianBackward), [dSample1, dSample2, noise, dMoments, output],
            side => side.Device.SampleGaussianBackward(side.At(dSample1), side.At(dSample2), side.At(noise), side.At(dMoments), side.At(output), head),
            [("output", output)]);

    private protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
        => Both(nameof(GaussianKlForward), [q, p], side => side.Device.GaussianKlForward(side.At(q), side.At(p), side.At(kl), head), [("kl", kl)]);

    private protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
        => Both(nameof(GaussianKlBackward), [q, p, w, omega],
            side => side.Device.GaussianKlBackward(side.At(q), side.At(p), side.At(w), side.At(omega), side.At(dMoments), head),
            [("p", p), ("moments' gradient", dMoments)]);

    private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => Both(nameof(GaussianLogDensityForward), [target, output],
            side => side.Device.GaussianLogDensityForward(side.At(target), side.At(output), side.At(result), sign, head),
            [("result", result)]);

    private protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput,
        bool throughOutput, Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => Both(nameof(GaussianLogDensityBackward), [target, output, w, coefficient, dTarget, targetMask],
            side => side.Device.GaussianLogDensityBackward(side.At(target), side.At(output), side.At(w), side.At(coefficient), side.At(dOutput),
                throughOutput, side.At(dTarget), side.At(targetMask), accumulateTarget, head),
            [("output's gradient", dOutput), ("target's gradient", dTarget)]);

    private protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => Both(nameof(GaussianMixtureNllForward), [output, target],
            side => side.Device.GaussianMixtureNllForward(side.At(output), side.At(target), side.At(nll), head, components),
            [("nll", nll)]);

    private protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => Both(nameof(GaussianMixtureNllBackward), [output, target, w],
            side => side.Device.GaussianMixtureNllBackward(side.At(output), side.At(target), side.At(w), head, components),
            [("output", output)]);

    private protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll)
        => Both(nameof(BernoulliNllForward), [logits, y],
            side => side.Device.BernoulliNllForward(side.At(logits), side.At(y), side.At(nll)),
            [("nll", nll)]);

    private protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w)
        => Both(nameof(BernoulliNllBackward), [logits, y, w],
            side => side.Device.BernoulliNllBackward(side.At(logits), side.At(y), side.At(w)),
            [("logits", logits)]);

    private protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
        => Both(nameof(CategoricalNllForward), [logits],
            side => side.Device.CategoricalNllForward(side.At(logits), side.At(y), side.At(nll)),
            [("nll", nll)]);

    private protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
        => Both(nameof(CategoricalNllBackward), [logits, w],
            side => side.Device.CategoricalNllBackward(side.At(logits), side.At(y), side.At(w)),
            [("logits", logits)]);

    private protected override void SquaredNormForwardCore(Tensor h, Tensor result)
        => Both(nameof(SquaredNormForward), [h], side => side.Device.SquaredNormForward(side.At(h), side.At(result)), [("result", result)]);

    private protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
        => Both(nameof(SquaredNormBackward), [h, w, dh], side => side.Device.SquaredNormBackward(side.At(h), side.At(w), gamma, side.At(dh)), [("dh", dh)]);

    private protected override void NormStabiliserForwardCore(Tensor h, Tensor result)
        => Both(nameof(NormStabiliserForward), [h], side => side.Device.NormStabiliserForward(side.At(h), side.At(result)), [("result", result)]);

    private protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
        => Both(nameof(NormStabiliserBackward), [h, w, dh],
            side => side.Device.NormStabiliserBackward(side.At(h), side.At(w), coefficient, side.At(dh)),
            [("dh", dh)]);

    private protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result)
        => Both(nameof(DistanceForward), [x, target],
            side => side.Device.DistanceForward(side.At(x), side.At(target), side.At(result)),
            [("result", result)]);

    private protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
        => Both(nameof(DistanceBackward), [x, target, w, coefficient],
            side => side.Device.DistanceBackward(side.At(x), side.At(target), side.At(w), side.At(coefficient), side.At(dx)),
            [("dx", dx)]);

    private protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y)
        => Both(nameof(EmbeddingForward), [table], side => side.Device.EmbeddingForward(side.At(ids), side.At(table), side.At(y)), [("y", y)]);

    private protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable)
        => Both(nameof(EmbeddingBackward), [dy],
            side => side.Device.EmbeddingBackward(side.At(ids), side.At(dy), side.At(dTable)),
            [("table's gradient", dTable)]);

    private protected override void ZeroCore(Tensor x)
    {
        if (!x.IsEmpty)
            Both(nameof(Zero), [], side => side.Device.Zero(side.At(x)), [("x", x)], isOfBits: true);
    }

    private protected override void CopyCore(Tensor x, Tensor y)
        => Both(nameof(Copy), [x], side => side.Device.Copy(side.At(x), side.At(y)), [("y", y)]);

    private protected override void MaskRowsCore(Tensor x, Tensor mask)
        => Both(nameof(MaskRows), [x, mask], side => side.Device.MaskRows(side.At(x), side.At(mask)), [("x", x)]);

    private protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result)
        => Both(nameof(WeightedSum), [values, w], side => side.Device.WeightedSum(side.At(values), side.At(w), side.At(result)), [("result", result)]);

    private protected override void FillNormalCore(Tensor x, NoiseSource noise)
        => Both(nameof(FillNormal), [], side => side.Device.FillNormal(side.At(x), side.At(noise)), [("x", x)], isOfBits: true);

    private protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
        => Both(nameof(FillBernoulli), [], side => side.Device.FillBernoulli(side.At(x), probability, side.At(noise), one), [("x", x)], isOfBits: true);

    private protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
        => Both(nameof(AddNormal), [x], side => side.Device.AddNormal(side.At(x), deviation, side.At(key), stream, side.At(y)), [("y", y)], isOfBits: true);

    private protected override void GradientNormCore(Tensor gradients, Tensor result)
        => Both(nameof(GradientNorm), [gradients], side => side.Device.GradientNorm(side.At(gradients), side.At(result)), [("result", result)]);

    private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        var adam = arguments;
        Both(nameof(AdamStep),
            [parameters, gradients, firstMoments, secondMoments, adam.Norm, adam.Objective, adam.Rate, adam.Correction1, adam.Correction2, adam.Halted],
            side => side.Device.AdamStep(side.At(parameters), side.At(gradients), side.At(firstMoments), side.At(secondMoments), adam with
            {
                Norm = side.At(adam.Norm),
                Objective = side.At(adam.Objective),
                Rate = side.At(adam.Rate),
                Correction1 = side.At(adam.Correction1),
                Correction2 = side.At(adam.Correction2),
                Halted = side.At(adam.Halted),
            }),
            [("parameters", parameters), ("first moments", firstMoments), ("second moments", secondMoments)]);
    }

    // What a product reads of x and w is rounded, where the device rounds operands.
    void Product(string operation, string name, Tensor x, Weight w, ReadOnlySpan<Tensor> reads, Action<Side> run,
        ReadOnlySpan<(string Name, Tensor Tensor)> written)
    {
        BringOperand(operation, name, x);
        Bring(operation, w);
        Both(operation, reads, run, written);
    }

    void Both(string operation, ReadOnlySpan<Tensor> reads, Action<Side> run, ReadOnlySpan<(string Name, Tensor Tensor)> written, bool isOfBits = false)
    {
        Bring(reads);
        run(new Side(this, device, isReference: false));
        run(new Side(this, reference, isReference: true));
        Compare(operation, written, isOfBits);
    }

    // One of the two devices, and where it has what the model names by the other's addresses.
    readonly struct Side(LockstepDevice owner, Device own, bool isReference)
    {
        public Device Device => own;

        public Tensor At(Tensor x) => isReference ? owner.On(x) : x;

        public IdTensor At(IdTensor ids) => isReference ? owner.On(ids) : ids;

        public NoiseSource At(NoiseSource noise) => isReference ? owner.On(noise) : noise;

        public Weight At(Weight w) => isReference ? ((LockstepWeight)w).Reference : ((LockstepWeight)w).Device;
    }

    void Bring(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (var tensor in tensors)
            Bring(tensor);
    }
}
