using System.Runtime.CompilerServices;

namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>
    /// One LSTM step from pre-activations a = gates + addend (gate order i, f, u, o):
    /// gates become their activations, c = v (f c_prev + i (m ⊙ u)), h = v o tanh(c before v).
    /// The update mask m drops parts of u (Semeniuta et al. 2016); gates keep u itself. c may be c_prev.
    /// Shapes: gates and addend [B, 4H] (the addend may be empty), validity [B, 1] or empty, m [B, H] or empty (all ones), the rest [B, H].
    /// </summary>
    internal void LstmCellForward(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask = default)
    {
        CheckCell(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
        LstmCellForwardCore(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
    }

    private protected abstract void LstmCellForwardCore(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask);

    /// <summary>
    /// CellBwd of model.md section 3 with dh = v (dh1 + dh2) and dc = v dc (a dh may be empty): gates become da, dc becomes dc_prev.
    /// Shapes: gates [B, 4H], validity [B, 1] or empty, the update mask of the forward operation [B, H] or empty, the rest [B, H].
    /// </summary>
    internal void LstmCellBackward(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask = default)
    {
        CheckCellBackward(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);
        LstmCellBackwardCore(gates, cPrevious, tanhC, dh1, dh2, validity, dc, updateMask);
    }

    private protected abstract void LstmCellBackwardCore(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc,
        Tensor updateMask);

    /// <summary>
    /// Whether a recurrence without channel is one opaque call, as cuDNN's are: input projections are computed within, so that projecting a
    /// vocabulary before gains nothing, and gates and cells stay there.
    /// </summary>
    internal virtual bool OpaqueRecurrences => false;

    /// <summary>Whether a <see cref="BidirectionalLstm"/> is less work here than its two recurrences one after the other.</summary>
    internal virtual bool JoinsDirections => false;

    /// <summary>
    /// Bytes that the device itself will take for the recurrences without channel of one step, of H units and B rows each; 0 where the given tensors are all
    /// it needs.
    /// </summary>
    internal long RecurrenceBytes(IEnumerable<DeviceRecurrence> recurrences, int units, int rows, bool training)
    {
        ArgumentNullException.ThrowIfNull(recurrences);
        return RecurrenceBytesCore(recurrences, units, rows, training);
    }

    private protected virtual long RecurrenceBytesCore(IEnumerable<DeviceRecurrence> recurrences, int units, int rows, bool training) => 0;

    /// <summary>Takes what the device needs for a recurrence of at most <see cref="LstmSequence.Steps"/> steps, before any of them runs.</summary>
    internal void Prepare(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        CheckSequence(sequence);
        PrepareCore(sequence);
    }

    private protected virtual void PrepareCore(LstmSequence sequence)
    {
    }

    /// <summary>Runs a whole recurrence without channel forward, input projections included where <see cref="LstmSequence.Input"/> is given.</summary>
    internal void LstmSequenceForward(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        CheckOnMainLine(nameof(LstmSequenceForward));
        CheckSequence(sequence);
        LstmSequenceForwardCore(sequence);
    }

    private protected virtual void LstmSequenceForwardCore(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        var (n, b) = (sequence.Steps, sequence.BatchSize);
        if (!sequence.Input.IsEmpty)
            Multiply(sequence.Input.RowRange(0, n * b), sequence.InputWeight, sequence.Bias, sequence.Gates.RowRange(0, n * b), accumulate: false);
        for (var i = 0; i < n; i++)
        {
            var (step, from, to) = LstmSlots(sequence, i);
            var gates = sequence.Gates.RowRange(step * b, b);
            MultiplyLstmCellForward(sequence.H.RowRange(from * b, b), sequence.Recurrent, gates, default, sequence.C.RowRange(from * b, b),
                sequence.Validity.RowRange(step * b, b), sequence.C.RowRange(to * b, b), sequence.TanhC.RowRange(step * b, b),
                sequence.H.RowRange(to * b, b));
        }
    }

    /// <summary>
    /// Runs a whole recurrence without channel backward: the gradients of its weights, of its inputs where wanted, and of the initial state. Where
    /// the gates hold projected inputs (<see cref="LstmSequence.Input"/> is empty), leaves their gradients dA there.
    /// </summary>
    internal void LstmSequenceBackward(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        CheckOnMainLine(nameof(LstmSequenceBackward));
        CheckSequence(sequence);
        CheckGradients(sequence);
        LstmSequenceBackwardCore(sequence);
    }

    private protected virtual void LstmSequenceBackwardCore(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        var (n, b) = (sequence.Steps, sequence.BatchSize);
        Zero(sequence.DHRecurrent);
        Zero(sequence.DC);
        Tensor dGatesAfter = default;
        for (var i = n - 1; i >= 0; i--)
        {
            var (step, from, _) = LstmSlots(sequence, i);
            var (gates, c, tanhC) = (sequence.Gates.RowRange(step * b, b), sequence.C.RowRange(from * b, b), sequence.TanhC.RowRange(step * b, b));
            var (dh, validity) = (sequence.DH.RowRange(step * b, b), sequence.Validity.RowRange(step * b, b));
            if (i == n - 1)
            {
                LstmCellBackward(gates, c, tanhC, dh, sequence.DHRecurrent, validity, sequence.DC);
            }
            else
            {
                MultiplyTransposedLstmCellBackward(dGatesAfter, sequence.Recurrent, sequence.DHRecurrent, accumulate: false, gates, c, tanhC, dh, validity,
                    sequence.DC);
            }

            dGatesAfter = gates;
        }

        MultiplyTransposed(dGatesAfter, sequence.Recurrent, sequence.DHRecurrent, accumulate: false);

        var dGates = sequence.Gates.RowRange(0, n * b);
        var hPrevious = sequence.H.RowRange(sequence.Direction == LstmDirection.Forward ? 0 : b, n * b);
        WeightGradients([new(sequence.Input.RowRange(0, n * b), sequence.DInputWeight), new(hPrevious, sequence.DRecurrent)], dGates, sequence.DBias);
        if (!sequence.DInput.IsEmpty)
            MultiplyTransposed(dGates, sequence.InputWeight, sequence.DInput.RowRange(0, n * b), sequence.AddsToDInput);
    }

    /// <summary>Takes what the device needs for both directions, before any of them runs.</summary>
    internal void PrepareBidirectional(BidirectionalLstm lstm)
    {
        ArgumentNullException.ThrowIfNull(lstm);
        CheckBidirectional(lstm);
        PrepareBidirectionalCore(lstm);
    }

    private protected virtual void PrepareBidirectionalCore(BidirectionalLstm lstm)
    {
        ArgumentNullException.ThrowIfNull(lstm);
        PrepareCore(lstm.Forward);
        PrepareCore(lstm.Backward);
    }

    /// <summary>Runs two directions over one input forward, as <see cref="LstmSequenceForward"/> does each.</summary>
    internal void BidirectionalForward(BidirectionalLstm lstm)
    {
        ArgumentNullException.ThrowIfNull(lstm);
        CheckOnMainLine(nameof(BidirectionalForward));
        CheckBidirectional(lstm);
        BidirectionalForwardCore(lstm);
    }

    private protected virtual void BidirectionalForwardCore(BidirectionalLstm lstm)
    {
        ArgumentNullException.ThrowIfNull(lstm);
        LstmSequenceForwardCore(lstm.Backward);
        LstmSequenceForwardCore(lstm.Forward);
    }

    /// <summary>
    /// Runs two directions over one input backward, as <see cref="LstmSequenceBackward"/> does each; the inputs' gradient, where wanted, is the sum over both.
    /// </summary>
    internal void BidirectionalBackward(BidirectionalLstm lstm)
    {
        ArgumentNullException.ThrowIfNull(lstm);
        CheckOnMainLine(nameof(BidirectionalBackward));
        CheckBidirectional(lstm);
        CheckGradients(lstm.Forward);
        CheckGradients(lstm.Backward);
        var (forward, backward) = (lstm.Forward, lstm.Backward);
        Check(forward.DInput.Address == backward.DInput.Address && (backward.DInput.IsEmpty || (!forward.AddsToDInput && backward.AddsToDInput)),
            $"the inputs' gradients are {forward.DInput} and {backward.DInput}: they are one, which the forward LSTM writes and the backward one adds to.");
        BidirectionalBackwardCore(lstm);
    }

    private protected virtual void BidirectionalBackwardCore(BidirectionalLstm lstm)
    {
        ArgumentNullException.ThrowIfNull(lstm);
        var (forward, backward) = (lstm.Forward, lstm.Backward);
        LstmSequenceBackwardCore(forward);
        if (!backward.DInput.IsEmpty && forward.Steps < backward.Steps)
            Zero(backward.DInput.RowRange(forward.Steps * forward.BatchSize, (backward.Steps - forward.Steps) * forward.BatchSize));
        LstmSequenceBackwardCore(backward);
    }

    static (int Step, int From, int To) LstmSlots(LstmSequence sequence, int i)
    {
        var forward = sequence.Direction == LstmDirection.Forward;
        var step = forward ? i : sequence.Steps - 1 - i;
        return forward ? (step, step, step + 1) : (step, step + 1, step);
    }

    static void CheckCell(Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h, Tensor updateMask,
        [CallerMemberName] string operation = "")
    {
        Check(Is(gates, h.Rows, 4 * h.Columns), $"the gates are {gates}, h is {h}: it takes [{h.Rows}, {4L * h.Columns}].", operation);
        Check(EmptyOrSame(addend, gates), $"the addend is {addend}, the gates are {gates}.", operation);
        Check(Same(cPrevious, h), $"the previous cells are {cPrevious}, h is {h}.", operation);
        Check(validity.IsEmpty || Is(validity, h.Rows, 1), $"the validity is {validity}, h is {h}: it takes [{h.Rows}, 1].", operation);
        Check(Same(c, h), $"c is {c}, h is {h}.", operation);
        Check(Same(tanhC, h), $"tanh c is {tanhC}, h is {h}.", operation);
        Check(EmptyOrSame(updateMask, h), $"the update mask is {updateMask}, h is {h}.", operation);
    }

    static void CheckCellBackward(Tensor gates, Tensor cPrevious, Tensor tanhC, Tensor dh1, Tensor dh2, Tensor validity, Tensor dc, Tensor updateMask,
        [CallerMemberName] string operation = "")
    {
        Check(Is(gates, dc.Rows, 4 * dc.Columns), $"the gates are {gates}, dc is {dc}: it takes [{dc.Rows}, {4L * dc.Columns}].", operation);
        Check(Same(cPrevious, dc), $"the previous cells are {cPrevious}, dc is {dc}.", operation);
        Check(Same(tanhC, dc), $"tanh c is {tanhC}, dc is {dc}.", operation);
        Check(EmptyOrSame(dh1, dc), $"dh1 is {dh1}, dc is {dc}.", operation);
        Check(EmptyOrSame(dh2, dc), $"dh2 is {dh2}, dc is {dc}.", operation);
        Check(validity.IsEmpty || Is(validity, dc.Rows, 1), $"the validity is {validity}, dc is {dc}: it takes [{dc.Rows}, 1].", operation);
        Check(EmptyOrSame(updateMask, dc), $"the update mask is {updateMask}, dc is {dc}.", operation);
    }

    // Whether x has the columns and at least the rows of so many steps.
    static bool Holds(Tensor x, long rows, int columns) => x.Rows >= rows && x.Columns == columns;

    static void CheckSequence(LstmSequence sequence, [CallerMemberName] string operation = "")
    {
        var (recurrent, input, rows) = (sequence.Recurrent.Values, sequence.InputWeight.Values, (long)sequence.Steps * sequence.BatchSize);
        var units = recurrent.Rows;
        Check(Is(recurrent, units, 4 * units), $"the recurrent weight is {recurrent}; it takes [{units}, {4L * units}].", operation);
        Check(input.Columns == 4 * units, $"the input weight is {input}, the recurrent one {recurrent}: it takes [E, {4L * units}].", operation);
        Check(Is(sequence.Bias, 1, 4 * units), $"the bias is {sequence.Bias}; it takes [1, {4L * units}].", operation);
        Check(sequence.Input.IsEmpty || Holds(sequence.Input, rows, input.Rows),
            $"the input is {sequence.Input}, its weight is {input}: it takes [{rows}, {input.Rows}].", operation);
        Check(Holds(sequence.Gates, rows, 4 * units), $"the gates are {sequence.Gates}; they take [{rows}, {4L * units}].", operation);
        Check(Holds(sequence.H, rows + sequence.BatchSize, units), $"h is {sequence.H}; it takes [{rows + sequence.BatchSize}, {units}].", operation);
        Check(Holds(sequence.C, rows + sequence.BatchSize, units), $"c is {sequence.C}; it takes [{rows + sequence.BatchSize}, {units}].", operation);
        Check(Holds(sequence.TanhC, rows, units), $"tanh c is {sequence.TanhC}; it takes [{rows}, {units}].", operation);
        Check(sequence.Validity.IsEmpty || Holds(sequence.Validity, rows, 1), $"the validity is {sequence.Validity}; it takes [{rows}, 1].", operation);
    }

    static void CheckBidirectional(BidirectionalLstm lstm, [CallerMemberName] string operation = "")
    {
        var (forward, backward) = (lstm.Forward, lstm.Backward);
        Check(forward.Direction == LstmDirection.Forward && backward.Direction == LstmDirection.Backward,
            $"the directions are {forward.Direction.ToString()} and {backward.Direction.ToString()}; it takes a forward and a backward LSTM.", operation);
        CheckSequence(forward, operation);
        CheckSequence(backward, operation);
        Check(forward.BatchSize == backward.BatchSize && forward.Steps <= backward.Steps,
            $"the forward LSTM has {forward.Steps} steps of {forward.BatchSize} rows, the backward one {backward.Steps} of {backward.BatchSize}.", operation);
        Check(Same(forward.Recurrent.Values, backward.Recurrent.Values) && Same(forward.InputWeight.Values, backward.InputWeight.Values),
            $"the recurrent weights are {forward.Recurrent.Values} and {backward.Recurrent.Values}, the input weights {forward.InputWeight.Values} and "
            + $"{backward.InputWeight.Values}: each two are alike.", operation);
        Check(forward.Input.Address == backward.Input.Address, $"the inputs {forward.Input} and {backward.Input} are not the same.", operation);
        Check(forward.Validity.IsEmpty && backward.Validity.IsEmpty,
            $"the validity is {forward.Validity} and {backward.Validity}; it takes none, for every row has all the steps.", operation);
    }

    static void CheckGradients(LstmSequence sequence, [CallerMemberName] string operation = "")
    {
        var (recurrent, input, rows) = (sequence.Recurrent.Values, sequence.InputWeight.Values, (long)sequence.Steps * sequence.BatchSize);
        var units = recurrent.Rows;
        Check(Holds(sequence.DH, rows, units), $"dh is {sequence.DH}; it takes [{rows}, {units}].", operation);
        Check(Is(sequence.DHRecurrent, sequence.BatchSize, units),
            $"the gradient of the initial h is {sequence.DHRecurrent}; it takes [{sequence.BatchSize}, {units}].", operation);
        Check(Is(sequence.DC, sequence.BatchSize, units),
            $"the gradient of the initial c is {sequence.DC}; it takes [{sequence.BatchSize}, {units}].", operation);
        Check(Same(sequence.DRecurrent, recurrent), $"the recurrent weight's gradient is {sequence.DRecurrent}, the weight is {recurrent}.", operation);
        Check(Same(sequence.DBias, sequence.Bias), $"the bias's gradient is {sequence.DBias}, the bias is {sequence.Bias}.", operation);
        Check(sequence.Input.IsEmpty || Same(sequence.DInputWeight, input),
            $"the input weight's gradient is {sequence.DInputWeight}, the weight is {input}.", operation);
        Check(sequence.DInput.IsEmpty || Holds(sequence.DInput, rows, input.Rows),
            $"the input's gradient is {sequence.DInput}; it takes [{rows}, {input.Rows}].", operation);
    }
}
