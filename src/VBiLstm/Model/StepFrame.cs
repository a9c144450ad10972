using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Noise;

namespace VBiLstm.Model;

/// <summary>
/// What every model's pass shares within one step: the device, the batch's size and masks, the scalars, the sums. A [T, B, N] sequence is a tensor
/// [T·B, N] sized for the largest T.
/// </summary>
sealed class StepFrame
{
    readonly Progress _progress;

    public StepFrame(Workspace workspace, ModelConfiguration model, in StepSizes sizes)
    {
        Device = workspace.Device;
        (BatchSize, Samples, _progress) = (sizes.BatchSize, sizes.Samples, new Progress { Steps = sizes.MaximumSteps });
        Inputs = new StepInputs(workspace, model, sizes);
        Metrics = workspace.Take(StepMetrics.Count, 1);
        Halted = workspace.Take(1, 1);
        PerSequence = Samples == 1 ? this : new StepFrame(this);
    }

    StepFrame(StepFrame samples)
    {
        (Device, BatchSize, Samples, _progress) = (samples.Device, samples.BatchSize / samples.Samples, 1, samples._progress);
        (Inputs, Metrics, Halted, PerSequence) = (samples.Inputs, samples.Metrics, samples.Halted, this);
    }

    // What all frames of a step share.
    sealed class Progress
    {
        public required int Steps { get; set; }

        public Action<TrainingPhase>? EnterPhase { get; set; }
    }

    public Device Device { get; }

    /// <summary>B.</summary>
    public int BatchSize { get; }

    /// <summary>Rows of each sequence.</summary>
    public int Samples { get; }

    /// <summary>The same step's frame of what is computed once for each sequence: one row of it, the first.</summary>
    public StepFrame PerSequence { get; }

    /// <summary>T of the loaded batch.</summary>
    public int Steps
    {
        get => _progress.Steps;
        set => _progress.Steps = value;
    }

    /// <summary>What the host gives.</summary>
    public StepInputs Inputs { get; }

    public StepScalars Scalars => Inputs.Scalars;

    /// <summary>The values of <see cref="StepMetrics"/> in their order, side by side so that one copy brings them all to the host.</summary>
    public Tensor Metrics { get; }

    /// <summary>[terms, 1]: each Σ w, in the order of <see cref="ObjectiveTerm"/>.</summary>
    public Tensor Terms => Metrics.RowRange(0, StepMetrics.Terms);

    /// <summary>[1, 1]: J.</summary>
    public Tensor Objective => Metrics.RowRange(StepMetrics.Terms, 1);

    /// <summary>[1, 1].</summary>
    public Tensor GradientNorm => Metrics.RowRange(StepMetrics.Terms + 1, 1);

    /// <summary>[1, 1]: not 0 after a step that was not finite halted the updates.</summary>
    public Tensor Halted { get; }

    /// <inheritdoc cref="StepInputs.RowIds"/>
    public IdTensor RowIds => Inputs.RowIds;

    /// <inheritdoc cref="StepInputs.Validity"/>
    public Tensor Validity => Inputs.Validity;

    /// <summary>w_t of the loaded batch.</summary>
    public Tensor LossWeights => Whole(Inputs.LossWeight);

    /// <summary>Called as each phase begins, before its first operation; null: not called.</summary>
    public Action<TrainingPhase>? EnterPhase
    {
        get => _progress.EnterPhase;
        set => _progress.EnterPhase = value;
    }

    public void Enter(TrainingPhase phase) => EnterPhase?.Invoke(phase);

    /// <summary>Rows of time step or slot t of a [·, B, N] tensor; all of one that holds a single time step.</summary>
    public Tensor At(Tensor sequence, int t) => sequence.Rows == BatchSize ? sequence : sequence.RowRange(t * BatchSize, BatchSize);

    /// <summary>Time steps start..start+count-1 of a [·, B, N] tensor.</summary>
    public Tensor Span(Tensor sequence, int start, int count) => sequence.RowRange(start * BatchSize, count * BatchSize);

    /// <summary>The loaded batch's time steps of a [T, B, N] tensor.</summary>
    public Tensor Whole(Tensor sequence) => sequence.RowRange(0, Steps * BatchSize);

    /// <summary>Noise of the rows of a sample.</summary>
    public NoiseSource Noise(NoiseStream stream, int sample = 0) => new(Inputs.NoiseKey(sample), RowIds, stream);

    /// <summary>Gives the rows of one sample what was computed once for each sequence. Shapes: x [·, B / samples, N], y [·, B, N], both contiguous.</summary>
    public void CopyTo(int sample, Tensor x, Tensor y)
    {
        var sequences = BatchSize / Samples;
        var (steps, columns) = (x.Rows / sequences, sequences * x.Columns);
        Device.Copy(x.View(0, steps, columns, columns), y.View((nint)sample * columns, steps, columns, Samples * columns) with { Operand = 0 });
    }

    /// <summary>As <see cref="CopyTo"/> for every sample.</summary>
    public void Repeat(Tensor x, Tensor y)
    {
        for (var sample = 0; sample < Samples; sample++)
            CopyTo(sample, x, y);
    }

    /// <summary>Σ w of a term's values [T, B, 1]; nothing where the model lacks it.</summary>
    public void Sum(Tensor values, ObjectiveTerm term)
    {
        if (!values.IsEmpty)
            Device.WeightedSum(Whole(values), LossWeights, Terms.RowRange((int)term, 1));
    }

    /// <summary>A tensor of the tokens s_0..s_T, for comparisons.</summary>
    public StepTensor Tokens(string name, Tensor tensor, TrainingPhase phase, StepOrder order = StepOrder.AllAtOnce, Kink kink = Kink.None)
        => new(name, IsKept(tensor, Steps + 1) ? Span(tensor, 0, Steps + 1) : default, phase, 0, order, kink);

    /// <summary>A tensor of the predicted steps 1..T, for comparisons.</summary>
    public StepTensor Predicted(string name, Tensor tensor, TrainingPhase phase, StepOrder order = StepOrder.AllAtOnce, Kink kink = Kink.None)
        => new(name, IsKept(tensor, Steps) ? Whole(tensor) : default, phase, 1, order, kink);

    // What only the forward pass of one time step reads may be gone when the next begins.
    bool IsKept(Tensor tensor, int steps) => tensor.Rows >= steps * BatchSize;

    /// <summary>A tensor that a device which keeps recurrences to itself does not have.</summary>
    public Tensor Inside(Tensor tensor) => Device.OpaqueRecurrences ? default : tensor;
}
