using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    private protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y)
    {
        var arguments = stackalloc void*[] { &ids, &table, &y };
        LaunchElements(_kernels.EmbeddingForward, y.Rows, y.Columns, arguments);
    }

    private protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable)
    {
        ZeroCore(dTable);
        if (ids.Count == 0)
            return;
        var arguments = stackalloc void*[] { &ids, &dy, &dTable };
        Launch(_kernels.EmbeddingBackward, (uint)ids.Count, (uint)CeilingDivide(dy.Columns, ElementColumns), ElementThreads, 1, arguments);
        RoundOperand(dTable);
    }

    private protected override void ZeroCore(Tensor x)
    {
        if (x.IsEmpty)
            return;
        _context.Bind();
        if (x.IsContiguous)
        {
            if (x.Address != 0)
                Clear(x.Address, x.Count * sizeof(float));
            if (x.Operand != 0)
                Clear(x.Operand, x.Count * Tensor.OperandBytes);
            return;
        }

        var arguments = stackalloc void*[] { &x };
        LaunchElements(_kernels.Zero, x.Rows, x.Columns, arguments);
    }

    void Clear(nint address, long bytes)
    {
        EndRunOfKernels();
        CudaStatus.Check(CudaDriver.MemsetD8Async(address, 0, (nuint)bytes, _current.Handle), "cuMemsetD8Async", "clearing a tensor");
    }

    private protected override void CopyCore(Tensor x, Tensor y)
    {
        _context.Bind();
        if (!x.IsContiguous || !y.IsContiguous || x.Address == 0 || y.Operand != 0)
        {
            CopyRows(x, y);
            return;
        }

        EndRunOfKernels();
        CudaStatus.Check(CudaDriver.MemcpyDtoDAsync(y.Address, x.Address, (nuint)x.Count * sizeof(float), _current.Handle), "cuMemcpyDtoDAsync",
            "copying a tensor");
    }

    void CopyRows(Tensor x, Tensor y)
    {
        var arguments = stackalloc void*[] { &x, &y };
        LaunchElements(_kernels.Copy, x.Rows, x.Columns, arguments);
    }

    // The operand of what the host, or a kernel that leaves none, has written.
    void RoundOperand(Tensor x)
    {
        if (x.Operand != 0)
            CopyRows(x, x with { Address = 0 });
    }

    private protected override void MaskRowsCore(Tensor x, Tensor mask)
    {
        var arguments = stackalloc void*[] { &x, &mask };
        LaunchElements(_kernels.MaskRows, x.Rows, x.Columns, arguments);
    }

    private protected override void FillNormalCore(Tensor x, NoiseSource noise)
    {
        var arguments = stackalloc void*[] { &x, &noise };
        LaunchFours(_kernels.FillNormal, x.Rows, x.Columns, arguments);
    }
}
