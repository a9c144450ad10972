using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// Free bits (Kingma et al. 2016): a time step's KL below λ costs λ and gets no gradient, so that it is not worth closing the channel (model.md section 2.4).
/// Training alone knows of it: what is reported is the KL itself.
/// </summary>
sealed class FreeBits
{
    static readonly LeakyRelu Positive = new(0, float.PositiveInfinity);

    readonly Device _device;
    readonly Tensor _excess, _charged, _weights;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="model">λ.</param>
    /// <param name="rows">T·B.</param>
    public FreeBits(Workspace workspace, ModelConfiguration model, int rows)
    {
        _device = workspace.Device;
        var isOn = workspace.Training && model.FreeBits > 0;
        _excess = workspace.TakeIf(isOn, rows, 1);
        _charged = workspace.TakeIf(isOn, rows, 1);
        _weights = workspace.TakeIf(isOn, rows, 1);
    }

    /// <summary>max(KL, λ) of all time steps; after the KL.</summary>
    public void Forward(StepFrame frame, Tensor kl)
    {
        if (_excess.IsEmpty)
            return;
        _device.LeakyReluForward(frame.Whole(kl), frame.Scalars.MinusFreeBits, frame.Whole(_excess), Positive);
        _device.Add(frame.Whole(_excess), frame.Scalars.FreeBits, frame.Whole(_charged));
    }

    /// <summary>Adds what the objective charges to the sums of the terms.</summary>
    public void Sum(StepFrame frame) => frame.Sum(_charged, ObjectiveTerm.FreeBitsKl);

    /// <summary>w_t of the KL's gradient, [T·B, 1]: 0 where the KL is free; after <see cref="Forward"/>.</summary>
    public Tensor Weights(StepFrame frame)
    {
        if (_excess.IsEmpty)
            return frame.LossWeights;
        var weights = frame.Whole(_weights);
        _device.LeakyReluBackward(frame.LossWeights, frame.Whole(_excess), weights, default, default, Positive);
        return weights;
    }
}
