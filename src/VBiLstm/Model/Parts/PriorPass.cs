using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// The prior p_θ(z_t | ·) over so many rows, learned by a net or fixed at N(0, I) (model.md section 2.2), with the KL of a posterior from it.
/// </summary>
sealed class PriorPass
{
    readonly Device _device;
    readonly GaussianHead _head;
    readonly NetPass? _net;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="net">Null where the prior is fixed.</param>
    /// <param name="rows">T·B, or B where one time step is computed at a time.</param>
    public PriorPass(Workspace workspace, Net? net, int rows)
    {
        (_device, _head) = (workspace.Device, workspace.Functions.Latent);
        _net = net is null ? null : new NetPass(workspace, net, rows);
    }

    /// <summary>[rows, M]; empty where the prior is fixed.</summary>
    public Tensor Hidden => _net?.Hidden ?? default;

    /// <summary>[μ_p; ℓ_p], then its gradient, [rows, 2Z]; empty where the prior is fixed.</summary>
    public Tensor Output => _net?.Output ?? default;

    /// <summary>The prior's moments given its inputs [R, ·].</summary>
    public void Forward(params ReadOnlySpan<Tensor> inputs) => _net?.Forward(inputs);

    /// <summary>KL(q ‖ p) of the first rows.</summary>
    public void KlForward(Tensor q, Tensor kl) => _device.GaussianKlForward(q, Moments(q.Rows), kl, _head);

    /// <summary>
    /// B2: the KL's share in the gradient of the posterior's moments, and from the prior's own all gradients of its net and the hidden layer's into
    /// frame.DHidden; what that sends into x is <see cref="InputBackward"/>'s.
    /// </summary>
    public void KlBackward(StepFrame frame, Tensor q, Tensor x, Tensor dMoments)
    {
        _device.GaussianKlBackward(q, Moments(q.Rows), frame.LossWeights, frame.Scalars.KlWeight, dMoments, _head);
        _net?.Backward(x, frame.Whole(frame.DHidden));
    }

    /// <summary>dx += of the hidden layer's gradient in frame.DHidden, which a mask [rows, 1] may stop; nothing where the prior is fixed.</summary>
    public void InputBackward(StepFrame frame, Tensor mask, Tensor dx)
    {
        if (_net is null)
            return;
        var dHidden = frame.Whole(frame.DHidden);
        if (!mask.IsEmpty)
            _device.MaskRows(dHidden, mask);
        _net.InputBackward(0, dHidden, dx, accumulate: true);
    }

    Tensor Moments(int rows) => Output.RowRange(0, Output.IsEmpty ? 0 : rows);
}
