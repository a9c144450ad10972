using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>γ |h_t|² (model.md section 2.4), the paper's Table 5.</summary>
sealed class ActivityPenalty(Workspace workspace, double gamma, int rows)
{
    readonly Device _device = workspace.Device;

    /// <summary>|h_t|², [T, B, 1]; empty where γ is 0.</summary>
    public Tensor Values { get; } = workspace.TakeIf(gamma > 0, rows, 1);

    public void Forward(StepFrame frame, Tensor h)
    {
        if (!Values.IsEmpty)
            _device.SquaredNormForward(h, frame.Whole(Values));
    }

    /// <summary>dh += 2 γ w h.</summary>
    public void Backward(StepFrame frame, Tensor h, Tensor dh)
    {
        if (!Values.IsEmpty)
            _device.SquaredNormBackward(h, frame.LossWeights, (float)gamma, dh);
    }
}
