using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Tests.Devices;

/// <summary>A device that has another do everything; derived classes spoil one operation. Owns the other.</summary>
public abstract class DelegatingDevice(Device inner) : Device
{
    protected Device Inner { get; } = inner;

    public override string Name => $"spoilt {Inner.Name}";

    public override DeviceMemory Allocate(long bytes, string purpose) => Inner.Allocate(bytes, purpose);

    public override void Upload(ReadOnlySpan<float> source, Tensor target) => Inner.Upload(source, target);

    public override void Upload(ReadOnlySpan<int> source, IdTensor target) => Inner.Upload(source, target);

    public override void Download(Tensor source, Span<float> target) => Inner.Download(source, target);

    public override Readback CreateReadback(Tensor source) => Inner.CreateReadback(source);

    public override void Synchronise() => Inner.Synchronise();

    public override Action Record(Action operations) => Inner.Record(operations);

    public override Weight CreateWeight(Tensor values, WeightUse use) => Inner.CreateWeight(values, use);

    public override void RefreshWeights(IReadOnlyList<Weight> weights) => Inner.RefreshWeights(weights);

    public override void Multiply(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate) => Inner.Multiply(x, w, bias, y, accumulate);

    public override void MultiplyTransposed(Tensor dy, Weight w, Tensor dx, bool accumulate) => Inner.MultiplyTransposed(dy, w, dx, accumulate);

    public override void WeightGradients(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate = false) => Inner.WeightGradients(gradients, dy, dBias, accumulate);

    protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask)
        => Inner.LstmCellForward(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);

    protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc, Tensor updateMask)
        => Inner.LstmCellBackward(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);

    protected override void AddCore(Tensor x, Tensor addend, Tensor y) => Inner.Add(x, addend, y);

    protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate) => Inner.MultiplyElements(x, mask, y, accumulate);

    protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y) => Inner.Mix(previous, candidate, keep, y);

    protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => Inner.MixBackward(dy1, dy2, keep, dPrevious, dCandidate, accumulatePrevious);

    protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => Inner.GaussianMixtureNllForward(output, target, nll, head, components);

    protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => Inner.GaussianMixtureNllBackward(output, target, w, head, components);

    protected override void NormStabiliserForwardCore(Tensor h, Tensor result) => Inner.NormStabiliserForward(h, result);

    protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh) => Inner.NormStabiliserBackward(h, w, coefficient, dh);

    protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result) => Inner.DistanceForward(x, target, result);

    protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx) => Inner.DistanceBackward(x, target, w, coefficient, dx);

    public override void MultiplyLeakyRelu(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi) => Inner.MultiplyLeakyRelu(x, w, bias, y, phi);

    public override void LeakyReluForward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi) => Inner.LeakyReluForward(x, addend, y, phi);

    public override void LeakyReluBackward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi) => Inner.LeakyReluBackward(dy, y, dx, mask, maskedDx, phi);

    public override void SampleGaussianForward(Tensor output, Tensor noise, Tensor sample, GaussianHead head) => Inner.SampleGaussianForward(output, noise, sample, head);

    public override void SampleGaussianBackward(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
        => Inner.SampleGaussianBackward(dSample1, dSample2, noise, dMoments, output, head);

    public override void GaussianKlForward(Tensor q, Tensor p, Tensor kl, GaussianHead head) => Inner.GaussianKlForward(q, p, kl, head);

    public override void GaussianKlBackward(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head) => Inner.GaussianKlBackward(q, p, w, omega, dMoments, head);

    public override void GaussianLogDensityForward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => Inner.GaussianLogDensityForward(target, output, result, sign, head);

    public override void GaussianLogDensityBackward(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => Inner.GaussianLogDensityBackward(target, output, w, coefficient, dOutput, throughOutput, dTarget, targetMask, accumulateTarget, head);

    public override void BernoulliNllForward(Tensor logits, Tensor y, Tensor nll) => Inner.BernoulliNllForward(logits, y, nll);

    public override void BernoulliNllBackward(Tensor logits, Tensor y, Tensor w) => Inner.BernoulliNllBackward(logits, y, w);

    public override void CategoricalNllForward(Tensor logits, IdTensor y, Tensor nll) => Inner.CategoricalNllForward(logits, y, nll);

    public override void CategoricalNllBackward(Tensor logits, IdTensor y, Tensor w) => Inner.CategoricalNllBackward(logits, y, w);

    public override void SquaredNormForward(Tensor h, Tensor result) => Inner.SquaredNormForward(h, result);

    public override void SquaredNormBackward(Tensor h, Tensor w, float gamma, Tensor dh) => Inner.SquaredNormBackward(h, w, gamma, dh);

    public override void EmbeddingForward(IdTensor ids, Tensor table, Tensor y) => Inner.EmbeddingForward(ids, table, y);

    public override void EmbeddingBackward(IdTensor ids, Tensor dy, Tensor dTable) => Inner.EmbeddingBackward(ids, dy, dTable);

    public override void Zero(Tensor x) => Inner.Zero(x);

    public override void Copy(Tensor x, Tensor y) => Inner.Copy(x, y);

    public override void MaskRows(Tensor x, Tensor mask) => Inner.MaskRows(x, mask);

    public override void WeightedSum(Tensor values, Tensor w, Tensor result) => Inner.WeightedSum(values, w, result);

    public override void FillNormal(Tensor x, NoiseSource noise) => Inner.FillNormal(x, noise);

    protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one) => Inner.FillBernoulli(x, probability, noise, one);

    protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y) => Inner.AddNormal(x, deviation, key, stream, y);

    public override void GradientNorm(Tensor gradients, Tensor result) => Inner.GradientNorm(gradients, result);

    public override void AdamStep(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
        => Inner.AdamStep(parameters, gradients, firstMoments, secondMoments, arguments);

    protected override void Dispose(bool disposing) => Inner.Dispose();
}
