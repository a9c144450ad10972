using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    private protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
    {
        var arguments = stackalloc void*[] { &x, &addend, &y, &phi };
        LaunchElements(_kernels.LeakyReluForward, y.Rows, y.Columns, arguments);
    }

    private protected override void LeakyReluBackwardCore(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        var arguments = stackalloc void*[] { &dy, &y, &dx, &mask, &maskedDx, &phi };
        LaunchElements(_kernels.LeakyReluBackward, dx.Rows, dx.Columns, arguments);
    }

    private protected override void SampleGaussianForwardCore(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        var arguments = stackalloc void*[] { &output, &noise, &sample, &head };
        LaunchElements(_kernels.SampleGaussianForward, output.Rows, output.Columns / 2, arguments);
    }

    private protected override void SampleGaussianBackwardCore(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output,
        GaussianHead head)
    {
        var arguments = stackalloc void*[] { &dSample1, &dSample2, &noise, &dMoments, &output, &head };
        LaunchElements(_kernels.SampleGaussianBackward, dSample1.Rows, dSample1.Columns, arguments);
    }

    private protected override void GaussianKlForwardCore(Tensor q, Tensor p, Tensor kl, GaussianHead head)
    {
        var arguments = stackalloc void*[] { &q, &p, &kl, &head };
        LaunchRows(_kernels.GaussianKlForward, q.Rows, q.Columns / 2, arguments);
    }

    private protected override void GaussianKlBackwardCore(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
    {
        var arguments = stackalloc void*[] { &q, &p, &w, &omega, &dMoments, &head };
        LaunchElements(_kernels.GaussianKlBackward, q.Rows, q.Columns / 2, arguments);
    }

    private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
    {
        var arguments = stackalloc void*[] { &target, &output, &result, &sign, &head };
        LaunchRows(_kernels.GaussianLogDensityForward, target.Rows, target.Columns, arguments);
    }

    private protected override void GaussianLogDensityBackwardCore(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput,
        bool throughOutput, Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
    {
        var (through, accumulate) = (throughOutput ? 1 : 0, accumulateTarget ? 1 : 0);
        var arguments = stackalloc void*[] { &target, &output, &w, &coefficient, &dOutput, &through, &dTarget, &targetMask, &accumulate, &head };
        LaunchElements(_kernels.GaussianLogDensityBackward, target.Rows, target.Columns, arguments);
    }
}
