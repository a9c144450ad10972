using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Parts;

/// <summary>
/// Weight noise (model.md section 17): the forward LSTM's weights as its products read them, σ ε added anew in each training step. Gradients are those at the
/// noisy weights; the parameters stay clean, and evaluation reads them as they are.
/// </summary>
sealed class WeightNoise
{
    readonly Workspace _workspace;
    readonly Device _device;
    readonly float _deviation;
    readonly Tensor _noisy, _clean;
    readonly List<Weight> _operands = [];
    readonly List<(string Name, ParameterView View)> _weights = [];
    readonly List<ParameterView> _besides = [];

    /// <param name="workspace">Where the copy of the parameters comes from.</param>
    /// <param name="model">Its σ.</param>
    /// <param name="layout">The model's parameters.</param>
    public WeightNoise(Workspace workspace, ModelConfiguration model, ParameterLayout layout)
    {
        (_workspace, _device, _deviation) = (workspace, workspace.Device, (float)model.WeightNoise);
        _noisy = workspace.TakeIf(workspace.Training && model.WeightNoise > 0, 1, layout.ArenaLength, Readers.All);
        if (_noisy.IsEmpty)
            return;
        _clean = workspace.Values;
        foreach (var parameter in layout.All.Where(parameter => !parameter.IsBias))
        {
            if (parameter.Name.StartsWith("forward_lstm.", StringComparison.Ordinal))
                _weights.Add((parameter.Name, parameter.View));
            else if (parameter.Stride != parameter.Columns)
                _besides.Add(parameter.View);
        }
    }

    /// <summary>A matrix with weights of the forward LSTM as an operand: noisy where noise is on, else the parameters' own.</summary>
    public Weight Operand(ParameterView view, WeightUse use)
    {
        if (_noisy.IsEmpty)
            return _workspace.Operand(view, use);
        var operand = _workspace.OperandOf(view.In(_noisy), use);
        if (operand.Use != 0)
            _operands.Add(operand);
        return operand;
    }

    /// <summary>Draws the noise of a training step, or reads the parameters as they are.</summary>
    public void DrawNoise(StepFrame frame, NoisePurpose purpose)
    {
        if (_noisy.IsEmpty)
            return;
        if (purpose == NoisePurpose.Training)
        {
            _device.AddNormal(_clean, _deviation, frame.Scalars.NoiseKey, NoiseStream.WeightNoise, _noisy);

            // Weights of nets that stand in a stack with the LSTM's, and have no noise.
            foreach (var view in _besides)
                _device.Copy(view.In(_clean), view.In(_noisy));
        }
        else
        {
            _device.Copy(_clean, _noisy);
        }

        _device.RefreshWeights(_operands);
    }

    /// <summary>The weights as read, by name, for comparisons.</summary>
    public IEnumerable<StepTensor> NoiseTensors
        => _noisy.IsEmpty ? [] : _weights.Select(weight => new StepTensor("noisy." + weight.Name, weight.View.In(_noisy), TrainingPhase.F2Noise));
}
