using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>One time step of an <see cref="Lstm"/> on B rows, for the generative process.</summary>
sealed class LstmStep
{
    readonly Device _device;
    readonly Weight _inputWeight, _recurrent;
    readonly Tensor _bias, _tanhC;

    public LstmStep(Workspace workspace, Lstm lstm, int rows)
    {
        _device = workspace.Device;
        _inputWeight = workspace.Operand(lstm.InputWeight, WeightUse.Forward);
        _recurrent = workspace.Operand(lstm.RecurrentWeight, WeightUse.Forward);
        _bias = workspace.Value(lstm.Bias);
        H = workspace.Take(rows, lstm.Units);
        C = workspace.Take(rows, lstm.Units);
        Gates = workspace.Take(rows, 4 * lstm.Units);
        _tanhC = workspace.Take(rows, lstm.Units);
    }

    /// <summary>[B, H].</summary>
    public Tensor H { get; }

    /// <summary>[B, H].</summary>
    public Tensor C { get; }

    /// <summary>[B, 4H]; what else feeds the LSTM is added between <see cref="Begin"/> and <see cref="End"/>.</summary>
    public Tensor Gates { get; }

    public void Reset()
    {
        _device.Zero(H);
        _device.Zero(C);
    }

    /// <summary>The gates' pre-activations from x [B, E] and h.</summary>
    public void Begin(Tensor x)
    {
        _device.Multiply(x, _inputWeight, _bias, Gates, accumulate: false);
        _device.Multiply(H, _recurrent, default, Gates, accumulate: true);
    }

    /// <summary>The cell.</summary>
    public void End() => _device.LstmCellForward(Gates, default, C, default, C, _tanhC, H);
}
