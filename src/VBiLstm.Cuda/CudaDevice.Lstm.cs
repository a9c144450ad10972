using System.Diagnostics;
using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    internal override bool OpaqueRecurrences => _recurrences is not null;

    // Where cuDNN refused a trial, the two recurrences do as well.
    internal override bool JoinsDirections => _recurrences is not null && !_refusesBothDirections;

    private protected override long RecurrenceBytesCore(IEnumerable<DeviceRecurrence> recurrences, int units, int rows, bool training)
        => _recurrences?.Measure(recurrences, units, rows, training) ?? 0;

    private protected override void PrepareCore(LstmSequence sequence) => _recurrences?.Prepare(sequence);

    // cuDNN may be there and not work: of another CUDA than cuBLAS, without its sub-libraries, or of a GPU that it does not know.
    void StartRecurrences()
    {
        if (Options.Recurrence == CudaRecurrence.Kernels || RoundsOperands)
            return;
        if (Options.Recurrence == CudaRecurrence.Cudnn)
        {
            NativeLibraries.Require(NativeLibraries.Cudnn);
            OpenCudnn();
            return;
        }

        if (NativeLibraries.Find(NativeLibraries.Cudnn).Handle == 0)
        {
            _notices.Add($"cuDNN was not found: {KernelsInstead} vbilstm doctor says what was tried; --recurrence kernels asks for this.");
            return;
        }

        try
        {
            OpenCudnn();
            RecurrenceComparison.Try(this, LstmDirection.Forward);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or (CudaException and not (CudaDriverException or CublasException)))
        {
            _recurrences?.Dispose();
            _recurrences = null;
            _notices.Add($"cuDNN was found, but does not work: {e.Message} {KernelsInstead} --recurrence kernels asks for this.");
            return;
        }

        try
        {
            RecurrenceComparison.Try(this, LstmDirection.Forward, LstmDirection.Backward);
        }
        catch (CudaException e) when (e is not (CudaDriverException or CublasException))
        {
            _refusesBothDirections = true;
            _notices.Add($"cuDNN does not run both directions of an LSTM as one: {e.Message} model.kind=bilstm runs them one after the other.");
        }
    }

    void OpenCudnn() => _recurrences = _releases.Add(new CudnnRecurrences(this, _stream, Options.Precision, _main.Products.Version));

    const string KernelsInstead = "LSTMs without a channel run by the project's own kernels, a product and a cell a step.";

    private protected override void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask)
    {
        var arguments = stackalloc void*[] { &gates, &addend, &cPrevious, &validity, &c, &tanhC, &h, &updateMask };
        LaunchElements(_kernels.LstmCellForward, c.Rows, c.Columns, arguments);
    }

    private protected override void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask)
    {
        var arguments = stackalloc void*[] { &gates, &cPrevious, &tanhC, &dh1, &dh2, &validity, &dc, &updateMask };
        LaunchElements(_kernels.LstmCellBackward, dc.Rows, dc.Columns, arguments);
    }

    private protected override void LstmSequenceForwardCore(LstmSequence sequence)
    {
        if (_recurrences is null)
            base.LstmSequenceForwardCore(sequence);
        else
            _recurrences.Forward(sequence);
    }

    private protected override void LstmSequenceBackwardCore(LstmSequence sequence)
    {
        if (_recurrences is null)
            base.LstmSequenceBackwardCore(sequence);
        else
            _recurrences.Backward(sequence);
    }

    private protected override void PrepareBidirectionalCore(BidirectionalLstm lstm)
    {
        if (JoinsDirections)
            _recurrences!.Prepare(lstm);
        else
            base.PrepareBidirectionalCore(lstm);
    }

    private protected override void BidirectionalForwardCore(BidirectionalLstm lstm)
    {
        if (JoinsDirections)
            _recurrences!.Forward(lstm);
        else
            base.BidirectionalForwardCore(lstm);
    }

    private protected override void BidirectionalBackwardCore(BidirectionalLstm lstm)
    {
        if (JoinsDirections)
            _recurrences!.Backward(lstm);
        else
            base.BidirectionalBackwardCore(lstm);
    }

    /// <summary>y = xᵀ.</summary>
    internal void Transpose(Tensor x, Tensor y)
    {
        Debug.Assert(x.Rows == y.Columns && x.Columns == y.Rows);
        var arguments = stackalloc void*[] { &x, &y };
        Launch(_kernels.Transpose, (uint)CeilingDivide(x.Columns, TileColumns), (uint)CeilingDivide(x.Rows, TileRows), TileColumns, TileThreadRows, arguments);
    }

    /// <summary>Number of ones in each column of validity [steps · batch, 1], into lengths [batch].</summary>
    internal void SequenceLengths(Tensor validity, int batch, IdTensor lengths)
    {
        var arguments = stackalloc void*[] { &validity, &batch, &lengths };
        Launch(_kernels.SequenceLengths, (uint)CeilingDivide(batch, ElementThreads), 1, ElementThreads, 1, arguments);
    }

    /// <summary>
    /// Steps of source [steps · sourceBatch, N] into target [steps · targetBatch, N], each row's own length read backwards where <paramref
    /// name="reverse"/>; zeros in rows and steps that the source lacks. Lengths [sourceBatch], or empty: all steps.
    /// </summary>
    internal void GatherSteps(Tensor source, int sourceBatch, Tensor target, int targetBatch, IdTensor lengths, int steps, bool reverse)
    {
        Debug.Assert(target.Rows == steps * targetBatch && source.Columns == target.Columns);
        var reverses = reverse ? 1 : 0;
        var arguments = stackalloc void*[] { &source, &sourceBatch, &target, &targetBatch, &lengths, &steps, &reverses };
        LaunchElements(_kernels.GatherSteps, target.Rows, target.Columns, arguments);
    }
}
