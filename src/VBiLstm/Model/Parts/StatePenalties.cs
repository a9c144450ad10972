using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>
/// What the objective adds for the forward LSTM's states: the activity γ |h_t|² (model.md section 2.4, the paper's Table 5) and the norm stabiliser
/// η (|h_t| − |h_{t-1}|)² (section 17).
/// </summary>
sealed class StatePenalties
{
    readonly Device _device;
    readonly float _gamma, _eta;
    readonly Tensor _activity, _normDifference;

    public StatePenalties(Workspace workspace, ModelConfiguration model, in StepSizes sizes)
    {
        (_device, _gamma, _eta) = (workspace.Device, (float)model.Gamma, (float)model.NormStabiliser);
        _activity = workspace.TakeIf(model.Gamma > 0, sizes.Rows, 1);
        _normDifference = workspace.TakeIf(model.NormStabiliser > 0, sizes.Rows, 1);
    }

    public void Forward(StepFrame frame, LstmPass lstm)
    {
        if (!_activity.IsEmpty)
            _device.SquaredNormForward(frame.Span(lstm.H, 1, frame.Steps), frame.Whole(_activity));
        if (!_normDifference.IsEmpty)
            _device.NormStabiliserForward(frame.Span(lstm.H, 0, frame.Steps + 1), frame.Whole(_normDifference));
    }

    public void Sum(StepFrame frame)
    {
        frame.Sum(_activity, ObjectiveTerm.Activity);
        frame.Sum(_normDifference, ObjectiveTerm.NormStabiliser);
    }

    /// <summary>Adds to dh by slot.</summary>
    public void Backward(StepFrame frame, LstmPass lstm)
    {
        if (!_activity.IsEmpty)
            _device.SquaredNormBackward(frame.Span(lstm.H, 1, frame.Steps), frame.LossWeights, _gamma, frame.Span(lstm.DH, 1, frame.Steps));
        if (!_normDifference.IsEmpty)
            _device.NormStabiliserBackward(frame.Span(lstm.H, 0, frame.Steps + 1), frame.LossWeights, _eta, frame.Span(lstm.DH, 0, frame.Steps + 1));
    }

    /// <summary>What a forward pass leaves, for comparisons.</summary>
    public IEnumerable<StepTensor> ForwardTensors(StepFrame frame) =>
    [
        frame.Predicted("activity", _activity, TrainingPhase.F4),
        frame.Predicted("norm_difference", _normDifference, TrainingPhase.F4),
    ];
}
