using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    public override void LeakyReluForward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
    {
        CheckShape(x.Rows == y.Rows && x.Columns == y.Columns && (addend.IsEmpty || (addend.Columns == x.Columns && (addend.Rows == x.Rows || addend.Rows == 1))));
        var arguments = stackalloc void*[] { &x, &addend, &y, &phi };
        LaunchElements(_kernels.LeakyReluForward, y.Rows, y.Columns, arguments);
    }

    public override void LeakyReluBackward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        CheckShape(dy.Rows == y.Rows && dy.Columns == y.Columns && dx.Rows == y.Rows && dx.Columns == y.Columns);
        var arguments = stackalloc void*[] { &dy, &y, &dx, &mask, &maskedDx, &phi };
        LaunchElements(_kernels.LeakyReluBackward, dx.Rows, dx.Columns, arguments);
    }

    public override void SampleGaussianForward(Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        CheckShape(sample.IsEmpty || (output.Columns == 2 * sample.Columns && output.Rows == sample.Rows));
        var arguments = stackalloc void*[] { &output, &noise, &sample, &head };
        LaunchElements(_kernels.SampleGaussianForward, output.Rows, output.Columns / 2, arguments);
    }

    public override void SampleGaussianBackward(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head)
    {
        CheckShape(output.Columns == 2 * dSample1.Columns && output.Rows == dSample1.Rows && dMoments.Columns == output.Columns);
        var arguments = stackalloc void*[] { &dSample1, &dSample2, &noise, &dMoments, &output, &head };
        LaunchElements(_kernels.SampleGaussianBackward, dSample1.Rows, dSample1.Columns, arguments);
    }

    public override void GaussianKlForward(Tensor q, Tensor p, Tensor kl, GaussianHead head)
    {
        CheckShape(q.Rows == kl.Rows && (p.IsEmpty || (p.Rows == q.Rows && p.Columns == q.Columns)));
        var arguments = stackalloc void*[] { &q, &p, &kl, &head };
        LaunchRows(_kernels.GaussianKlForward, q.Rows, q.Columns / 2, arguments);
    }

    public override void GaussianKlBackward(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head)
    {
        CheckShape(q.Rows == w.Rows && dMoments.Columns == q.Columns && (p.IsEmpty || (p.Rows == q.Rows && p.Columns == q.Columns)));
        var arguments = stackalloc void*[] { &q, &p, &w, &omega, &dMoments, &head };
        LaunchElements(_kernels.GaussianKlBackward, q.Rows, q.Columns / 2, arguments);
    }

    public override void GaussianLogDensityForward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
    {
        CheckShape(target.Rows == result.Rows && (output.IsEmpty || output.Columns == 2 * target.Columns));
        var arguments = stackalloc void*[] { &target, &output, &result, &sign, &head };
        LaunchRows(_kernels.GaussianLogDensityForward, target.Rows, target.Columns, arguments);
    }

    public override void GaussianLogDensityBackward(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head)
    {
        CheckShape(target.Rows == w.Rows && output.Columns == 2 * target.Columns && dOutput.Columns == output.Columns);
        var (through, accumulate) = (throughOutput ? 1 : 0, accumulateTarget ? 1 : 0);
        var arguments = stackalloc void*[] { &target, &output, &w, &coefficient, &dOutput, &through, &dTarget, &targetMask, &accumulate, &head };
        LaunchElements(_kernels.GaussianLogDensityBackward, target.Rows, target.Columns, arguments);
    }
}
