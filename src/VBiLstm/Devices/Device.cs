namespace VBiLstm.Devices;

/// <summary>
/// The operations that the model is made of; each is one thing that a GPU would launch. Operations are asynchronous where
/// a device likes, keep the order of calls, allocate nothing and never synchronise; <see cref="Synchronise"/>,
/// <see cref="Download(Tensor, Span{float})"/> and <see cref="Upload(ReadOnlySpan{float}, Tensor)"/> do.
/// Rows are examples: a tensor of a sequence is [T·B, N]. Symbols and section numbers are those of model.md.
/// "Empty" below means <see cref="Tensor.IsEmpty"/>. Outputs may alias inputs only where an operation says so.
/// </summary>
public abstract partial class Device : IDisposable
{
    /// <summary>What a person calls this device, for instance <c>cpu (2 threads, 512-bit)</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Memory that the device could still give, in bytes; null where nobody tells.</summary>
    public virtual long? FreeBytes => null;

    /// <summary>Whether that memory is the device's own, not the machine's.</summary>
    public virtual bool HasOwnMemory => false;

    /// <summary>Bytes that the weights of products take beside the parameters, of which there are so many.</summary>
    public virtual long WeightBytes(long parameters) => 0;

    /// <summary>Allocates zeroed memory. Throws <see cref="InsufficientMemoryException"/> naming <paramref name="purpose"/> and the bytes asked.</summary>
    public abstract DeviceMemory Allocate(long bytes, string purpose);

    /// <summary>Copies <paramref name="source"/>, dense and row-major, to <paramref name="target"/>; lengths must agree.</summary>
    public abstract void Upload(ReadOnlySpan<float> source, Tensor target);

    /// <inheritdoc cref="Upload(ReadOnlySpan{float}, Tensor)"/>
    public abstract void Upload(ReadOnlySpan<int> source, IdTensor target);

    /// <summary>Waits for all operations, then copies <paramref name="source"/> to <paramref name="target"/>, dense and row-major; lengths must agree.</summary>
    public abstract void Download(Tensor source, Span<float> target);

    /// <summary>Makes a place on the host for copies of <paramref name="source"/> that do not hold up the operations called after them.</summary>
    public abstract Readback CreateReadback(Tensor source);

    /// <summary>Steps that may be launched before the metrics of an earlier one are read; 0 where operations are done when they return.</summary>
    public virtual int StepsAhead => 0;

    /// <summary>Waits until every operation called so far is done.</summary>
    public abstract void Synchronise();

    /// <summary>
    /// Takes the operations that <paramref name="operations"/> calls as something to replay: a captured graph on a GPU, the
    /// plain calls on a CPU. Buffers and sizes are those of the recording; values are read at each replay.
    /// </summary>
    public abstract Action Record(Action operations);

    /// <summary>Makes <paramref name="values"/> [in, out] an operand of products; see <see cref="RefreshWeights"/>.</summary>
    public abstract Weight CreateWeight(Tensor values, WeightUse use);

    /// <summary>Brings the weights' own arrangements up to date with the parameters; once after each optimiser step.</summary>
    public abstract void RefreshWeights(IReadOnlyList<Weight> weights);

    /// <summary>y = x W + bias, or y += x W without bias. Shapes: x [R, in], W [in, out], bias [1, out] or empty, y [R, out].</summary>
    public abstract void Multiply(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate);

    /// <summary>dx = dy Wᵀ, or dx += dy Wᵀ. Shapes: dy [R, out], W [in, out], dx [R, in].</summary>
    public abstract void MultiplyTransposed(Tensor dy, Weight w, Tensor dx, bool accumulate);

    /// <summary>
    /// The gradients of every layer with the output gradient dy, over all rows (model.md B6): dW = xᵀ dy for each pair, and dBias = Σ over rows of dy; or +=.
    /// Shapes: x [R, in], dy [R, out], dW [in, out], dBias [1, out] or empty. A pair whose x is empty is left out.
    /// </summary>
    public abstract void WeightGradients(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate = false);

    // --- LSTM ---

    /// <summary>
    /// Whether a recurrence without channel is one opaque call, as cuDNN's are: input projections are computed within, so that projecting a vocabulary before gains
    /// nothing, and gates and cells stay there.
    /// </summary>
    public virtual bool OpaqueRecurrences => false;

    /// <summary>Bytes that the device itself will take for a recurrence without channel of so many steps and rows; 0 where the given tensors are all it needs.</summary>
    public virtual long RecurrenceBytes(int inputs, int units, int steps, int rows, bool training) => 0;

    /// <summary>Runs a whole recurrence without channel forward, input projections included where <see cref="LstmSequence.Input"/> is given.</summary>
    public virtual void LstmSequenceForward(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        var (n, b) = (sequence.Steps, sequence.BatchSize);
        if (!sequence.Input.IsEmpty)
            Multiply(sequence.Input.RowRange(0, n * b), sequence.InputWeight, sequence.Bias, sequence.Gates.RowRange(0, n * b), accumulate: false);
        for (var i = 0; i < n; i++)
        {
            var (step, from, to) = LstmSlots(sequence, i);
            var gates = sequence.Gates.RowRange(step * b, b);
            Multiply(sequence.H.RowRange(from * b, b), sequence.Recurrent, default, gates, accumulate: true);
            LstmCellForward(gates, default, sequence.C.RowRange(from * b, b), sequence.Validity.RowRange(step * b, b),
                sequence.C.RowRange(to * b, b), sequence.TanhC.RowRange(step * b, b), sequence.H.RowRange(to * b, b));
        }
    }

    /// <summary>
    /// Runs a whole recurrence without channel backward: the gradients of its weights, of its inputs where wanted, and of the initial state. Where the gates hold
    /// projected inputs (<see cref="LstmSequence.Input"/> is empty), leaves their gradients dA there.
    /// </summary>
    public virtual void LstmSequenceBackward(LstmSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        var (n, b) = (sequence.Steps, sequence.BatchSize);
        Zero(sequence.DHRecurrent);
        Zero(sequence.DC);
        for (var i = n - 1; i >= 0; i--)
        {
            var (step, from, _) = LstmSlots(sequence, i);
            var gates = sequence.Gates.RowRange(step * b, b);
            LstmCellBackward(gates, sequence.C.RowRange(from * b, b), sequence.TanhC.RowRange(step * b, b), sequence.DH.RowRange(step * b, b),
                sequence.DHRecurrent, sequence.Validity.RowRange(step * b, b), sequence.DC);
            MultiplyTransposed(gates, sequence.Recurrent, sequence.DHRecurrent, accumulate: false);
        }

        var dGates = sequence.Gates.RowRange(0, n * b);
        var hPrevious = sequence.H.RowRange(sequence.Direction == LstmDirection.Forward ? 0 : b, n * b);
        WeightGradients([new(sequence.Input.RowRange(0, n * b), sequence.DInputWeight), new(hPrevious, sequence.DRecurrent)], dGates, sequence.DBias);
        if (!sequence.DInput.IsEmpty)
            MultiplyTransposed(dGates, sequence.InputWeight, sequence.DInput.RowRange(0, n * b), sequence.AddsToDInput);
    }

    static (int Step, int From, int To) LstmSlots(LstmSequence sequence, int i)
    {
        var forward = sequence.Direction == LstmDirection.Forward;
        var step = forward ? i : sequence.Steps - 1 - i;
        return forward ? (step, step, step + 1) : (step, step + 1, step);
    }

    /// <summary>y = φ(x W + bias), meant for a thin x of few rows and columns. Shapes: x [R, in], W [in, M], bias [1, M], y [R, M].</summary>
    public abstract void MultiplyLeakyRelu(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi);

    /// <summary>y = φ(x + addend). Shapes: x and y [R, M] (y may be x or the addend), addend [R, M], [1, M] (a bias) or empty.</summary>
    public abstract void LeakyReluForward(Tensor x, Tensor addend, Tensor y, LeakyRelu phi);

    /// <summary>
    /// dx = dy φ′, φ′ taken from the output y = φ(a). Where <paramref name="mask"/> [R, 1] is given, maskedDx = mask dx as well.
    /// Shapes: [R, M]; dx may be dy.
    /// </summary>
    public abstract void LeakyReluBackward(Tensor dy, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi);

    /// <summary>
    /// Reparameterised sample: μ = τ(mean) written back in place, sample = μ + exp(cl(ℓ)/2) noise; sample = μ where noise is empty.
    /// Shapes: output [R, 2N], noise and sample [R, N]; where sample is empty, only τ is applied.
    /// </summary>
    public abstract void SampleGaussianForward(Tensor output, Tensor noise, Tensor sample, GaussianHead head);

    /// <summary>
    /// Backward of <see cref="SampleGaussianForward"/> together with gradients that reach the moments directly:
    /// with s = dSample1 + dSample2 (the second may be empty), output becomes
    /// [(dμ⁰ + s) τ′ ; (dλ⁰ + ½ s noise exp(λ/2)) k] (model.md B5, 3 and 6). Shapes: output and dMoments [R, 2N], the rest [R, N].
    /// </summary>
    public abstract void SampleGaussianBackward(Tensor dSample1, Tensor dSample2, Tensor noise, Tensor dMoments, Tensor output, GaussianHead head);

    /// <summary>kl = KL(q ‖ p) per row, nats. Shapes: q and p [R, 2Z] (p empty: N(0, I)), kl [R, 1].</summary>
    public abstract void GaussianKlForward(Tensor q, Tensor p, Tensor kl, GaussianHead head);

    /// <summary>
    /// Model.md B2: dMoments = ω w [∂μ_q; ∂λ_q] of the KL; p becomes its own output gradient, gate k applied.
    /// Shapes: q, p (or empty), dMoments [R, 2Z], w [R, 1], omega [1, 1].
    /// </summary>
    public abstract void GaussianKlBackward(Tensor q, Tensor p, Tensor w, Tensor omega, Tensor dMoments, GaussianHead head);

    /// <summary>result = sign · log N(target; μ, e^λ) per row, nats; output empty means N(0, I). Shapes: target [R, N], output [R, 2N], result [R, 1].</summary>
    public abstract void GaussianLogDensityForward(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head);

    /// <summary>
    /// Gradient of −coefficient · w · log N(target; μ, e^λ) with respect to the moments [μ; λ] (model.md B3, B4) into
    /// dOutput [R, 2N], which may be output; where <paramref name="throughOutput"/>, times τ′ and the clamp's gate k.
    /// Where dTarget [R, N] is given it receives (or, with <paramref name="accumulateTarget"/>, is added) the gradient with respect
    /// to the target times targetMask [R, 1] (empty: 1). Shapes: w [R, 1], coefficient [1, 1].
    /// </summary>
    public abstract void GaussianLogDensityBackward(Tensor target, Tensor output, Tensor w, Tensor coefficient, Tensor dOutput, bool throughOutput,
        Tensor dTarget, Tensor targetMask, bool accumulateTarget, GaussianHead head);

    /// <summary>nll = Σ_d softplus(o) − y o per row, nats. Shapes: logits and y [R, D], nll [R, 1].</summary>
    public abstract void BernoulliNllForward(Tensor logits, Tensor y, Tensor nll);

    /// <summary>logits become w (σ(o) − y). Shapes as in the forward operation, w [R, 1].</summary>
    public abstract void BernoulliNllBackward(Tensor logits, Tensor y, Tensor w);

    /// <summary>nll = logsumexp(o) − o_y per row, nats. Shapes: logits [R, V], y [R] ids, nll [R, 1].</summary>
    public abstract void CategoricalNllForward(Tensor logits, IdTensor y, Tensor nll);

    /// <summary>logits become w (softmax(o) − onehot(y)). Shapes as in the forward operation, w [R, 1].</summary>
    public abstract void CategoricalNllBackward(Tensor logits, IdTensor y, Tensor w);

    /// <summary>result = |h|² per row. Shapes: h [R, H], result [R, 1].</summary>
    public abstract void SquaredNormForward(Tensor h, Tensor result);

    /// <summary>dh += 2 γ w h. Shapes: h and dh [R, H], w [R, 1].</summary>
    public abstract void SquaredNormBackward(Tensor h, Tensor w, float gamma, Tensor dh);

    /// <summary>y = table[ids]. Shapes: ids [R], table [V, E], y [R, E].</summary>
    public abstract void EmbeddingForward(IdTensor ids, Tensor table, Tensor y);

    /// <summary>dTable = Σ over rows with that id of dy, in row order. Shapes as in the forward operation.</summary>
    public abstract void EmbeddingBackward(IdTensor ids, Tensor dy, Tensor dTable);

    /// <summary>x = 0.</summary>
    public abstract void Zero(Tensor x);

    /// <summary>y = x, same shape.</summary>
    public abstract void Copy(Tensor x, Tensor y);

    /// <summary>x becomes mask x, row by row. Shapes: x [R, N], mask [R, 1].</summary>
    public abstract void MaskRows(Tensor x, Tensor mask);

    /// <summary>result = Σ values · w in a fixed order, accumulated in double. Shapes: values and w [R, 1], result [1, 1].</summary>
    public abstract void WeightedSum(Tensor values, Tensor w, Tensor result);

    /// <summary>Standard normal noise; row t·B + n takes its bits from time step t and row id n. Shape: x [T·B, N].</summary>
    public abstract void FillNormal(Tensor x, NoiseSource noise);

    /// <summary>result = the Euclidean norm of a flat gradient [1, N], accumulated in double in a fixed order. Shape: result [1, 1].</summary>
    public abstract void GradientNorm(Tensor gradients, Tensor result);

    /// <summary>
    /// Adam with bias correction on flat arenas [1, N], in one pass; gradients are scaled by min(1, clip / norm) first.
    /// Does nothing at all where the norm or the objective is not finite, nor, after such a step, ever again where halting is asked for. Scalars, all [1, 1] in
    /// device memory so that a recorded step reads the current values: norm, objective, rate (learning rate), the two corrections 1 − β₁ᵗ and 1 − β₂ᵗ, and halted.
    /// </summary>
    public abstract void AdamStep(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>Arguments of <see cref="Device.AdamStep"/>; the tensors are [1, 1].</summary>
public readonly record struct AdamArguments(Tensor Norm, Tensor Objective, Tensor Rate, Tensor Correction1, Tensor Correction2, Tensor Halted,
    float Beta1, float Beta2, float Epsilon, float Clip, bool HaltOnNonFinite);
