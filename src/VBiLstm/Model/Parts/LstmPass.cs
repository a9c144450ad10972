using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// An <see cref="Lstm"/> over N time steps of B rows: operands, activations by state slot, gradients. Where nothing but its inputs feeds it, it is a
/// sequence of the device; otherwise the model's loop walks it.
/// </summary>
sealed class LstmPass
{
    // The state of a backward LSTM that has read all that follows the first target, y_1 = s_1, and not that itself: β_2.
    const int AfterFirstTarget = 2;

    readonly Workspace _workspace;
    readonly Device _device;
    readonly SharedRows _inputProducts;
    readonly WeightNoise? _weightNoise;
    LstmSequence? _sequence;
    Tensor _dInput;
    bool _addsToDInput;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="lstm">What it is made of.</param>
    /// <param name="sizes">Of the step.</param>
    /// <param name="steps">N.</param>
    /// <param name="recurrentUse">Products that U takes part in as an operand of its own; none where it is part of a stack.</param>
    /// <param name="regularisation">Of a forward LSTM; null for a backward one.</param>
    /// <param name="weightNoise">Of a forward LSTM; null for a backward one.</param>
    /// <param name="besides">Columns of a state of the model's own that stand beside h, so that products with both are one product.</param>
    public LstmPass(Workspace workspace, Lstm lstm, in StepSizes sizes, int steps, WeightUse recurrentUse, LstmRegularisation? regularisation = null,
        WeightNoise? weightNoise = null, int besides = 0)
    {
        (Regularisation, _weightNoise) = (regularisation, weightNoise);
        (_workspace, _device) = (workspace, workspace.Device);
        BatchSize = sizes.BatchSize;
        var (b, h) = (sizes.BatchSize, lstm.Units);
        var inputUse = sizes.InputGradient ? WeightUse.Forward | WeightUse.Transposed : WeightUse.Forward;
        InputWeight = weightNoise?.Operand(lstm.InputWeight.View, inputUse) ?? workspace.Operand(lstm.InputWeight, inputUse);
        Recurrent = weightNoise?.Operand(lstm.RecurrentWeight.View, recurrentUse) ?? workspace.Operand(lstm.RecurrentWeight, recurrentUse);
        Bias = workspace.Value(lstm.Bias);
        var gradients = workspace.Training ? Readers.All : Readers.Operations;
        (DInputWeight, DRecurrent, DBias) = (workspace.Gradient(lstm.InputWeight), workspace.Gradient(lstm.RecurrentWeight), workspace.Gradient(lstm.Bias));
        TokenGates = workspace.TakeIf(sizes.ProjectsVocabulary, sizes.VocabularySize, 4 * h, gradients);
        Gates = workspace.Take(checked(steps * b), 4 * h, gradients);
        States = TakeStates(training: false);
        (H, Beside) = (States.ColumnRange(0, h), besides == 0 ? default : States.ColumnRange(h, besides));
        C = workspace.Take(checked((steps + 1) * b), h);

        // A loop's LSTM without a backward pass needs no more than one time step's.
        TanhC = workspace.Take(workspace.Training || recurrentUse != 0 ? checked(steps * b) : b, h);
        _inputProducts = new SharedRows(workspace, sizes, Gates);
        DStates = TakeStates(training: true);
        (DH, DBeside) = (DStates.ColumnRange(0, h), besides == 0 ? default : DStates.ColumnRange(h, besides));
        DHRecurrent = workspace.TakeForTraining(b, h);
        DC = workspace.TakeForTraining(b, h);

        // Rows with something beside h begin on cache lines.
        Tensor TakeStates(bool training)
        {
            var columns = besides == 0 ? h : (h + besides + 15) / 16 * 16;
            var readers = training && besides == 0 ? Readers.Operations : Readers.All;
            return workspace.TakeIf(!training || workspace.Training, checked((steps + 1) * b), columns, readers).ColumnRange(0, h + besides);
        }
    }

    /// <summary>B.</summary>
    public int BatchSize { get; }

    /// <summary>Null where there is none.</summary>
    public LstmRegularisation? Regularisation { get; }

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

    /// <summary>What stands beside h by slot, [N+1, B, besides]; empty where nothing does.</summary>
    public Tensor Beside { get; }

    /// <summary>h and what stands beside it, [N+1, B, H + besides].</summary>
    public Tensor States { get; }

    /// <summary>Cells by slot, [N+1, B, H].</summary>
    public Tensor C { get; }

    /// <summary>[N, B, H]; of a loop's LSTM without a backward pass [B, H].</summary>
    public Tensor TanhC { get; }

    /// <summary>Everything that reaches h but through the recurrence, by state slot, [N+1, B, H].</summary>
    public Tensor DH { get; }

    /// <summary>As <see cref="DH"/> of what stands beside h.</summary>
    public Tensor DBeside { get; }

    /// <summary>As <see cref="DH"/> of h and what stands beside it.</summary>
    public Tensor DStates { get; }

    /// <summary>[B, H]: what reaches h through the recurrence; the initial state's after the backward pass.</summary>
    public Tensor DHRecurrent { get; }

    /// <summary>[B, H]; the initial cell's after the backward pass.</summary>
    public Tensor DC { get; }

    /// <summary>Makes it a recurrence that nothing but its inputs feeds, for <see cref="SequenceForward"/> and <see cref="SequenceBackward"/>.</summary>
    /// <param name="direction">Forward: step k writes slot k + 1. Backward: it writes slot k.</param>
    /// <param name="input">Its inputs, [N·B, E]; empty where its gates hold the projections.</param>
    /// <param name="dInput">Their gradient; empty where nobody wants it.</param>
    /// <param name="validity">v by step; empty where every step counts.</param>
    /// <param name="addsToDInput">Whether another recurrence has written its share of the inputs' gradient.</param>
    public void MakeSequence(LstmDirection direction, Tensor input, Tensor dInput, Tensor validity = default, bool addsToDInput = false)
        => _sequence = _workspace.Prepare(Sequence(direction, input, dInput, validity, addsToDInput));

    /// <summary>
    /// Makes a forward and a backward pass that nothing but the same inputs feeds one operation of the device, for
    /// <see cref="Device.BidirectionalForward"/> and <see cref="Device.BidirectionalBackward"/>. Every row has all the steps; the cells but the initial ones
    /// may not be kept.
    /// </summary>
    /// <param name="forward">Its regularisation leaves inputs and cell as they are.</param>
    /// <param name="backward">Reads as many steps or more.</param>
    /// <param name="input">Their inputs, [N·B, E].</param>
    /// <param name="dInput">The inputs' gradient, of both; empty where nobody wants it.</param>
    public static BidirectionalLstm MakeBidirectional(LstmPass forward, LstmPass backward, Tensor input, Tensor dInput)
        => forward._workspace.Prepare(new BidirectionalLstm
        {
            Forward = forward.Sequence(LstmDirection.Forward, input, dInput, default, addsToDInput: false),
            Backward = backward.Sequence(LstmDirection.Backward, input, dInput, default, addsToDInput: true),
        });

    LstmSequence Sequence(LstmDirection direction, Tensor input, Tensor dInput, Tensor validity, bool addsToDInput)
    {
        var rows = Gates.Rows;
        Tensor First(Tensor tensor) => tensor.IsEmpty ? tensor : tensor.RowRange(0, rows);
        var masked = Regularisation?.MaskedInput ?? default;
        (_dInput, _addsToDInput) = (First(dInput), addsToDInput);
        return new LstmSequence
        {
            Direction = direction,
            Steps = rows / BatchSize,
            BatchSize = BatchSize,
            Input = masked.IsEmpty ? First(input) : masked,
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
            DInput = masked.IsEmpty ? _dInput : Regularisation!.DMaskedInput,
            AddsToDInput = masked.IsEmpty && addsToDInput,
            DH = direction == LstmDirection.Forward && !DH.IsEmpty ? DH.RowRange(BatchSize, rows) : First(DH),
            DHRecurrent = DHRecurrent,
            DC = DC,
        };
    }

    /// <summary>Runs the recurrence over so many steps, its input projections included where they were not gathered.</summary>
    /// <param name="frame">The step.</param>
    /// <param name="steps">N.</param>
    /// <param name="input">Its inputs, whose masked copy it reads under input dropout.</param>
    public void SequenceForward(StepFrame frame, int steps, Tensor input)
    {
        _sequence!.Steps = steps;
        MaskInput(frame, input);
        if (Regularisation is not { ChangesCell: true })
        {
            _device.LstmSequenceForward(_sequence);
            return;
        }

        if (!_sequence.Input.IsEmpty)
            _device.Multiply(frame.Span(_sequence.Input, 0, steps), InputWeight, Bias, frame.Span(Gates, 0, steps), accumulate: false);
        for (var t = 0; t < steps; t++)
            CellForward(frame, t, frame.At(H, t), Recurrent, default);
    }

    /// <summary>F1 and F1′ of a backward LSTM over s_0..s_T.</summary>
    public void FutureForward(StepFrame frame, InputPass inputs)
    {
        var tokens = frame.Steps + 1;
        inputs.Project(this, tokens);
        frame.Enter(TrainingPhase.F1BackwardLstm);
        ZeroSlot(tokens);
        SequenceForward(frame, tokens, inputs.First(tokens));
    }

    /// <summary>Of a backward LSTM over s_0..s_T: β_{t+1} for t = 1..T, which has read all that follows y_t = s_t; zero at the last.</summary>
    public Tensor AfterTargets(StepFrame frame) => frame.Span(H, AfterFirstTarget, frame.Steps);

    /// <summary>
    /// What a generator sends into β_2..β_T, of which <see cref="AfterTargets"/> is an input; β_{T+1} is zero and has no gradient. Alone in
    /// <see cref="DH"/>, or added to what is there.
    /// </summary>
    public void AfterTargetsBackward(StepFrame frame, GeneratorPass generator, int input, bool accumulate)
    {
        if (!accumulate)
            _device.Zero(frame.Span(DH, 0, AfterFirstTarget));
        if (frame.Steps > 1)
            generator.InputBackward(frame, input, frame.Span(DH, AfterFirstTarget, frame.Steps - 1), frame.Steps - 1, accumulate);
    }

    /// <summary>From <see cref="DH"/>: the gradients of the weights, of the inputs where wanted, and of the initial state.</summary>
    public void SequenceBackward(StepFrame frame)
    {
        var steps = _sequence!.Steps;
        if (Regularisation is not { ChangesCell: true })
        {
            _device.LstmSequenceBackward(_sequence);
        }
        else
        {
            _device.Zero(DHRecurrent);
            _device.Zero(DC);
            CellBackward(frame, steps - 1, DHRecurrent);
            for (var t = steps - 1; t >= 0; t--)
                CellBackwardBefore(frame, t, frame.At(Gates, t), Recurrent, DHRecurrent, accumulate: false);

            var dGates = frame.Span(Gates, 0, steps);
            var input = _sequence.Input.IsEmpty ? default : frame.Span(_sequence.Input, 0, steps);
            _device.WeightGradients([new(input, DInputWeight), new(frame.Span(H, 0, steps), DRecurrent)], dGates, DBias);
            if (!_sequence.DInput.IsEmpty)
                _device.MultiplyTransposed(dGates, InputWeight, frame.Span(_sequence.DInput, 0, steps), _sequence.AddsToDInput);
        }

        if (Regularisation is { DMaskedInput.IsEmpty: false } regularisation)
            _device.MultiplyElements(frame.Span(regularisation.DMaskedInput, 0, steps), regularisation.InputMask, frame.Span(_dInput, 0, steps), _addsToDInput);
    }

    /// <summary>Draws the masks and the weight noise of a training step, or sets those of an evaluation.</summary>
    public void DrawNoise(StepFrame frame, NoisePurpose purpose)
    {
        Regularisation?.DrawNoise(frame, purpose);
        _weightNoise?.DrawNoise(frame, purpose);
    }

    /// <summary>What <see cref="DrawNoise"/> leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> NoiseTensors(StepFrame frame) => [.. Regularisation?.NoiseTensors(frame) ?? [], .. _weightNoise?.NoiseTensors ?? []];

    /// <summary>F2: the gates' pre-activations from all time steps' inputs, once for each sequence.</summary>
    /// <param name="frame">The step.</param>
    /// <param name="input">Of the sequences.</param>
    public void InputProducts(StepFrame frame, Tensor input)
    {
        _device.Multiply(MaskInput(frame.PerSequence, input), InputWeight, Bias, _inputProducts.Target(frame), accumulate: false);
        _inputProducts.Repeat(frame);
    }

    // What W_x reads at every step: the inputs, or under input dropout their masked copy.
    Tensor MaskInput(StepFrame frame, Tensor input)
    {
        if (Regularisation is not { MaskedInput.IsEmpty: false } regularisation)
            return input;
        _device.MultiplyElements(input, regularisation.InputMask, frame.Whole(regularisation.MaskedInput), accumulate: false);
        return frame.Whole(regularisation.MaskedInput);
    }

    /// <summary>What W_x read.</summary>
    public Tensor ReadInput(StepFrame frame, Tensor input)
        => Regularisation is { MaskedInput.IsEmpty: false } regularisation ? frame.Whole(regularisation.MaskedInput) : input;

    /// <summary>dx += dA W_xᵀ of a loop's LSTM, through the mask of input dropout.</summary>
    public void AddInputGradient(StepFrame frame, Tensor dInput)
    {
        if (Regularisation is not { DMaskedInput.IsEmpty: false } regularisation)
        {
            _device.MultiplyTransposed(frame.Whole(Gates), InputWeight, dInput, accumulate: true);
            return;
        }

        _device.MultiplyTransposed(frame.Whole(Gates), InputWeight, frame.Whole(regularisation.DMaskedInput), accumulate: false);
        _device.MultiplyElements(frame.Whole(regularisation.DMaskedInput), regularisation.InputMask, dInput, accumulate: true);
    }

    /// <summary>h_1..h_T as the generator reads them: under output dropout a masked copy.</summary>
    public Tensor MaskOutput(StepFrame frame)
    {
        var h = frame.Span(H, 1, frame.Steps);
        if (Regularisation is not { MaskedOutput.IsEmpty: false } regularisation)
            return h;
        _device.MultiplyElements(h, regularisation.OutputMask, frame.Whole(regularisation.MaskedOutput), accumulate: false);
        return frame.Whole(regularisation.MaskedOutput);
    }

    /// <summary>What the generator read.</summary>
    public Tensor ReadOutput(StepFrame frame)
        => Regularisation is { MaskedOutput.IsEmpty: false } regularisation ? frame.Whole(regularisation.MaskedOutput) : frame.Span(H, 1, frame.Steps);

    /// <summary>Takes the generator's share, alone in <see cref="DH"/>, through the mask of output dropout.</summary>
    public void OutputBackward(StepFrame frame)
    {
        if (Regularisation is { OutputMask.IsEmpty: false } regularisation)
            _device.MultiplyElements(frame.Span(DH, 1, frame.Steps), regularisation.OutputMask, frame.Span(DH, 1, frame.Steps), accumulate: false);
    }

    /// <summary>The cell of time step t, from the gates' pre-activations plus x W and addend.</summary>
    public void CellForward(StepFrame frame, int t, Tensor x, Weight w, Tensor addend)
    {
        var (c, h, cNext, hNext) = (frame.At(C, t), frame.At(H, t), frame.At(C, t + 1), frame.At(H, t + 1));
        _device.MultiplyLstmCellForward(x, w, frame.At(Gates, t), addend, c, default, cNext, frame.At(TanhC, t), hNext,
            frame.At(Regularisation?.UpdateMask ?? default, t));
        if (Regularisation is not { } regularisation)
            return;
        if (!regularisation.KeepCell.IsEmpty)
            _device.Mix(c, cNext, frame.At(regularisation.KeepCell, t), cNext);
        if (!regularisation.KeepHidden.IsEmpty)
            _device.Mix(h, hNext, frame.At(regularisation.KeepHidden, t), hNext);
    }

    /// <summary>
    /// CellBwd of time step t from <see cref="DH"/>, what came through the recurrence, and <see cref="DC"/>: gates become dA, DC that of the step before. What
    /// zoneout lets through to the step before is added to its slot.
    /// </summary>
    public void CellBackward(StepFrame frame, int t, Tensor dhRecurrent)
    {
        var (dh1, dh2) = (frame.At(DH, t + 1), dhRecurrent);
        if (Regularisation is { KeepHidden.IsEmpty: false } states)
        {
            _device.MixBackward(dh1, dh2, frame.At(states.KeepHidden, t), frame.At(DH, t), states.DHiddenCandidate, accumulatePrevious: true);
            (dh1, dh2) = (states.DHiddenCandidate, default);
        }

        if (Regularisation is { KeepCell.IsEmpty: false } cells)
            _device.MixBackward(DC, default, frame.At(cells.KeepCell, t), cells.DCellKept, DC, accumulatePrevious: false);
        _device.LstmCellBackward(
            frame.At(Gates, t), frame.At(C, t), frame.At(TanhC, t), dh1, dh2, default, DC, frame.At(Regularisation?.UpdateMask ?? default, t));
        if (Regularisation is { KeepCell.IsEmpty: false } kept)
            _device.Add(DC, kept.DCellKept, DC);
    }

    /// <summary>
    /// dhRecurrent = dy Wᵀ, or +=, which reaches h_{t-1}, and where there is a time step before t, <see cref="CellBackward"/> of that.
    /// </summary>
    public void CellBackwardBefore(StepFrame frame, int t, Tensor dy, Weight w, Tensor dhRecurrent, bool accumulate)
    {
        if (t > 0 && Regularisation is not { Mixes: true })
        {
            _device.MultiplyTransposedLstmCellBackward(dy, w, dhRecurrent, accumulate, frame.At(Gates, t - 1), frame.At(C, t - 1), frame.At(TanhC, t - 1),
                frame.At(DH, t), default, DC, frame.At(Regularisation?.UpdateMask ?? default, t - 1));
            return;
        }

        _device.MultiplyTransposed(dy, w, dhRecurrent, accumulate);
        if (t > 0)
            CellBackward(frame, t - 1, dhRecurrent);
    }

    /// <summary>
    /// Zeros the slot that a backward recurrence over so many steps begins from; it moves with T, and an earlier, longer batch may have written there.
    /// </summary>
    public void ZeroSlot(int slot)
    {
        _device.Zero(H.RowRange(slot * BatchSize, BatchSize));
        _device.Zero(C.RowRange(slot * BatchSize, BatchSize));
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
