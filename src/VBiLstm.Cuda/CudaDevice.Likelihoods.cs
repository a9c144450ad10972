using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    public override void BernoulliNllForward(Tensor logits, Tensor y, Tensor nll)
    {
        CheckShape(logits.Rows == y.Rows && logits.Columns == y.Columns && nll.Rows == y.Rows);
        var arguments = stackalloc void*[] { &logits, &y, &nll };
        LaunchRows(_kernels.BernoulliNllForward, logits.Rows, logits.Columns, arguments);
    }

    public override void BernoulliNllBackward(Tensor logits, Tensor y, Tensor w)
    {
        CheckShape(logits.Rows == y.Rows && logits.Columns == y.Columns && w.Rows == y.Rows);
        var arguments = stackalloc void*[] { &logits, &y, &w };
        LaunchElements(_kernels.BernoulliNllBackward, logits.Rows, logits.Columns, arguments);
    }

    public override void CategoricalNllForward(Tensor logits, IdTensor y, Tensor nll)
    {
        CheckShape(logits.Rows == y.Count && nll.Rows == y.Count);
        var arguments = stackalloc void*[] { &logits, &y, &nll };
        LaunchRows(_kernels.CategoricalNllForward, logits.Rows, logits.Columns, arguments);
    }

    public override void CategoricalNllBackward(Tensor logits, IdTensor y, Tensor w)
    {
        CheckShape(logits.Rows == y.Count && w.Rows == y.Count);
        var arguments = stackalloc void*[] { &logits, &y, &w };
        LaunchRows(_kernels.CategoricalNllBackward, logits.Rows, logits.Columns, arguments);
    }

    public override void SquaredNormForward(Tensor h, Tensor result)
    {
        CheckShape(h.Rows == result.Rows);
        var arguments = stackalloc void*[] { &h, &result };
        LaunchRows(_kernels.SquaredNormForward, h.Rows, h.Columns, arguments);
    }

    public override void SquaredNormBackward(Tensor h, Tensor w, float gamma, Tensor dh)
    {
        CheckShape(h.Rows == dh.Rows && h.Columns == dh.Columns && w.Rows == h.Rows);
        var arguments = stackalloc void*[] { &h, &w, &gamma, &dh };
        LaunchElements(_kernels.SquaredNormBackward, h.Rows, h.Columns, arguments);
    }
}
