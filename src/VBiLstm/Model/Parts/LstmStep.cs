using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Model.Parts;

/// <summary>One time step of an <see cref="Lstm"/> on B rows, for the generative process.</summary>
sealed class LstmStep
{
    readonly Device _device;
    readonly Weight _inputWeight, _recurrent;
    readonly Tensor _bias, _tanhC, _keepCell, _keepHidden, _cCandidate, _hCandidate;
    readonly float[] _hostCell, _hostHidden;

    public LstmStep(Workspace workspace, ModelConfiguration model, Lstm lstm, int rows)
    {
        _device = workspace.Device;
        _inputWeight = workspace.Operand(lstm.InputWeight, WeightUse.Forward);
        _recurrent = workspace.Operand(lstm.RecurrentWeight, WeightUse.Forward);
        _bias = workspace.Value(lstm.Bias);
        H = workspace.Take(rows, lstm.Units, Readers.All);
        C = workspace.Take(rows, lstm.Units);
        Gates = workspace.Take(rows, 4 * lstm.Units);
        _tanhC = workspace.Take(rows, lstm.Units);

        // Zoneout takes its expectation: what is kept is the same share at every step.
        _keepCell = workspace.TakeIf(model.ZoneoutCell > 0, 1, lstm.Units);
        _keepHidden = workspace.TakeIf(model.ZoneoutHidden > 0, 1, lstm.Units);
        _cCandidate = workspace.TakeIf(model.ZoneoutCell > 0, rows, lstm.Units);
        _hCandidate = workspace.TakeIf(model.ZoneoutHidden > 0, rows, lstm.Units);
        _hostCell = [.. Enumerable.Repeat((float)model.ZoneoutCell, _keepCell.Columns)];
        _hostHidden = [.. Enumerable.Repeat((float)model.ZoneoutHidden, _keepHidden.Columns)];
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
        if (!_keepCell.IsEmpty)
            _device.Upload(_hostCell, _keepCell);
        if (!_keepHidden.IsEmpty)
            _device.Upload(_hostHidden, _keepHidden);
    }

    /// <summary>The gates' pre-activations from x [B, E] and h.</summary>
    public void Begin(Tensor x)
    {
        _device.Multiply(x, _inputWeight, _bias, Gates, accumulate: false);
        _device.Multiply(H, _recurrent, default, Gates, accumulate: true);
    }

    /// <summary>The cell.</summary>
    public void End()
    {
        var (c, h) = (_keepCell.IsEmpty ? C : _cCandidate, _keepHidden.IsEmpty ? H : _hCandidate);
        _device.LstmCellForward(Gates, default, C, default, c, _tanhC, h);
        if (!_keepCell.IsEmpty)
            _device.Mix(C, c, _keepCell, C);
        if (!_keepHidden.IsEmpty)
            _device.Mix(H, h, _keepHidden, H);
    }
}
