using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>A <see cref="FeatureLayer"/> on rows of the model's own tensors: its operand and gradients.</summary>
sealed class FeaturePass
{
    readonly Device _device;
    readonly LeakyRelu _phi;
    readonly Weight _weight;
    readonly Tensor _bias, _dWeight, _dBias;

    /// <param name="workspace">Where the operand comes from.</param>
    /// <param name="layer">What it is made of.</param>
    /// <param name="inputGradient">Whether the gradient of x is wanted.</param>
    public FeaturePass(Workspace workspace, FeatureLayer layer, bool inputGradient)
    {
        _device = workspace.Device;
        _phi = workspace.Functions.Phi;
        _weight = workspace.Operand(layer.Weight, inputGradient ? WeightUse.Forward | WeightUse.Transposed : WeightUse.Forward);
        (_bias, _dWeight, _dBias) = (workspace.Value(layer.Bias), workspace.Gradient(layer.Weight), workspace.Gradient(layer.Bias));
    }

    /// <summary>y = φ(x W + b). Shapes: x [R, inputs], y [R, units].</summary>
    public void Forward(Tensor x, Tensor y)
    {
        _device.Multiply(x, _weight, _bias, y, accumulate: false);
        _device.LeakyReluForward(y, default, y, _phi);
    }

    /// <summary>As <see cref="Forward"/>, for a thin x of few rows and columns.</summary>
    public void ForwardThin(Tensor x, Tensor y) => _device.MultiplyLeakyRelu(x, _weight, _bias, y, _phi);

    /// <summary>dy becomes the gradient of the pre-activation, da.</summary>
    public void ActivationBackward(Tensor y, Tensor dy) => _device.LeakyReluBackward(dy, y, dy, default, default, _phi);

    /// <summary>W as an operand.</summary>
    public Weight Weight => _weight;

    /// <summary>dx = da Wᵀ.</summary>
    public void InputBackward(Tensor da, Tensor dx) => _device.MultiplyTransposed(da, _weight, dx, accumulate: false);

    /// <summary>dW and db.</summary>
    public void Gradients(Tensor x, Tensor da) => _device.WeightGradients([new(x, _dWeight)], da, _dBias);
}
