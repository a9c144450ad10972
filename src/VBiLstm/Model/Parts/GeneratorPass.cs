using VBiLstm.Devices;
using VBiLstm.Model.Outputs;

namespace VBiLstm.Model.Parts;

/// <summary>
/// The generator p_η(y_t | u_t) over all time steps: its net, the output distribution and −log p. Large outputs exist for some time steps at once; those of the
/// last part stay for the backward pass, which computes the others again.
/// </summary>
sealed class GeneratorPass
{
    readonly Output _output;
    readonly int _outputSteps;
    readonly NetPass _net;
    readonly InputPass _inputs;
    readonly string _prefix;
    readonly Tensor _dHidden;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="net">What it is made of.</param>
    /// <param name="output">The output distribution.</param>
    /// <param name="inputs">Where the targets are.</param>
    /// <param name="sizes">Of the step.</param>
    /// <param name="prefix">Of its tensors' names, where a model has several generators.</param>
    public GeneratorPass(Workspace workspace, Net net, Output output, InputPass inputs, in StepSizes sizes, string prefix = "")
    {
        _prefix = prefix;
        (_output, _outputSteps, _inputs) = (output, sizes.OutputSteps, inputs);
        _net = new NetPass(workspace, net, sizes.Rows, checked(sizes.OutputSteps * sizes.BatchSize));
        Nll = workspace.Take(sizes.Rows, 1);
        _dHidden = workspace.TakeForTraining(sizes.Rows, Hidden.Columns, Readers.All);
    }

    /// <summary>φ(g_a), [T, B, M].</summary>
    public Tensor Hidden => _net.Hidden;

    /// <summary>o_t, then do, [T, B, O]; of some time steps at once where T·B·O is large.</summary>
    public Tensor Output => _net.Output;

    /// <summary>−log p_η(y_t), [T, B, 1].</summary>
    public Tensor Nll { get; }

    /// <summary>−log p of every target given the inputs u_t, [T·B, ·] each.</summary>
    public void Forward(StepFrame frame, params ReadOnlySpan<Tensor> inputs)
    {
        _net.HiddenForward(inputs, frame.Whole(Hidden));
        OutputForward(frame);
    }

    /// <summary>u₀ W₁₀ + b₁ into hidden; <see cref="ForwardWith"/> goes on.</summary>
    public void HiddenProduct(Tensor x, Tensor hidden) => _net.HiddenProduct(0, x, hidden);

    /// <summary>As <see cref="Forward"/>, where the hidden layer holds the product of the first input.</summary>
    public void ForwardWith(StepFrame frame, int input, Tensor x)
    {
        _net.AddHiddenProduct(input, x, frame.Whole(Hidden));
        _net.Activate(frame.Whole(Hidden));
        OutputForward(frame);
    }

    void OutputForward(StepFrame frame)
    {
        for (var start = 0; start < frame.Steps; start += _outputSteps)
        {
            var count = Math.Min(_outputSteps, frame.Steps - start);
            _output.NllForward(frame.Device, Outputs(frame, start, count), _inputs.Targets(frame, start, count), frame.Span(Nll, start, count));
        }
    }

    // Outputs of several parts are gone when the next part's come.
    bool HasAllOutputs(StepFrame frame) => frame.Steps <= _outputSteps;

    /// <summary>
    /// B1: the gradient of the hidden layer, and where outputs exist for some time steps at once those of the output layer's weights; see
    /// <see cref="Gradients"/>.
    /// </summary>
    public void OutputBackward(StepFrame frame)
    {
        var last = (frame.Steps - 1) / _outputSteps * _outputSteps;
        for (var start = last; start >= 0; start -= _outputSteps)
        {
            var count = Math.Min(_outputSteps, frame.Steps - start);
            var output = start == last ? frame.Span(Output, 0, count) : Outputs(frame, start, count);
            _output.NllBackward(frame.Device, output, _inputs.Targets(frame, start, count),
                frame.Span(frame.Inputs.LossWeight, start, count), frame.Scalars.One);
            if (!HasAllOutputs(frame))
                _net.OutputGradients(frame.Span(Hidden, start, count), output, accumulate: start != last);
            _net.OutputBackward(output, frame.Span(_dHidden, start, count));
        }

        _net.ActivationBackward(frame.Whole(Hidden), frame.Whole(_dHidden));
    }

    /// <summary>
    /// B1 of a generator whose first input is an LSTM's h: <see cref="OutputBackward"/>, and what it and the penalties send into the LSTM's states.
    /// </summary>
    public void StateBackward(StepFrame frame, LstmPass lstm, StatePenalties penalties)
    {
        OutputBackward(frame);
        frame.Device.Zero(frame.At(lstm.DStates, 0));
        InputBackward(frame, 0, frame.Span(lstm.DH, 1, frame.Steps), frame.Steps);
        lstm.OutputBackward(frame);
        penalties.Backward(frame, lstm);
    }

    /// <summary>Of an input u_i: where the gradient of its weight goes.</summary>
    public WeightGradient InputGradient(int input, Tensor x) => _net.InputGradient(input, x);

    /// <summary>After <see cref="OutputBackward"/>, the gradients of the weights that it left out; nothing else in a step waits for them.</summary>
    public void Gradients(StepFrame frame, ReadOnlySpan<WeightGradient> inputs)
    {
        if (HasAllOutputs(frame))
            _net.OutputGradients(frame.Whole(Hidden), frame.Whole(Output));
        _net.HiddenGradients(inputs, frame.Whole(_dHidden));
    }

    /// <summary>du_i of time steps 0..count-1.</summary>
    public void InputBackward(StepFrame frame, int input, Tensor dx, int count, bool accumulate = false)
        => _net.InputBackward(input, frame.Span(_dHidden, 0, count), dx, accumulate);

    /// <summary>What a forward pass leaves, for comparisons; outputs where all time steps' exist at once.</summary>
    public IEnumerable<StepTensor> ForwardTensors(StepFrame frame) =>
    [
        frame.Predicted(_prefix + "generator.hidden", Hidden, TrainingPhase.F4, kink: Kink.LeakyRelu),
        frame.Predicted(_prefix + "output", _outputSteps >= frame.Steps ? Output : default, TrainingPhase.F4, kink: _output.Kink),
        frame.Predicted(_prefix + "nll", Nll, TrainingPhase.F4),
    ];

    Tensor Outputs(StepFrame frame, int start, int count)
    {
        var output = frame.Span(Output, 0, count);
        _net.OutputForward(frame.Span(Hidden, start, count), output);
        return output;
    }
}
