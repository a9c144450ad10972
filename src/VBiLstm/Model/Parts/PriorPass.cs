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
    readonly Tensor _dHidden, _maskedDHidden;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="net">Null where the prior is fixed.</param>
    /// <param name="rows">T·B, or B where one time step is computed at a time.</param>
    /// <param name="masks">Whether a mask may stop what it sends into its input.</param>
    public PriorPass(Workspace workspace, Net? net, int rows, bool masks = false)
    {
        (_device, _head) = (workspace.Device, workspace.Functions.Latent);
        if (net is null)
            return;
        _net = new NetPass(workspace, net, rows);
        _dHidden = workspace.TakeForTraining(rows, net.HiddenUnits, Readers.All);
        _maskedDHidden = workspace.TakeIf(workspace.Training && masks, rows, net.HiddenUnits, Readers.Products);
    }

    /// <summary>[rows, M]; empty where the prior is fixed.</summary>
    public Tensor Hidden => _net?.Hidden ?? default;

    /// <summary>[μ_p; ℓ_p], then its gradient, [rows, 2Z]; empty where the prior is fixed.</summary>
    public Tensor Output => _net?.Output ?? default;

    /// <summary>The prior's moments given its inputs [R, ·].</summary>
    public void Forward(params ReadOnlySpan<Tensor> inputs) => _net?.Forward(inputs);

    /// <summary>x W₁ᵢ + b₁ of any one input, which <see cref="ForwardWith"/> goes on from.</summary>
    public void HiddenProduct(int input, Tensor x, Tensor hidden) => _net!.HiddenProduct(input, x, hidden);

    /// <summary>The prior's moments from what stands in the hidden layer and one more input [R, ·].</summary>
    public void ForwardWith(int input, Tensor x)
    {
        var (hidden, output) = (Hidden.RowRange(0, x.Rows), Output.RowRange(0, x.Rows));
        _net!.AddHiddenProduct(input, x, hidden);
        _net.Activate(hidden);
        _net.OutputForward(hidden, output);
    }

    /// <summary>KL(q ‖ p) of the first rows.</summary>
    public void KlForward(Tensor q, Tensor kl) => _device.GaussianKlForward(q, Moments(q.Rows), kl, _head);

    /// <summary>
    /// B2: the KL's share, weighted by w [R, 1], in the gradient of the posterior's moments, and dx += what the prior's own sends into its input, which a mask
    /// [rows, 1] may stop.
    /// </summary>
    public void KlBackward(StepFrame frame, Tensor q, Tensor w, Tensor dMoments, Tensor mask, Tensor dx)
    {
        _device.GaussianKlBackward(q, Moments(q.Rows), w, frame.Scalars.KlWeight, dMoments, _head);
        if (_net is null)
            return;
        var (dHidden, masked) = (frame.Whole(_dHidden), mask.IsEmpty ? default : frame.Whole(_maskedDHidden));
        _net.HiddenBackward(frame.Whole(Output), frame.Whole(Hidden), dHidden, mask, masked);
        _net.InputBackward(0, mask.IsEmpty ? dHidden : masked, dx, accumulate: true);
    }

    /// <summary>After <see cref="KlBackward"/>, the gradients of the net's weights; nothing else in a step waits for them.</summary>
    public void Gradients(StepFrame frame, Tensor x) => _net?.Gradients(x, frame.Whole(_dHidden));

    /// <summary>As <see cref="Gradients(StepFrame, Tensor)"/> of a net with two inputs.</summary>
    public void Gradients(StepFrame frame, Tensor x0, Tensor x1)
    {
        _net!.OutputGradients(frame.Whole(Hidden), frame.Whole(Output));
        _net.HiddenGradients([_net.InputGradient(0, x0), _net.InputGradient(1, x1)], frame.Whole(_dHidden));
    }

    /// <summary>After <see cref="KlBackward"/>, dx += what the net sends into an input that no mask stops.</summary>
    public void InputBackward(StepFrame frame, int input, Tensor dx) => _net!.InputBackward(input, frame.Whole(_dHidden), dx, accumulate: true);

    Tensor Moments(int rows) => Output.RowRange(0, Output.IsEmpty ? 0 : rows);
}
