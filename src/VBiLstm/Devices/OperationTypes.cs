using VBiLstm.Noise;

namespace VBiLstm.Devices;

/// <summary>φ of model.md section 1: leaky ReLU with slope r, clipped to [-C, C]; C is +∞ for no clipping.</summary>
readonly record struct LeakyRelu(float Slope, float Clip);

/// <summary>
/// How an output [mean; log-variance] of width 2N is read as a diagonal Gaussian: cl of model.md section 1 on the
/// log-variance and, where <paramref name="TanhMean"/>, τ = tanh on the mean (already applied in place by the forward pass).
/// </summary>
readonly record struct GaussianHead(float LogVarianceMin, float LogVarianceMax, bool TanhMean);

/// <summary>
/// Where noise comes from: Philox4x32-10 with key = the run's seed and counter = (column block, row id, time step and
/// stream, training step). <paramref name="Key"/> holds [seed low, seed high, step] in device memory, so that a recorded step reads the
/// current values; <paramref name="RowIds"/> [B] numbers the rows of the whole (possibly distributed) batch.
/// </summary>
readonly record struct NoiseSource(IdTensor Key, IdTensor RowIds, NoiseStream Stream);

/// <summary>An input x [R, in] of a layer and where the gradient of its weight goes, dW [in, out].</summary>
readonly record struct WeightGradient(Tensor X, Tensor DW);

/// <summary>Order in which a recurrence walks its steps.</summary>
enum LstmDirection
{
    /// <summary>Step k reads state slot k and writes slot k + 1.</summary>
    Forward,

    /// <summary>Step k reads state slot k + 1 and writes slot k, from the last step to the first.</summary>
    Backward,
}

/// <summary>
/// Buffers of an LSTM without channel over N steps of B rows (model.md F1′, B7; gate order i, f, u, o). Disposing it gives back what the device keeps for it.
/// </summary>
sealed record LstmSequence : IDisposable
{
    public required LstmDirection Direction { get; init; }

    /// <summary>N, number of steps; at most what the buffers hold.</summary>
    public required int Steps { get; set; }

    /// <summary>B, rows of one step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>[N·B, E] inputs of every step; empty where <see cref="Gates"/> already hold the input projections plus bias.</summary>
    public Tensor Input { get; init; }

    /// <summary>W_x, [E, 4H].</summary>
    public required Weight InputWeight { get; init; }

    /// <summary>[1, 4H].</summary>
    public required Tensor Bias { get; init; }

    /// <summary>U, [H, 4H].</summary>
    public required Weight Recurrent { get; init; }

    /// <summary>
    /// [N·B, 4H]: input projections plus bias, then gate activations, then dA. A device that keeps these to itself (cuDNN) leaves them as they were, and
    /// <see cref="TanhC"/> and all but the last slot of <see cref="C"/> too.
    /// </summary>
    public required Tensor Gates { get; init; }

    /// <summary>[(N+1)·B, H] hidden states by slot; the initial slot is given.</summary>
    public required Tensor H { get; init; }

    /// <summary>[(N+1)·B, H] cells by slot; the initial slot is given.</summary>
    public required Tensor C { get; init; }

    /// <summary>[N·B, H] tanh of the cells before masking.</summary>
    public required Tensor TanhC { get; init; }

    /// <summary>[N·B, 1] v: multiplies h and c of each step; empty for all ones.</summary>
    public Tensor Validity { get; init; }

    /// <summary>dW_x, [E, 4H].</summary>
    public Tensor DInputWeight { get; init; }

    /// <summary>dU, [H, 4H].</summary>
    public Tensor DRecurrent { get; init; }

    /// <summary>[1, 4H].</summary>
    public Tensor DBias { get; init; }

    /// <summary>[N·B, E]; empty where the gradient of the inputs is not wanted.</summary>
    public Tensor DInput { get; init; }

    /// <summary>Whether the gradient of the inputs is added to what <see cref="DInput"/> holds, because another recurrence reads the same inputs.</summary>
    public bool AddsToDInput { get; init; }

    /// <summary>[N·B, H] gradient arriving at the h that step k writes, read by the backward pass.</summary>
    public required Tensor DH { get; init; }

    /// <summary>[B, H] scratch; after the backward pass the gradient of the initial h.</summary>
    public required Tensor DHRecurrent { get; init; }

    /// <summary>[B, H] scratch; after the backward pass the gradient of the initial c.</summary>
    public required Tensor DC { get; init; }

    /// <summary>What the device keeps for this recurrence beside the tensors; the device sets it.</summary>
    public IDisposable? KeptByDevice { get; set; }

    public void Dispose()
    {
        KeptByDevice?.Dispose();
        KeptByDevice = null;
    }
}

/// <summary>
/// A forward and a backward LSTM that read the same inputs, as one operation. Every row has all the steps, so that the backward one begins at the same step
/// in each: neither has <see cref="LstmSequence.Validity"/>. A device may leave all cells <see cref="LstmSequence.C"/> but the initial ones as they were.
/// </summary>
sealed record BidirectionalLstm : IDisposable
{
    /// <summary>Reads at most as many steps as <see cref="Backward"/>, the first ones.</summary>
    public required LstmSequence Forward { get; init; }

    /// <summary>Its <see cref="LstmSequence.DInput"/>, to which it adds, becomes the sum over both.</summary>
    public required LstmSequence Backward { get; init; }

    /// <inheritdoc cref="LstmSequence.KeptByDevice"/>
    public IDisposable? KeptByDevice { get; set; }

    public void Dispose()
    {
        KeptByDevice?.Dispose();
        KeptByDevice = null;
        Forward.Dispose();
        Backward.Dispose();
    }
}

/// <summary>What a device's own memory for a recurrence depends on, beside units and rows.</summary>
/// <param name="Inputs">E.</param>
/// <param name="Steps">The most that it runs.</param>
/// <param name="Directions">2 of a <see cref="BidirectionalLstm"/>.</param>
readonly record struct DeviceRecurrence(int Inputs, int Steps, int Directions = 1);
