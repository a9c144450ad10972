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
    int _callingThread, _claims;

    // Its operations are the library's own.
    private protected Device()
    {
    }

    /// <summary>What a person calls this device, for instance <c>cpu (2 threads, 512-bit)</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Memory that the device could still give, in bytes; null where nobody tells.</summary>
    public virtual long? FreeBytes => null;

    /// <summary>Whether that memory is the device's own, not the machine's.</summary>
    internal virtual bool HasOwnMemory => false;

    /// <summary>Bytes that the weights of products take beside the parameters, of which there are so many.</summary>
    internal virtual long WeightBytes(long parameters) => 0;

    /// <summary>
    /// Whether products read their operands rounded to bf16, from <see cref="Tensor.Operand"/>: what a product reads must have one. An element-wise operation
    /// that writes a tensor brings its operand up to date, a product does not.
    /// </summary>
    internal virtual bool RoundsOperands => false;

    /// <summary>Allocates zeroed memory. Throws <see cref="InsufficientMemoryException"/> naming <paramref name="purpose"/> and the bytes asked.</summary>
    internal abstract DeviceMemory Allocate(long bytes, string purpose);

    /// <summary>Copies <paramref name="source"/>, dense and row-major, to <paramref name="target"/>; lengths must agree.</summary>
    internal void Upload(ReadOnlySpan<float> source, Tensor target)
    {
        CheckJoined(nameof(Upload));
        Check(source.Length == target.Count, $"{source.Length} values are given, the target is {target}.");
        UploadCore(source, target);
    }

    private protected abstract void UploadCore(ReadOnlySpan<float> source, Tensor target);

    /// <inheritdoc cref="Upload(ReadOnlySpan{float}, Tensor)"/>
    internal void Upload(ReadOnlySpan<int> source, IdTensor target)
    {
        CheckJoined(nameof(Upload));
        Check(source.Length == target.Count, $"{source.Length} ids are given, the target is {target}.");
        UploadCore(source, target);
    }

    private protected abstract void UploadCore(ReadOnlySpan<int> source, IdTensor target);

    /// <summary>
    /// Waits for all operations, then copies <paramref name="source"/> to <paramref name="target"/>, dense and row-major; lengths must agree.
    /// </summary>
    internal void Download(Tensor source, Span<float> target)
    {
        CheckJoined(nameof(Download));
        Check(source.Count == target.Length, $"there is room for {target.Length} values, the source is {source}.");
        DownloadCore(source, target);
    }

    private protected abstract void DownloadCore(Tensor source, Span<float> target);

    /// <summary>
    /// Makes a place on the host for copies of <paramref name="source"/>, which is contiguous, that do not hold up the operations called after them.
    /// </summary>
    internal Readback CreateReadback(Tensor source)
    {
        Check(source.IsContiguous, $"the source {source} is a view of columns; a readback takes whole rows.");
        return CreateReadbackCore(source);
    }

    private protected abstract Readback CreateReadbackCore(Tensor source);

    /// <summary>Steps that may be launched before the metrics of an earlier one are read; 0 where operations are done when they return.</summary>
    internal virtual int StepsAhead => 0;

    /// <summary>Waits until every operation called so far is done.</summary>
    internal abstract void Synchronise();

    /// <summary>
    /// Takes the operations that <paramref name="operations"/> calls as something to replay: a captured graph on a GPU, the
    /// plain calls on a CPU. Buffers and sizes are those of the recording; values are read at each replay.
    /// </summary>
    internal Recording Record(Action operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        return RecordCore(() => RunJoined(operations));
    }

    private protected abstract Recording RecordCore(Action operations);

    /// <summary>
    /// Makes this thread the only one that may use the device's scratch and order of calls, until the claim is disposed; a thread may claim again within.
    /// Training steps and all that runs them do so themselves.
    /// </summary>
    /// <exception cref="InvalidOperationException">Another thread has claimed it.</exception>
    internal DeviceClaim Claim()
    {
        var thread = Environment.CurrentManagedThreadId;
        if (Volatile.Read(ref _callingThread) != thread && Interlocked.CompareExchange(ref _callingThread, thread, 0) != 0)
        {
            throw new InvalidOperationException($"{Name} is in use by another thread: a device serves one caller at a time, or its results would be wrong. "
                + "Give each training or evaluation that runs at the same time a device of its own.");
        }

        _claims++;
        return new DeviceClaim(this);
    }

    internal void EndClaim()
    {
        if (--_claims == 0)
            Volatile.Write(ref _callingThread, 0);
    }

    /// <summary>Makes <paramref name="values"/> [in, out] an operand of products; see <see cref="RefreshWeights"/>.</summary>
    internal abstract Weight CreateWeight(Tensor values, WeightUse use);

    /// <summary>Brings the weights' own arrangements up to date with the parameters; once after each optimiser step.</summary>
    internal void RefreshWeights(IReadOnlyList<Weight> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        RefreshWeightsCore(weights);
    }

    private protected abstract void RefreshWeightsCore(IReadOnlyList<Weight> weights);

    /// <summary>Gives the device's memory and threads back; what was made on it is disposed before.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected abstract void Dispose(bool disposing);
}
