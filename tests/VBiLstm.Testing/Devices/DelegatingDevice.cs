using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Tests.Devices;

/// <summary>A device that has another do everything; derived classes spoil one operation. Owns the other.</summary>
public abstract class DelegatingDevice(Device inner) : Device
{
    protected Device Inner { get; } = inner;

    public override string Name => $"spoilt {Inner.Name}";

    internal override DeviceMemory Allocate(long bytes, string purpose) => Inner.Allocate(bytes, purpose);

    private protected override void UploadCore(ReadOnlySpan<float> source, Tensor target) => Inner.Upload(source, target);

    private protected override void UploadCore(ReadOnlySpan<int> source, IdTensor target) => Inner.Upload(source, target);

    private protected override void DownloadCore(Tensor source, Span<float> target) => Inner.Download(source, target);

    private protected override Readback CreateReadbackCore(Tensor source) => Inner.CreateReadback(source);

    internal override void Synchronise() => Inner.Synchronise();

    private protected override Recording RecordCore(Action operations) => Inner.Record(operations);

    private protected override void ForkCore(Action branch) => Inner.Fork(branch);

    private protected override void JoinBranchesCore() => Inner.JoinBranches();

    private protected override void PrepareLoopCore(VariationalLoop loop) => Inner.PrepareLoop(loop);

    private protected override bool TryLoopForwardCore(VariationalLoop loop) => Inner.TryLoopForward(loop);

    private protected override bool TryLoopBackwardCore(VariationalLoop loop) => Inner.TryLoopBackward(loop);

    internal override Weight CreateWeight(Tensor values, WeightUse use) => Inner.CreateWeight(values, use);

    private protected override void RefreshWeightsCore(IReadOnlyList<Weight> weights) => Inner.RefreshWeights(weights);

    private protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate) => Inner.Multiply(x, w, bias, y, accumulate);

    private protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate) => Inner.MultiplyTransposed(dy, w, dx, accumulate);

    private protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
        => Inner.WeightGradients(gradients, dy, dBias, accumulate);

    private protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
        => Inner.LstmCellForward(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);

    private protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
        => Inner.LstmCellBackward(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);

    private protected override void AddCore(Tensor x, Tensor addend, Tensor y) => Inner.Add(x, addend, y);

    private protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate) => Inner.MultiplyElements(x, mask, y, accumulate);

    private protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y) => Inner.Mix(previous, candidate, keep, y);

    private protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => Inner.MixBackward(dy1, dy2, keep, dPrevious, dCandidate, accumulatePrevious);

    private protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => Inner.GaussianMixtureNllForward(output, target, nll, head, components);

    private protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => Inner.GaussianMixtureNllBackward(output, target, w, head, components);

    private protected override void NormStabiliserForwardCore(Tensor h, Tensor result) => Inner.NormStabiliserForward(h, result);

    private protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
        => Inner.NormStabiliserBackward(h, w, coefficient, dh);

    private protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result) => Inner.DistanceForward(x, target, result);

    private protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
        => Inner.DistanceBackward(x, target, w, coefficient, dx);

    private protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
        => Inner.MultiplyLeakyRelu(x, w, bias, y, phi);

    private protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi) => Inner.LeakyReluForward(x, addend, y, phi);

    private protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
        => Inner.LeakyReluBackward(dy, y, dx, mask, maskedDx, phi);

    private protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => Inner.SampleGaussianForward(output, noise, sample, head);

    private protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output,
        GaussianHead head)
        => Inner.SampleGaussianBackward(dSample1, dSample2, noise, dMoments, output, head);

    private protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head) => Inner.GaussianKlForward(q, p, kl, head);

    private protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
        => Inner.GaussianKlBackward(q, p, w, omega, dMoments, head);

    private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        => Inner.GaussianLogDensityForward(target, output, result, sign, head);

    private protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput,
        bool throughOutput, Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
        => Inner.GaussianLogDensityBackward(target, output, w, coefficient, dOutput, throughOutput, dTarget, targetMask, accumulateTarget, head);

    private protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll) => Inner.BernoulliNllForward(logits, y, nll);

    private protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w) => Inner.BernoulliNllBackward(logits, y, w);

    private protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll) => Inner.CategoricalNllForward(logits, y, nll);

    private protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w) => Inner.CategoricalNllBackward(logits, y, w);

    private protected override void SquaredNormForwardCore(Tensor h, Tensor result) => Inner.SquaredNormForward(h, result);

    private protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh) => Inner.SquaredNormBackward(h, w, gamma, dh);

    private protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y) => Inner.EmbeddingForward(ids, table, y);

    private protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable) => Inner.EmbeddingBackward(ids, dy, dTable);

    private protected override void ZeroCore(Tensor x) => Inner.Zero(x);

    private protected override void CopyCore(Tensor x, Tensor y) => Inner.Copy(x, y);

    private protected override void MaskRowsCore(Tensor x, Tensor mask) => Inner.MaskRows(x, mask);

    private protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result) => Inner.WeightedSum(values, w, result);

    private protected override void FillNormalCore(Tensor x, NoiseSource noise) => Inner.FillNormal(x, noise);

    private protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
        => Inner.FillBernoulli(x, probability, noise, one);

    private protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
        => Inner.AddNormal(x, deviation, key, stream, y);

    private protected override void GradientNormCore(Tensor gradients, Tensor result) => Inner.GradientNorm(gradients, result);

    private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
        => Inner.AdamStep(parameters, gradients, firstMoments, secondMoments, arguments);

    private protected override void Dispose(bool disposing) => Inner.Dispose();
}
