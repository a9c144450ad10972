using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    private protected override void BernoulliNllForwardCore(Tensor logits, Tensor y, Tensor nll)
    {
        var arguments = stackalloc void*[] { &logits, &y, &nll };
        LaunchRows(_kernels.BernoulliNllForward, logits.Rows, logits.Columns, arguments);
    }

    private protected override void BernoulliNllBackwardCore(Tensor logits, Tensor y, Tensor w)
    {
        var arguments = stackalloc void*[] { &logits, &y, &w };
        LaunchElements(_kernels.BernoulliNllBackward, logits.Rows, logits.Columns, arguments);
    }

    private protected override void CategoricalNllForwardCore(Tensor logits, IdTensor y, Tensor nll)
    {
        var arguments = stackalloc void*[] { &logits, &y, &nll };
        LaunchRows(_kernels.CategoricalNllForward, logits.Rows, logits.Columns, arguments);
    }

    private protected override void CategoricalNllBackwardCore(Tensor logits, IdTensor y, Tensor w)
    {
        var arguments = stackalloc void*[] { &logits, &y, &w };
        LaunchRows(_kernels.CategoricalNllBackward, logits.Rows, logits.Columns, arguments);
        RoundOperand(logits);
    }

    private protected override void SquaredNormForwardCore(Tensor h, Tensor result)
    {
        var arguments = stackalloc void*[] { &h, &result };
        LaunchRows(_kernels.SquaredNormForward, h.Rows, h.Columns, arguments);
    }

    private protected override void SquaredNormBackwardCore(Tensor h, Tensor w, float gamma, Tensor dh)
    {
        var arguments = stackalloc void*[] { &h, &w, &gamma, &dh };
        LaunchElements(_kernels.SquaredNormBackward, h.Rows, h.Columns, arguments);
    }
}
