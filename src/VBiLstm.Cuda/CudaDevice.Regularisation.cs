using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    private protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
    {
        var arguments = stackalloc void*[] { &x, &probability, &noise, &one };
        LaunchFours(_kernels.FillBernoulli, x.Rows, x.Columns, arguments);
    }

    private protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
    {
        var arguments = stackalloc void*[] { &x, &deviation, &key, &stream, &y };
        LaunchFours(_kernels.AddNormal, x.Rows, x.Columns, arguments);
    }

    private protected override void AddCore(Tensor x, Tensor addend, Tensor y)
    {
        var arguments = stackalloc void*[] { &x, &addend, &y };
        LaunchElements(_kernels.Add, y.Rows, y.Columns, arguments);
    }

    private protected override void MultiplyElementsCore(Tensor x, Tensor mask, Tensor y, bool accumulate)
    {
        var accumulates = accumulate ? 1 : 0;
        var arguments = stackalloc void*[] { &x, &mask, &y, &accumulates };
        LaunchElements(_kernels.MultiplyElements, y.Rows, y.Columns, arguments);
    }

    private protected override void MixCore(Tensor previous, Tensor candidate, Tensor keep, Tensor y)
    {
        var arguments = stackalloc void*[] { &previous, &candidate, &keep, &y };
        LaunchElements(_kernels.Mix, y.Rows, y.Columns, arguments);
    }

    private protected override void MixBackwardCore(Tensor dy1, Tensor dy2, Tensor keep, Tensor dPrevious, Tensor dCandidate, bool accumulatePrevious)
    {
        var accumulates = accumulatePrevious ? 1 : 0;
        var arguments = stackalloc void*[] { &dy1, &dy2, &keep, &dPrevious, &dCandidate, &accumulates };
        LaunchElements(_kernels.MixBackward, dCandidate.Rows, dCandidate.Columns, arguments);
    }

    private protected override void NormStabiliserForwardCore(Tensor h, Tensor result)
    {
        var arguments = stackalloc void*[] { &h, &result };
        LaunchRows(_kernels.NormStabiliserForward, result.Rows, h.Columns, arguments);
    }

    private protected override void NormStabiliserBackwardCore(Tensor h, Tensor w, float coefficient, Tensor dh)
    {
        var arguments = stackalloc void*[] { &h, &w, &coefficient, &dh };
        LaunchRows(_kernels.NormStabiliserBackward, h.Rows, h.Columns, arguments);
    }

    private protected override void DistanceForwardCore(Tensor x, Tensor target, Tensor result)
    {
        var arguments = stackalloc void*[] { &x, &target, &result };
        LaunchRows(_kernels.DistanceForward, x.Rows, x.Columns, arguments);
    }

    private protected override void DistanceBackwardCore(Tensor x, Tensor target, Tensor w, Tensor coefficient, Tensor dx)
    {
        var arguments = stackalloc void*[] { &x, &target, &w, &coefficient, &dx };
        LaunchRows(_kernels.DistanceBackward, x.Rows, x.Columns, arguments);
        RoundOperand(dx);
    }
}
