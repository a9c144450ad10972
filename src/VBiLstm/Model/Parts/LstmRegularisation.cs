using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model.Parts;

/// <summary>
/// The masks of a regularised forward LSTM (model.md section 17): zoneout of cells and of states, recurrent dropout, variational dropout of inputs and outputs.
/// Tensors of what is off are empty. Dropout acts in training alone; zoneout takes its expectation otherwise.
/// </summary>
sealed class LstmRegularisation
{
    readonly ModelConfiguration _model;
    readonly Device _device;

    public LstmRegularisation(Workspace workspace, ModelConfiguration model, Lstm lstm, in StepSizes sizes)
    {
        (_model, _device) = (model, workspace.Device);
        var (rows, b, h) = (sizes.Rows, sizes.BatchSize, lstm.Units);
        var once = sizes.PerSequence;
        KeepCell = workspace.TakeIf(model.ZoneoutCell > 0, rows, h);
        KeepHidden = workspace.TakeIf(model.ZoneoutHidden > 0, rows, h);
        UpdateMask = workspace.TakeIf(model.RecurrentDropout > 0, rows, h);
        InputMask = workspace.TakeIf(model.InputDropout > 0, once.BatchSize, lstm.Inputs);
        OutputMask = workspace.TakeIf(model.OutputDropout > 0, b, h);
        MaskedInput = workspace.TakeIf(model.InputDropout > 0, once.Rows, lstm.Inputs, Readers.Products);
        DMaskedInput = workspace.TakeIf(workspace.Training && model.InputDropout > 0 && sizes.InputGradient, rows, lstm.Inputs);
        MaskedOutput = workspace.TakeIf(model.OutputDropout > 0, rows, h, Readers.Products);
        DHiddenCandidate = workspace.TakeIf(workspace.Training && model.ZoneoutHidden > 0, b, h);
        DCellKept = workspace.TakeIf(workspace.Training && model.ZoneoutCell > 0, b, h);
    }

    /// <summary>Whether the cell itself is not the plain one, so that a device's own recurrence does not compute it.</summary>
    public bool ChangesCell => !KeepCell.IsEmpty || !KeepHidden.IsEmpty || !UpdateMask.IsEmpty;

    /// <summary>Whether something stands between the cells of two time steps.</summary>
    public bool Mixes => !KeepCell.IsEmpty || !KeepHidden.IsEmpty;

    /// <summary>k^c_t, [T, B, H].</summary>
    public Tensor KeepCell { get; }

    /// <summary>k^h_t, [T, B, H].</summary>
    public Tensor KeepHidden { get; }

    /// <summary>Factors of the update u, [T, B, H].</summary>
    public Tensor UpdateMask { get; }

    /// <summary>Factors of the inputs at every time step, [B, E].</summary>
    public Tensor InputMask { get; }

    /// <summary>Factors of h at every time step as the generator reads it, [B, H].</summary>
    public Tensor OutputMask { get; }

    /// <summary>[T, B, E].</summary>
    public Tensor MaskedInput { get; }

    /// <summary>[T, B, E]; empty where the inputs' gradient is not wanted.</summary>
    public Tensor DMaskedInput { get; }

    /// <summary>[T, B, H].</summary>
    public Tensor MaskedOutput { get; }

    /// <summary>[B, H], one step's scratch.</summary>
    public Tensor DHiddenCandidate { get; }

    /// <summary>[B, H], one step's scratch.</summary>
    public Tensor DCellKept { get; }

    /// <summary>Draws the masks of a training step, or sets those of an evaluation.</summary>
    public void DrawNoise(StepFrame frame, NoisePurpose purpose)
    {
        var training = purpose == NoisePurpose.Training;
        Zoneout(KeepCell, _model.ZoneoutCell, NoiseStream.ZoneoutCells);
        Zoneout(KeepHidden, _model.ZoneoutHidden, NoiseStream.ZoneoutStates);
        Dropout(frame.Whole(UpdateMask), _model.RecurrentDropout, NoiseStream.RecurrentDropout);
        Dropout(InputMask, _model.InputDropout, NoiseStream.InputDropout);
        Dropout(OutputMask, _model.OutputDropout, NoiseStream.OutputDropout);

        void Zoneout(Tensor keep, double probability, NoiseStream stream)
        {
            if (keep.IsEmpty)
                return;
            var (chance, one) = training ? ((float)probability, 1f) : (1f, (float)probability);
            _device.FillBernoulli(frame.Whole(keep), chance, frame.Noise(stream), one);
        }

        void Dropout(Tensor mask, double probability, NoiseStream stream)
        {
            if (mask.IsEmpty)
                return;
            var (chance, one) = training ? ((float)(1 - probability), (float)(1 / (1 - probability))) : (1f, 1f);
            _device.FillBernoulli(mask, chance, frame.Noise(stream), one);
        }
    }

    /// <summary>The masks by name, for comparisons.</summary>
    public IEnumerable<StepTensor> NoiseTensors(StepFrame frame) =>
    [
        frame.Predicted("zoneout_cell", KeepCell, TrainingPhase.F2Noise),
        frame.Predicted("zoneout_hidden", KeepHidden, TrainingPhase.F2Noise),
        frame.Predicted("recurrent_mask", UpdateMask, TrainingPhase.F2Noise),
        new StepTensor("input_mask", InputMask, TrainingPhase.F2Noise),
        new StepTensor("output_mask", OutputMask, TrainingPhase.F2Noise),
    ];
}
