using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// The auxiliary densities p_ψ(b̂_t | z_t) and p_ξ(ĥ_{t-1} | z_t) of model.md section 2.2 over all time steps: a net whose mean goes through τ, and the
/// log-density of what it reconstructs.
/// </summary>
sealed class ReconstructionPass
{
    readonly Device _device;
    readonly GaussianHead _density, _head;
    readonly Tensor _dHidden;

    /// <param name="workspace">Where the tensors come from.</param>
    /// <param name="net">What it is made of.</param>
    /// <param name="sizes">Of the step.</param>
    /// <param name="isInLoop">
    /// Whether the model's loop walks the net, and goes backward through it itself; without a backward pass, over one time step's rows and without a density.
    /// </param>
    public ReconstructionPass(Workspace workspace, Net net, in StepSizes sizes, bool isInLoop = false)
    {
        var rows = workspace.Training ? sizes.Rows : sizes.BatchSize;
        (_device, _density, _head) = (workspace.Device, workspace.Functions.Density, workspace.Functions.Reconstruction);
        Net = new NetPass(workspace, net, rows);
        LogDensity = workspace.TakeForTraining(rows, 1);
        _dHidden = workspace.TakeIf(workspace.Training && !isInLoop, rows, net.HiddenUnits, Readers.All);
    }

    public NetPass Net { get; }

    /// <summary>[T, B, 1], nats.</summary>
    public Tensor LogDensity { get; }

    /// <summary>The net on all z, its means through τ, and the density.</summary>
    public void Forward(StepFrame frame, Tensor z, Tensor target)
    {
        Net.Forward(z);
        if (_head.TanhMean)
            _device.SampleGaussianForward(frame.Whole(Net.Output), default, default, _head);
        DensityForward(frame, target);
    }

    /// <summary>The density alone, where the loop has computed the net and applied τ.</summary>
    public void DensityForward(StepFrame frame, Tensor target)
        => _device.GaussianLogDensityForward(target, frame.Whole(Net.Output), frame.Whole(LogDensity), 1, _density);

    /// <summary>B3: dz += what the net sends into z, and the target's gradient where wanted.</summary>
    /// <param name="frame">The step.</param>
    /// <param name="target">[T·B, N].</param>
    /// <param name="coefficient">α or β, [1, 1].</param>
    /// <param name="dz">[T·B, Z].</param>
    /// <param name="dTarget">[T·B, N], or empty.</param>
    /// <param name="targetMask">[T·B, 1], or empty.</param>
    /// <param name="accumulateTarget">Whether dTarget is added to.</param>
    public void Backward(StepFrame frame, Tensor target, Tensor coefficient, Tensor dz, Tensor dTarget, Tensor targetMask, bool accumulateTarget)
    {
        var output = frame.Whole(Net.Output);
        _device.GaussianLogDensityBackward(
            target, output, frame.LossWeights, coefficient, output, throughOutput: true, dTarget, targetMask, accumulateTarget, _head);
        var dHidden = frame.Whole(_dHidden);
        Net.HiddenBackward(output, frame.Whole(Net.Hidden), dHidden);
        Net.InputBackward(0, dHidden, dz, accumulate: true);
    }

    /// <summary>After <see cref="Backward"/>, the gradients of the net's weights; nothing else in a step waits for them.</summary>
    public void Gradients(StepFrame frame, Tensor z) => Net.Gradients(z, frame.Whole(_dHidden));

    /// <summary>B4: the density's share in the gradient of the moments, where the reverse loop goes through the net.</summary>
    public void DensityBackward(StepFrame frame, Tensor target, Tensor coefficient, Tensor dMoments, Tensor dTarget)
        => _device.GaussianLogDensityBackward(target, frame.Whole(Net.Output), frame.LossWeights, coefficient, dMoments, throughOutput: false,
            dTarget, default, accumulateTarget: false, _head);
}
