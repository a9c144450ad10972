using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
    {
        if (x.Columns != 1 || one != 1)
            throw NoKernel(nameof(FillBernoulli) + " of more than a column of ones");
        var arguments = stackalloc void*[] { &x, &probability, &noise };
        LaunchElements(_kernels.FillBernoulli, x.Rows, x.Columns, arguments);
    }

    protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y) => throw NoKernel(nameof(AddNormal));

    protected override void AddCore(Tensor x, Tensor addend, Tensor y) => throw NoKernel(nameof(Add));

    protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate) => throw NoKernel(nameof(MultiplyElements));

    protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y) => throw NoKernel(nameof(Mix));

    protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
        => throw NoKernel(nameof(MixBackward));

    protected override void NormStabiliserForwardCore(Tensor h, Tensor result) => throw NoKernel(nameof(NormStabiliserForward));

    protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh) => throw NoKernel(nameof(NormStabiliserBackward));

    protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result) => throw NoKernel(nameof(DistanceForward));

    protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx) => throw NoKernel(nameof(DistanceBackward));

    protected override void GaussianMixtureNllForwardCore(Tensor output, Tensor target, Tensor nll, GaussianHead head, int components)
        => throw NoKernel(nameof(GaussianMixtureNllForward));

    protected override void GaussianMixtureNllBackwardCore(Tensor output, Tensor target, Tensor w, GaussianHead head, int components)
        => throw NoKernel(nameof(GaussianMixtureNllBackward));

    static NotSupportedException NoKernel(string operation) => new($"{operation} has no kernel yet; use --device cpu.");
}
