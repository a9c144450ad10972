using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// An <see cref="Lstm"/> over N time steps of B rows: operands, activations by state slot, gradients. Where nothing but its inputs feeds it, it is a
/// <see cref="Sequence"/> of the device's own; otherwise the model's loop walks it.
/// </summary>
sealed class LstmPass
{
    readonly Device _device;
    readonly int _rows;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="lstm">What it is made of.</param>
    /// <param name="sizes">Of the step.</param>
    /// <param name="steps">N.</param>
    /// <param name="recurrentUse">Products that U takes part in as an operand of its own; none where it is part of a stack.</param>
    public LstmPass(Workspace workspace, Lstm lstm, in StepSizes sizes, int steps, WeightUse recurrentUse)
    {
        _device = workspace.Device;
        _rows = sizes.BatchSize;
        var (b, h) = (sizes.BatchSize, lstm.Units);
        InputWeight = workspace.Operand(lstm.InputWeight, sizes.InputGradient ? WeightUse.Forward | WeightUse.Transposed : WeightUse.Forward);
        Recurrent = workspace.Operand(lstm.RecurrentWeight, recurrentUse);
        Bias = workspace.Value(lstm.Bias);
        (DInputWeight, DRecurrent, DBias) = (workspace.Gradient(lstm.InputWeight), workspace.Gradient(lstm.RecurrentWeight), workspace.Gradient(lstm.Bias));
        TokenGates = workspace.TakeIf(sizes.ProjectsVocabulary, sizes.VocabularySize, 4 * h);
        Gates = workspace.Take(checked(steps * b), 4 * h);
        H = workspace.Take(checked((steps + 1) * b), h);
        C = workspace.Take(checked((steps + 1) * b), h);
        TanhC = workspace.Take(steps * b, h);
        DH = workspace.TakeForTraining(checked((steps + 1) * b), h);
        DHRecurrent = workspace.TakeForTraining(b, h);
        DC = workspace.TakeForTraining(b, h);
    }

    public Weight InputWeight { get; }

    public Weight Recurrent { get; }

    public Tensor Bias { get; }

    public Tensor DInputWeight { get; }

    public Tensor DRecurrent { get; }

    public Tensor DBias { get; }

    /// <summary>E W_x + b for each id, then the sums of dA over the id's occurrences, [V, 4H]; empty unless the vocabulary is projected.</summary>
    public Tensor TokenGates { get; }

    /// <summary>[N, B, 4H]: input projections plus bias, then gates i, f, u, o, then dA.</summary>
    public Tensor Gates { get; }

    /// <summary>States by slot, [N+1, B, H].</summary>
    public Tensor H { get; }

    /// <summary>Cells by slot, [N+1, B, H].</summary>
    public Tensor C { get; }

    /// <summary>[N, B, H].</summary>
    public Tensor TanhC { get; }

    /// <summary>Everything that reaches h but through the recurrence, by state slot, [N+1, B, H].</summary>
    public Tensor DH { get; }

    /// <summary>[B, H]: what reaches h through the recurrence; the initial state's after the backward pass.</summary>
    public Tensor DHRecurrent { get; }

    /// <summary>[B, H]; the initial cell's after the backward pass.</summary>
    public Tensor DC { get; }

    /// <summary>The recurrence as one operation of the device, for an LSTM that nothing but its inputs feeds.</summary>
    /// <param name="direction">Forward: step k writes slot k + 1. Backward: it writes slot k.</param>
    /// <param name="inputs">Where its inputs come from.</param>
    /// <param name="validity">v by step; empty where every step counts.</param>
    /// <param name="addsToDInput">Whether another recurrence has written its share of the inputs' gradient.</param>
    public LstmSequence Sequence(LstmDirection direction, InputPass inputs, Tensor validity, bool addsToDInput)
    {
        var rows = Gates.Rows;
        return new LstmSequence
        {
            Direction = direction,
            Steps = rows / _rows,
            BatchSize = _rows,
            Input = inputs.Embedded.RowRange(0, inputs.Embedded.IsEmpty ? 0 : rows),
            InputWeight = InputWeight,
            Bias = Bias,
            Recurrent = Recurrent,
            Gates = Gates,
            H = H,
            C = C,
            TanhC = TanhC,
            Validity = validity,
            DInputWeight = DInputWeight,
            DRecurrent = DRecurrent,
            DBias = DBias,
            DInput = inputs.DEmbedded.RowRange(0, inputs.DEmbedded.IsEmpty ? 0 : rows),
            AddsToDInput = addsToDInput,
            DH = direction == LstmDirection.Forward ? DH.RowRange(_rows, DH.IsEmpty ? 0 : rows) : DH.RowRange(0, DH.IsEmpty ? 0 : rows),
            DHRecurrent = DHRecurrent,
            DC = DC,
        };
    }

    /// <summary>Zeros the slot that a backward recurrence over so many steps begins from; it moves with T, and an earlier, longer batch may have written there.</summary>
    public void ZeroSlot(int slot)
    {
        _device.Zero(H.RowRange(slot * _rows, _rows));
        _device.Zero(C.RowRange(slot * _rows, _rows));
    }

    /// <summary>What a forward pass leaves of an LSTM that reads the past, for comparisons.</summary>
    /// <param name="frame">The step.</param>
    /// <param name="isLoop">Whether the model walks it, so that every device has what is inside.</param>
    public IEnumerable<StepTensor> PastTensors(StepFrame frame, bool isLoop)
    {
        Tensor Inside(Tensor tensor) => isLoop ? tensor : frame.Inside(tensor);

        return
        [
            frame.Predicted("gates", Inside(Gates), TrainingPhase.F3, StepOrder.Ascending),
            frame.Predicted("c", Inside(frame.Span(C, 1, frame.Steps)), TrainingPhase.F3, StepOrder.Ascending),
            frame.Predicted("tanh_c", Inside(TanhC), TrainingPhase.F3, StepOrder.Ascending),
            frame.Predicted("h", frame.Span(H, 1, frame.Steps), TrainingPhase.F3, StepOrder.Ascending),
        ];
    }

    /// <summary>What a forward pass leaves of a backward LSTM, for comparisons.</summary>
    public IEnumerable<StepTensor> FutureTensors(StepFrame frame) =>
    [
        frame.Tokens("backward_gates", frame.Inside(Gates), TrainingPhase.F1BackwardLstm, StepOrder.Descending),
        frame.Tokens("backward_c", frame.Inside(C), TrainingPhase.F1BackwardLstm, StepOrder.Descending),
        frame.Tokens("backward_tanh_c", frame.Inside(TanhC), TrainingPhase.F1BackwardLstm, StepOrder.Descending),
        frame.Tokens("backward_h", H, TrainingPhase.F1BackwardLstm, StepOrder.Descending),
    ];

    /// <summary>What a backward pass leaves of a backward LSTM, for comparisons.</summary>
    public IEnumerable<StepTensor> FutureGradients(StepFrame frame) =>
    [
        frame.Tokens("grad.backward_h", DH, TrainingPhase.B7),
        frame.Tokens("grad.backward_gates", frame.Inside(Gates), TrainingPhase.B7, StepOrder.Ascending),
    ];
}
