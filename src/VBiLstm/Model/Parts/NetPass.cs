using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// A <see cref="Net"/> over so many rows: its operands, activations and gradients. The whole pass is <see cref="Forward"/>, <see cref="HiddenBackward"/> and
/// <see cref="Gradients"/>; a model whose loop needs it piecemeal calls the layers one by one.
/// </summary>
sealed class NetPass
{
    readonly Device _device;
    readonly LeakyRelu _phi;
    readonly Weight[] _inputs;
    readonly Tensor[] _dInputs;
    readonly Weight _outputWeight;
    readonly Tensor _hiddenBias, _outputBias, _dHiddenBias, _dOutputWeight, _dOutputBias;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="net">What it is made of.</param>
    /// <param name="rows">T·B, or B where one time step is computed at a time.</param>
    /// <param name="outputRows">Rows of outputs that exist at once; null for all.</param>
    /// <param name="inputUses">Products that each input weight takes part in here; null for both of each. Those of a stack are the stack's.</param>
    public NetPass(Workspace workspace, Net net, int rows, int? outputRows = null, WeightUse[]? inputUses = null)
    {
        _device = workspace.Device;
        _phi = workspace.Functions.Phi;
        _inputs = [.. net.Inputs.Select((input, i) => workspace.Operand(input, inputUses?[i] ?? WeightUse.Forward | WeightUse.Transposed))];
        _dInputs = [.. net.Inputs.Select(workspace.Gradient)];
        _outputWeight = workspace.Operand(net.OutputWeight);
        (_hiddenBias, _outputBias) = (workspace.Value(net.HiddenBias), workspace.Value(net.OutputBias));
        (_dHiddenBias, _dOutputBias) = (workspace.Gradient(net.HiddenBias), workspace.Gradient(net.OutputBias));
        _dOutputWeight = workspace.Gradient(net.OutputWeight);
        Hidden = workspace.Take(rows, net.HiddenUnits, Readers.All);
        Output = workspace.Take(outputRows ?? rows, net.OutputWeight.Columns, workspace.Training ? Readers.All : Readers.Operations);
    }

    /// <summary>φ(a), [rows, M].</summary>
    public Tensor Hidden { get; }

    /// <summary>y, then its gradient in place, [rows, outputs].</summary>
    public Tensor Output { get; }

    /// <summary>W₁ᵢ as an operand.</summary>
    public Weight Input(int input) => _inputs[input];

    /// <summary>W₂ as an operand.</summary>
    public Weight OutputWeight => _outputWeight;

    /// <summary>b₁, [1, M].</summary>
    public Tensor HiddenBias => _hiddenBias;

    /// <summary>b₂, [1, outputs].</summary>
    public Tensor OutputBias => _outputBias;

    /// <summary>Where the gradient of W₁ᵢ goes; with x one layer of <see cref="Device.WeightGradients"/>.</summary>
    public WeightGradient InputGradient(int input, Tensor x) => new(x, _dInputs[input]);

    /// <summary>Fills hidden and output from every input xᵢ [rows, inputs].</summary>
    public void Forward(params ReadOnlySpan<Tensor> inputs)
    {
        var rows = inputs[0].Rows;
        HiddenForward(inputs, Hidden.RowRange(0, rows));
        OutputForward(Hidden.RowRange(0, rows), Output.RowRange(0, rows));
    }

    /// <summary>φ(Σ xᵢ W₁ᵢ + b₁) into hidden.</summary>
    public void HiddenForward(ReadOnlySpan<Tensor> inputs, Tensor hidden)
    {
        HiddenProduct(0, inputs[0], hidden);
        for (var i = 1; i < inputs.Length; i++)
            AddHiddenProduct(i, inputs[i], hidden);
        Activate(hidden);
    }

    /// <summary>φ(x W₁ + b₁) into hidden, for a thin x of few rows and columns.</summary>
    public void HiddenForwardThin(Tensor x, Tensor hidden) => _device.MultiplyLeakyRelu(x, _inputs[0], _hiddenBias, hidden, _phi);

    /// <summary>a = x W₁ᵢ + b₁ of any one input.</summary>
    public void HiddenProduct(int input, Tensor x, Tensor hidden) => _device.Multiply(x, _inputs[input], _hiddenBias, hidden, accumulate: false);

    /// <summary>a += x W₁ᵢ of a further input.</summary>
    public void AddHiddenProduct(int input, Tensor x, Tensor hidden) => _device.Multiply(x, _inputs[input], default, hidden, accumulate: true);

    /// <summary>φ in place.</summary>
    public void Activate(Tensor hidden) => _device.LeakyReluForward(hidden, default, hidden, _phi);

    /// <summary>φ(hidden + addend) into hidden.</summary>
    public void Activate(Tensor addend, Tensor hidden) => _device.LeakyReluForward(addend, hidden, hidden, _phi);

    /// <summary>
    /// φ(hidden + x W), W the first M columns of a stack, into hidden; the stack's other products into the same columns of product [rows, stack].
    /// </summary>
    public void Activate(Tensor x, Weight stack, Tensor product, Tensor hidden) => _device.MultiplyAddLeakyRelu(x, stack, hidden, product, hidden, _phi);

    /// <summary>y = φ(a) W₂ + b₂.</summary>
    public void OutputForward(Tensor hidden, Tensor output) => _device.Multiply(hidden, _outputWeight, _outputBias, output, accumulate: false);

    /// <summary>y, and a sample of the Gaussian that it describes.</summary>
    public void SampleForward(Tensor hidden, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
        => _device.MultiplySampleGaussian(hidden, _outputWeight, _outputBias, output, noise, sample, head);

    /// <summary>
    /// All parameter gradients of a net with one input, from the hidden layer's gradient and the output's, which stands in the output buffer.
    /// </summary>
    public void Gradients(Tensor x, Tensor dHidden)
    {
        OutputGradients(Hidden.RowRange(0, x.Rows), Output.RowRange(0, x.Rows));
        HiddenGradients([InputGradient(0, x)], dHidden);
    }

    /// <summary>dW₂ and db₂.</summary>
    public void OutputGradients(Tensor hidden, Tensor dOutput, bool accumulate = false)
        => _device.WeightGradients([new(hidden, _dOutputWeight)], dOutput, _dOutputBias, accumulate);

    /// <summary>da = (dy W₂ᵀ) φ′ into dHidden; where a mask [rows, 1] is given, mask · da as well.</summary>
    public void HiddenBackward(Tensor dOutput, Tensor hidden, Tensor dHidden, Tensor mask = default, Tensor maskedDHidden = default)
        => _device.MultiplyTransposedLeakyRelu(dOutput, _outputWeight, hidden, dHidden, mask, maskedDHidden, _phi);

    /// <summary>dy W₂ᵀ into dHidden.</summary>
    public void OutputBackward(Tensor dOutput, Tensor dHidden) => _device.MultiplyTransposed(dOutput, _outputWeight, dHidden, accumulate: false);

    /// <summary>dHidden becomes da.</summary>
    public void ActivationBackward(Tensor hidden, Tensor dHidden) => _device.LeakyReluBackward(dHidden, hidden, dHidden, default, default, _phi);

    /// <summary>dW₁ᵢ of each input given, and db₁.</summary>
    public void HiddenGradients(ReadOnlySpan<WeightGradient> inputs, Tensor dHidden) => _device.WeightGradients(inputs, dHidden, _dHiddenBias);

    /// <summary>dx = da W₁ᵢᵀ, or +=.</summary>
    public void InputBackward(int input, Tensor dHidden, Tensor dx, bool accumulate) => _device.MultiplyTransposed(dHidden, _inputs[input], dx, accumulate);
}
