using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Evaluation;

/// <summary>
/// What drawn sequences begin with: s_1..s_S as given. They are read as data are scored, with the posterior, whose backward LSTM has seen all of them; what
/// follows is drawn from the states that this ends with.
/// </summary>
public sealed class Beginning
{
    readonly SequenceBatch _batch;

    /// <param name="device">Where the beginnings are read; must own the parameters.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="sequences">Row n begins as sequence n of these; where they are fewer than rows, they come again from the first on.</param>
    /// <param name="steps">S, at most as many as the shortest of the sequences has that begin a row.</param>
    /// <param name="rows">B.</param>
    /// <param name="seed">The same seed draws the same latents.</param>
    /// <param name="sampled">Whether z is sampled or at its mean.</param>
    /// <exception cref="ArgumentOutOfRangeException">A sequence is shorter.</exception>
    /// <exception cref="InsufficientMemoryException">The activations do not fit.</exception>
    public Beginning(Device device, ModelParameters parameters, SequenceDataset sequences, int steps, int rows, long seed, bool sampled)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, Enumerable.Range(0, Math.Min(rows, sequences.Count)).Min(sequences.Length));
        _batch = new SequenceBatch(sequences.MaximumLength, rows, sequences.FrameSize) { Steps = sequences.MaximumLength, Sequences = rows };
        for (var n = 0; n < rows; n++)
        {
            sequences.Fill(n % sequences.Count, 0, _batch, n);
            (_batch.Lengths[n], _batch.RowIds[n]) = (steps, n);
        }

        _batch.Steps = Steps = steps;
        using var step = new TrainingStep(device, parameters, steps, rows, training: null);
        using var claim = step.Claim();
        step.ResetState();
        step.Load(_batch);
        step.Score(StepSettings.OfEvaluation(seed, 0), drawsNoise: sampled);
        step.CarryState();
        States = [.. step.StateNames.Select(state => new float[rows * state.Units])];
        step.ReadState(States);
    }

    /// <summary>S.</summary>
    public int Steps { get; }

    /// <summary>B.</summary>
    public int Rows => _batch.BatchSize;

    /// <summary>What the model's generative step carries, [B, units] each, after it read s_0..s_{S−1}.</summary>
    internal float[][] States { get; }

    /// <summary>s_k of a row, a frame [D].</summary>
    internal ReadOnlySpan<float> Frame(int k, int row) => _batch.Frames.AsSpan((k * Rows + row) * _batch.FrameSize, _batch.FrameSize);

    /// <summary>s_k of a row, a token.</summary>
    internal int Token(int k, int row) => _batch.Tokens[k * Rows + row];
}
