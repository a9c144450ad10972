using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Verification.Operations;

sealed partial class LockstepDevice
{
    protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
    {
        BringOperand(nameof(Multiply), "x", x);
        var weight = Bring(nameof(Multiply), w);
        Bring(bias);
        Bring(y);
        device.Multiply(x, OnDevice(w), bias, y, accumulate);
        reference.Multiply(On(x), weight, On(bias), On(y), accumulate);
        Compare(nameof(Multiply), [("y", y)]);
    }

    protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        BringOperand(nameof(MultiplyLeakyRelu), "x", x);
        var weight = Bring(nameof(MultiplyLeakyRelu), w);
        Bring(bias);
        device.MultiplyLeakyRelu(x, OnDevice(w), bias, y, phi);
        reference.MultiplyLeakyRelu(On(x), weight, On(bias), On(y), phi);
        Compare(nameof(MultiplyLeakyRelu), [("y", y)]);
    }

    protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
    {
        BringOperand(nameof(MultiplyTransposed), "dy", dy);
        var weight = Bring(nameof(MultiplyTransposed), w);
        Bring(dx);
        device.MultiplyTransposed(dy, OnDevice(w), dx, accumulate);
        reference.MultiplyTransposed(On(dy), weight, On(dx), accumulate);
        Compare(nameof(MultiplyTransposed), [("dx", dx)]);
    }

    // A bias has the sum of the gradients themselves, not of the operand.
    protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
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

    protected override void MultiplyAddLeakyReluCore(Tensor x, Weight w, Tensor addend, Tensor product, Tensor y, LeakyRelu phi)
    {
        BringOperand(nameof(MultiplyAddLeakyRelu), "x", x);
        var weight = Bring(nameof(MultiplyAddLeakyRelu), w);
        Bring(addend);
        device.MultiplyAddLeakyRelu(x, OnDevice(w), addend, product, y, phi);
        reference.MultiplyAddLeakyRelu(On(x), weight, On(addend), On(product), On(y), phi);
        Compare(nameof(MultiplyAddLeakyRelu), [("y", y), ("other columns", product.ColumnRange(y.Columns, product.Columns - y.Columns))]);
    }

    protected override void MultiplySampleGaussianCore(Tensor x, Weight w, Tensor bias, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        BringOperand(nameof(MultiplySampleGaussian), "x", x);
        var weight = Bring(nameof(MultiplySampleGaussian), w);
        Bring(bias, noise);
        device.MultiplySampleGaussian(x, OnDevice(w), bias, output, noise, sample, head);
        reference.MultiplySampleGaussian(On(x), weight, On(bias), On(output), On(noise), On(sample), head);
        Compare(nameof(MultiplySampleGaussian), [("output", output), ("sample", sample)]);
    }

    protected override void MultiplyLstmCellForwardCore(Tensor x, Weight w, Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c,
        Tensor tanhC, Tensor h, Tensor updateMask)
    {
        BringOperand(nameof(MultiplyLstmCellForward), "x", x);
        var weight = Bring(nameof(MultiplyLstmCellForward), w);
        Bring(gates, addend, cPrevious, validity, updateMask);
        device.MultiplyLstmCellForward(x, OnDevice(w), gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
        reference.MultiplyLstmCellForward(On(x), weight, On(gates), On(addend), On(cPrevious), On(validity), On(c), On(tanhC), On(h), On(updateMask));
        Compare(nameof(MultiplyLstmCellForward), [("gates", gates), ("c", c), ("tanh c", tanhC), ("h", h)]);
    }

    protected override void MultiplyTransposedSampleGaussianCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dSample2, Tensor noise,
        Tensor dMoments, Tensor output, GaussianHead head)
    {
        BringOperand(nameof(MultiplyTransposedSampleGaussian), "dy", dy);
        var weight = Bring(nameof(MultiplyTransposedSampleGaussian), w);
        Bring(product, dSample2, noise, dMoments, output);
        device.MultiplyTransposedSampleGaussian(dy, OnDevice(w), product, accumulate, dSample2, noise, dMoments, output, head);
        reference.MultiplyTransposedSampleGaussian(On(dy), weight, On(product), accumulate, On(dSample2), On(noise), On(dMoments), On(output), head);
        var others = product.Columns - output.Columns / 2;
        Compare(nameof(MultiplyTransposedSampleGaussian), [("output", output), ("other columns", others == 0 ? default : product.ColumnRange(0, others))]);
    }

    protected override void MultiplyTransposedLeakyReluCore(Tensor dy, Weight w, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        BringOperand(nameof(MultiplyTransposedLeakyRelu), "dy", dy);
        var weight = Bring(nameof(MultiplyTransposedLeakyRelu), w);
        Bring(y, mask);
        device.MultiplyTransposedLeakyRelu(dy, OnDevice(w), y, dx, mask, maskedDx, phi);
        reference.MultiplyTransposedLeakyRelu(On(dy), weight, On(y), On(dx), On(mask), On(maskedDx), phi);
        Compare(nameof(MultiplyTransposedLeakyRelu), [("dx", dx), ("masked dx", mask.IsEmpty ? default : maskedDx)]);
    }

    protected override void MultiplyTransposedLstmCellBackwardCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor gates, Tensor cPrevious,
        Tensor tanhC, Tensor dh1, Tensor validity, Tensor dc, Tensor updateMask)
    {
        BringOperand(nameof(MultiplyTransposedLstmCellBackward), "dy", dy);
        var weight = Bring(nameof(MultiplyTransposedLstmCellBackward), w);
        Bring(product, gates, cPrevious, tanhC, dh1, validity, dc, updateMask);
        device.MultiplyTransposedLstmCellBackward(dy, OnDevice(w), product, accumulate, gates, cPrevious, tanhC, dh1, validity, dc, updateMask);
        reference.MultiplyTransposedLstmCellBackward(On(dy), weight, On(product), accumulate, On(gates), On(cPrevious), On(tanhC), On(dh1), On(validity),
            On(dc), On(updateMask));
        Compare(nameof(MultiplyTransposedLstmCellBackward), [("gates", gates), ("dc", dc)]);
    }

    protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
    {
        Bring(gates, addend, cPrevious, validity, updateMask);
        device.LstmCellForward(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
        reference.LstmCellForward(On(gates), On(addend), On(cPrevious), On(validity), On(c), On(tanhC), On(h), On(updateMask));
        Compare(nameof(LstmCellForward), [("gates", gates), ("c", c), ("tanh c", tanhC), ("h", h)]);
    }

    protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
    {
        Bring(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);
        device.LstmCellBackward(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);
        reference.LstmCellBackward(On(gates), On(cPrevious), On(tanhC), On(dh1), On(dh2), On(validity), On(dc), On(updateMask));
        Compare(nameof(LstmCellBackward), [("gates", gates), ("dc", dc)]);
    }

    protected override void AddCore(Tensor x, Tensor addend, Tensor y)
    {
        Bring(x, addend);
        device.Add(x, addend, y);
        reference.Add(On(x), On(addend), On(y));
        Compare(nameof(Add), [("y", y)]);
    }

    protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate)
    {
        Bring(x, mask, y);
        device.MultiplyElements(x, mask, y, accumulate);
        reference.MultiplyElements(On(x), On(mask), On(y), accumulate);
        Compare(nameof(MultiplyElements), [("y", y)]);
    }

    protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
    {
        Bring(previous, candidate, keep);
        device.Mix(previous, candidate, keep, y);
        reference.Mix(On(previous), On(candidate), On(keep), On(y));
        Compare(nameof(Mix), [("y", y)]);
    }

    protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
    {
        Bring(dy1, dy2, keep, dPrevious);
        device.MixBackward(dy1, dy2, keep, dPrevious, dCandidate, accumulatePrevious);
        reference.MixBackward(On(dy1), On(dy2), On(keep), On(dPrevious), On(dCandidate), accumulatePrevious);
        Compare(nameof(MixBackward), [("previous gradient", dPrevious), ("candidate's gradient", dCandidate)]);
    }

    protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
    {
        Bring(x, addend);
        device.LeakyReluForward(x, addend, y, phi);
        reference.LeakyReluForward(On(x), On(addend), On(y), phi);
        Compare(nameof(LeakyReluForward), [("y", y)]);
    }

    protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        Bring(dy, y, mask);
        device.LeakyReluBackward(dy, y, dx, mask, maskedDx, phi);
        reference.LeakyReluBackward(On(dy), On(y), On(dx), On(mask), On(maskedDx), phi);
        Compare(nameof(LeakyReluBackward), [("dx", dx), ("masked dx", mask.IsEmpty ? default : maskedDx)]);
    }

    protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        Bring(output, noise);
        device.SampleGaussianForward(output, noise, sample, head);
        reference.SampleGaussianForward(On(output), On(noise), On(sample), head);
        Compare(nameof(SampleGaussianForward), [("output", output), ("sample", sample)]);
    }

    protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
    {
        Bring(dSample1, dSample2, noise, dMoments, output);
        device.SampleGaussianBackward(dSample1, dSample2, noise, dMoments, output, head);
        reference.SampleGaussianBackward(On(dSample1), On(dSample2), On(noise), On(dMoments), On(output), head);
        Compare(nameof(SampleGaussianBackward), [("output", output)]);
    }

    protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
    {
        Bring(q, p);
        device.GaussianKlForward(q, p, kl, head);
        reference.GaussianKlForward(On(q), On(p), On(kl), head);
        Compare(nameof(GaussianKlForward), [("kl", kl)]);
    }

    protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
    {
        Bring(q, p, w, omega);
        device.GaussianKlBackward(q, p, w, omega, dMoments, head);
        reference.GaussianKlBackward(On(q), On(p), On(w), On(omega), On(dMoments), head);
        Compare(nameof(GaussianKlBackward), [("p", p), ("moments' gradient", dMoments)]);
    }

    protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
    {
        Bring(target, output);
        device.GaussianLogDensityForward(target, output, result, sign, head);
        reference.GaussianLogDensityForward(On(target), On(output), On(result), sign, head);
        Compare(nameof(GaussianLogDensityForward), [("result", result)]);
    }

    protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
    {
        Bring(target, output, w, coefficient, dTarget, targetMask);
        device.GaussianLogDensityBackward(target, output, w, coefficient, dOutput, throughOutput, dTarget, targetMask, accumulateTarget, head);
        reference.GaussianLogDensityBackward(On(target), On(output), On(w), On(coefficient), On(dOutput), throughOutput, On(dTarget), On(targetMask),
            accumulateTarget, head);
        Compare(nameof(GaussianLogDensityBackward), [("output's gradient", dOutput), ("target's gradient", dTarget)]);
    }

    protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
    {
        Bring(output, target);
        device.GaussianMixtureNllForward(output, target, nll, head, components);
        reference.GaussianMixtureNllForward(On(output), On(target), On(nll), head, components);
        Compare(nameof(GaussianMixtureNllForward), [("nll", nll)]);
    }

    protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
    {
        Bring(output, target, w);
        device.GaussianMixtureNllBackward(output, target, w, head, components);
        reference.GaussianMixtureNllBackward(On(output), On(target), On(w), head, components);
        Compare(nameof(GaussianMixtureNllBackward), [("output", output)]);
    }

    protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll)
    {
        Bring(logits, y);
        device.BernoulliNllForward(logits, y, nll);
        reference.BernoulliNllForward(On(logits), On(y), On(nll));
        Compare(nameof(BernoulliNllForward), [("nll", nll)]);
    }

    protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w)
    {
        Bring(logits, y, w);
        device.BernoulliNllBackward(logits, y, w);
        reference.BernoulliNllBackward(On(logits), On(y), On(w));
        Compare(nameof(BernoulliNllBackward), [("logits", logits)]);
    }

    protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
    {
        Bring(logits);
        device.CategoricalNllForward(logits, y, nll);
        reference.CategoricalNllForward(On(logits), On(y), On(nll));
        Compare(nameof(CategoricalNllForward), [("nll", nll)]);
    }

    protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
    {
        Bring(logits, w);
        device.CategoricalNllBackward(logits, y, w);
        reference.CategoricalNllBackward(On(logits), On(y), On(w));
        Compare(nameof(CategoricalNllBackward), [("logits", logits)]);
    }

    protected override void SquaredNormForwardCore(Tensor h, Tensor result)
    {
        Bring(h);
        device.SquaredNormForward(h, result);
        reference.SquaredNormForward(On(h), On(result));
        Compare(nameof(SquaredNormForward), [("result", result)]);
    }

    protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
    {
        Bring(h, w, dh);
        device.SquaredNormBackward(h, w, gamma, dh);
        reference.SquaredNormBackward(On(h), On(w), gamma, On(dh));
        Compare(nameof(SquaredNormBackward), [("dh", dh)]);
    }

    protected override void NormStabiliserForwardCore(Tensor h, Tensor result)
    {
        Bring(h);
        device.NormStabiliserForward(h, result);
        reference.NormStabiliserForward(On(h), On(result));
        Compare(nameof(NormStabiliserForward), [("result", result)]);
    }

    protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
    {
        Bring(h, w, dh);
        device.NormStabiliserBackward(h, w, coefficient, dh);
        reference.NormStabiliserBackward(On(h), On(w), coefficient, On(dh));
        Compare(nameof(NormStabiliserBackward), [("dh", dh)]);
    }

    protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result)
    {
        Bring(x, target);
        device.DistanceForward(x, target, result);
        reference.DistanceForward(On(x), On(target), On(result));
        Compare(nameof(DistanceForward), [("result", result)]);
    }

    protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
    {
        Bring(x, target, w, coefficient);
        device.DistanceBackward(x, target, w, coefficient, dx);
        reference.DistanceBackward(On(x), On(target), On(w), On(coefficient), On(dx));
        Compare(nameof(DistanceBackward), [("dx", dx)]);
    }

    protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y)
    {
        Bring(table);
        device.EmbeddingForward(ids, table, y);
        reference.EmbeddingForward(On(ids), On(table), On(y));
        Compare(nameof(EmbeddingForward), [("y", y)]);
    }

    protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable)
    {
        Bring(dy);
        device.EmbeddingBackward(ids, dy, dTable);
        reference.EmbeddingBackward(On(ids), On(dy), On(dTable));
        Compare(nameof(EmbeddingBackward), [("table's gradient", dTable)]);
    }

    protected override void ZeroCore(Tensor x)
    {
        device.Zero(x);
        if (x.IsEmpty)
            return;
        reference.Zero(On(x));
        Compare(nameof(Zero), [("x", x)], isOfBits: true);
    }

    protected override void CopyCore(Tensor x, Tensor y)
    {
        Bring(x);
        device.Copy(x, y);
        reference.Copy(On(x), On(y));
        Compare(nameof(Copy), [("y", y)]);
    }

    protected override void MaskRowsCore(Tensor x, Tensor mask)
    {
        Bring(x, mask);
        device.MaskRows(x, mask);
        reference.MaskRows(On(x), On(mask));
        Compare(nameof(MaskRows), [("x", x)]);
    }

    protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result)
    {
        Bring(values, w);
        device.WeightedSum(values, w, result);
        reference.WeightedSum(On(values), On(w), On(result));
        Compare(nameof(WeightedSum), [("result", result)]);
    }

    protected override void FillNormalCore(Tensor x, NoiseSource noise)
    {
        device.FillNormal(x, noise);
        reference.FillNormal(On(x), On(noise));
        Compare(nameof(FillNormal), [("x", x)], isOfBits: true);
    }

    protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
    {
        device.FillBernoulli(x, probability, noise, one);
        reference.FillBernoulli(On(x), probability, On(noise), one);
        Compare(nameof(FillBernoulli), [("x", x)], isOfBits: true);
    }

    protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
    {
        Bring(x);
        device.AddNormal(x, deviation, key, stream, y);
        reference.AddNormal(On(x), deviation, On(key), stream, On(y));
        Compare(nameof(AddNormal), [("y", y)], isOfBits: true);
    }

    protected override void GradientNormCore(Tensor gradients, Tensor result)
    {
        Bring(gradients);
        device.GradientNorm(gradients, result);
        reference.GradientNorm(On(gradients), On(result));
        Compare(nameof(GradientNorm), [("result", result)]);
    }

    protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        Bring(parameters, gradients, firstMoments, secondMoments);
        Bring(arguments.Norm, arguments.Objective, arguments.Rate, arguments.Correction1, arguments.Correction2, arguments.Halted);
        device.AdamStep(parameters, gradients, firstMoments, secondMoments, arguments);
        reference.AdamStep(On(parameters), On(gradients), On(firstMoments), On(secondMoments), arguments with
        {
            Norm = On(arguments.Norm),
            Objective = On(arguments.Objective),
            Rate = On(arguments.Rate),
            Correction1 = On(arguments.Correction1),
            Correction2 = On(arguments.Correction2),
            Halted = On(arguments.Halted),
        });
        Compare(nameof(AdamStep), [("parameters", parameters), ("first moments", firstMoments), ("second moments", secondMoments)]);
    }

    void Bring(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (var tensor in tensors)
            Bring(tensor);
    }
}
