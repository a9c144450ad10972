using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    public override void EmbeddingForward(IdTensor ids, Tensor table, Tensor y)
    {
        CheckShape(ids.Count == y.Rows && table.Columns == y.Columns);
        var arguments = stackalloc void*[] { &ids, &table, &y };
        LaunchElements(_kernels.EmbeddingForward, y.Rows, y.Columns, arguments);
    }

    public override void EmbeddingBackward(IdTensor ids, Tensor dy, Tensor dTable)
    {
        CheckShape(ids.Count == dy.Rows && dTable.Columns == dy.Columns);
        Zero(dTable);
        if (ids.Count == 0)
            return;
        var arguments = stackalloc void*[] { &ids, &dy, &dTable };
        Launch(_kernels.EmbeddingBackward, (uint)ids.Count, (uint)CeilingDivide(dy.Columns, ElementThreads * ElementsPerThread), ElementThreads, 1, arguments);
    }

    public override void Zero(Tensor x)
    {
        if (x.IsEmpty)
            return;
        _context.Bind();
        if (x.IsContiguous)
        {
            CudaStatus.Check(CudaDriver.MemsetD8Async(x.Address, 0, (nuint)x.Count * sizeof(float), _stream), "cuMemsetD8Async", "clearing a tensor");
            return;
        }

        var arguments = stackalloc void*[] { &x };
        LaunchElements(_kernels.Zero, x.Rows, x.Columns, arguments);
    }

    public override void Copy(Tensor x, Tensor y)
    {
        CheckShape(x.Rows == y.Rows && x.Columns == y.Columns);
        _context.Bind();
        if (x.IsContiguous && y.IsContiguous)
            CudaStatus.Check(CudaDriver.MemcpyDtoDAsync(y.Address, x.Address, (nuint)x.Count * sizeof(float), _stream), "cuMemcpyDtoDAsync", "copying a tensor");
        else
            CopyRows(x, y);
    }

    void CopyRows(Tensor x, Tensor y)
    {
        var arguments = stackalloc void*[] { &x, &y };
        LaunchElements(_kernels.Copy, x.Rows, x.Columns, arguments);
    }

    public override void MaskRows(Tensor x, Tensor mask)
    {
        CheckShape(x.Rows == mask.Rows);
        var arguments = stackalloc void*[] { &x, &mask };
        LaunchElements(_kernels.MaskRows, x.Rows, x.Columns, arguments);
    }

    public override void FillNormal(Tensor x, NoiseSource noise)
    {
        CheckShape(x.Rows % noise.RowIds.Count == 0 && noise.Key.Count == 3);
        var arguments = stackalloc void*[] { &x, &noise };
        LaunchElements(_kernels.FillNormal, x.Rows, x.Columns, arguments);
    }
}
