using VBiLstm.Devices;

namespace VBiLstm.Model;

/// <summary>
/// A net with one hidden layer that is evaluated over all time steps at once: prior, ξ, and ψ where b̃ does not feed the LSTM.
/// <c>y = φ(x W₁ + b₁) W₂ + b₂</c> and its backward pass, model.md section 3.
/// </summary>
sealed class BatchedNet
{
    readonly Device _device;
    readonly LeakyRelu _phi;
    readonly Weight _hiddenWeight;
    readonly Weight _outputWeight;
    readonly Tensor _hidden;
    readonly Tensor _output;
    readonly Tensor _hiddenBias, _outputBias;
    readonly Tensor _dHiddenWeight, _dHiddenBias, _dOutputWeight, _dOutputBias;

    /// <param name="device">Where it runs.</param>
    /// <param name="parameters">Owner of the biases and gradients.</param>
    /// <param name="name">Net's name among the parameters.</param>
    /// <param name="input">Suffix of the first weight: <c>h</c> or <c>z</c>.</param>
    /// <param name="hiddenWeight">W₁ as an operand.</param>
    /// <param name="outputWeight">W₂ as an operand.</param>
    /// <param name="hidden">[T·B, M] activations φ.</param>
    /// <param name="output">[T·B, outputs].</param>
    /// <param name="phi">φ.</param>
    public BatchedNet(Device device, ModelParameters parameters, string name, string input, Weight hiddenWeight, Weight outputWeight, Tensor hidden, Tensor output, LeakyRelu phi)
    {
        _device = device;
        _phi = phi;
        (_hiddenWeight, _outputWeight, _hidden, _output) = (hiddenWeight, outputWeight, hidden, output);
        _hiddenBias = parameters.Value($"{name}.hidden.bias");
        _outputBias = parameters.Value($"{name}.output.bias");
        if (parameters.Gradients.IsEmpty)
            return;
        _dHiddenWeight = parameters.Gradient($"{name}.hidden.weight_{input}");
        _dHiddenBias = parameters.Gradient($"{name}.hidden.bias");
        _dOutputWeight = parameters.Gradient($"{name}.output.weight");
        _dOutputBias = parameters.Gradient($"{name}.output.bias");
    }

    /// <summary>Fills hidden and output from x [rows, inputs].</summary>
    public void Forward(Tensor x)
    {
        var (hidden, output) = (_hidden.RowRange(0, x.Rows), _output.RowRange(0, x.Rows));
        _device.Multiply(x, _hiddenWeight, _hiddenBias, hidden, accumulate: false);
        _device.LeakyReluForward(hidden, default, hidden, _phi);
        _device.Multiply(hidden, _outputWeight, _outputBias, output, accumulate: false);
    }

    /// <summary>From the output's gradient, which stands in the output buffer: all parameter gradients, and the hidden layer's into dHidden [rows, M].</summary>
    public void Backward(Tensor x, Tensor dHidden)
    {
        var (hidden, dOutput) = (_hidden.RowRange(0, x.Rows), _output.RowRange(0, x.Rows));
        _device.WeightGradients([new(hidden, _dOutputWeight)], dOutput, _dOutputBias);
        _device.MultiplyTransposed(dOutput, _outputWeight, dHidden, accumulate: false);
        _device.LeakyReluBackward(dHidden, hidden, dHidden, default, default, _phi);
        _device.WeightGradients([new(x, _dHiddenWeight)], dHidden, _dHiddenBias);
    }
}
