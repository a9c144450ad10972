namespace VBiLstm.Devices.Counting;

/// <summary>
/// Executes nothing and counts everything: what each operation would cost a GPU that runs the recurrences by its own kernels and reads the parameters
/// themselves as operands of products. Its memory has addresses only, so that a model of any size can be counted anywhere. Values read back are zero.
/// </summary>
/// <param name="roundsOperands">Whether products are of bf16.</param>
/// <param name="hasThinKernels">Whether a product of few rows is one kernel with what follows; otherwise a library computes it too.</param>
/// <param name="isResident">Whether such a loop over time is one kernel whose weights stay in shared memory; null: none is.</param>
sealed partial class CountingDevice(bool roundsOperands = false, bool hasThinKernels = false, Func<VariationalLoop, bool>? isResident = null) : Device
{
    // What cuMemAlloc aligns to; the first address is not zero, which would be an empty tensor.
    const long Alignment = 256;

    nint _next = (nint)Alignment;
    bool _replaying, _inBranch;
    int _joins;
    CountedLaunch _previous;

    /// <summary>Receives every operation; null counts none.</summary>
    public Action<CountedOperation>? Counted { get; set; }

    /// <summary>
    /// Calls that the host makes: one for each kernel, upload and download, but one for a whole recording. Counted while <see cref="Counted"/> is set.
    /// </summary>
    public long HostLaunches { get; private set; }

    /// <summary>Bytes copied from the host, counted while <see cref="Counted"/> is set.</summary>
    public long UploadedBytes { get; private set; }

    /// <summary>Bytes copied to the host, counted while <see cref="Counted"/> is set.</summary>
    public long DownloadedBytes { get; private set; }

    public override string Name => "counting";

    internal override bool RoundsOperands => roundsOperands;

    internal override DeviceMemory Allocate(long bytes, string purpose)
    {
        var memory = new AddressesOnly(_next, bytes);
        _next += (nint)((bytes + Alignment - 1) / Alignment * Alignment);
        return memory;
    }

    private protected override void UploadCore(ReadOnlySpan<float> source, Tensor target)
    {
        CountUpload((long)source.Length * sizeof(float));
        RoundOperand(target);
    }

    private protected override void UploadCore(ReadOnlySpan<int> source, IdTensor target) => CountUpload((long)source.Length * sizeof(int));

    private protected override void DownloadCore(Tensor source, Span<float> target)
    {
        target.Clear();
        CountDownload(source.Count * sizeof(float));
    }

    private protected override Readback CreateReadbackCore(Tensor source) => new CountingReadback(this, source);

    internal override void Synchronise()
    {
    }

    private protected override Recording RecordCore(Action operations) => new PlainRecording(() =>
    {
        if (Counted is not null)
            HostLaunches++;
        _replaying = true;
        _previous = CountedLaunch.Other;
        operations();
        _previous = CountedLaunch.Other;
        _replaying = false;
    });

    private protected override void ForkCore(Action branch)
    {
        _inBranch = true;
        _previous = CountedLaunch.Other;
        base.ForkCore(branch);
        _previous = CountedLaunch.Other;
        _inBranch = false;
    }

    private protected override void JoinBranchesCore()
    {
        _joins++;
        _previous = CountedLaunch.Other;
    }

    internal override Weight CreateWeight(Tensor values, WeightUse use) => new PlainWeight(values, use);

    private protected override void RefreshWeightsCore(IReadOnlyList<Weight> weights)
    {
    }

    private protected override void Dispose(bool disposing)
    {
    }

    void Count(string name, long bytes, double floatingPointOperations = 0, CountedLaunch launch = CountedLaunch.Kernel,
        int gridBarriers = 0)
    {
        var startsEarly = launch switch
        {
            CountedLaunch.Other => false,
            CountedLaunch.FetchingKernel => _previous == CountedLaunch.FetchingKernel,
            _ => _previous != CountedLaunch.Other,
        };
        _previous = launch;
        if (Counted is null)
            return;
        HostLaunches += _replaying ? 0 : 1;
        Counted(new CountedOperation(name, 1, bytes, floatingPointOperations, startsEarly, _inBranch, _joins, gridBarriers));
    }

    void CountUpload(long bytes)
    {
        _previous = CountedLaunch.Other;
        if (Counted is null)
            return;
        HostLaunches++;
        UploadedBytes += bytes;
    }

    void CountDownload(long bytes)
    {
        _previous = CountedLaunch.Other;
        if (Counted is null)
            return;
        HostLaunches++;
        DownloadedBytes += bytes;
    }

    // Element-wise operations take float32 where a tensor has it.
    static long Read(params ReadOnlySpan<Tensor> tensors)
    {
        long bytes = 0;
        foreach (ref readonly var tensor in tensors)
            bytes += tensor.Address != 0 ? Values(tensor) : Operands(tensor);
        return bytes;
    }

    // They write all that a tensor has.
    static long Written(params ReadOnlySpan<Tensor> tensors)
    {
        long bytes = 0;
        foreach (ref readonly var tensor in tensors)
            bytes += Values(tensor) + (tensor.Operand != 0 ? Operands(tensor) : 0);
        return bytes;
    }

    // What products read.
    static long Operands(params ReadOnlySpan<Tensor> tensors)
    {
        long bytes = 0;
        foreach (ref readonly var tensor in tensors)
            bytes += tensor.Operand != 0 ? tensor.Count * Tensor.OperandBytes : Values(tensor);
        return bytes;
    }

    // What they write.
    static long Values(Tensor tensor) => tensor.Address != 0 ? tensor.Count * sizeof(float) : 0;

    static long Bytes(IdTensor ids) => ids.IsEmpty ? 0 : (long)ids.Count * sizeof(int);

    sealed class AddressesOnly(nint address, long bytes) : DeviceMemory(address, bytes)
    {
        protected override void Free()
        {
        }
    }

    sealed class PlainWeight(Tensor values, WeightUse use) : Weight(values, use)
    {
        public override long Bytes => 0;

        protected override void Dispose(bool disposing)
        {
        }
    }

    sealed class CountingReadback(CountingDevice device, Tensor source) : Readback
    {
        readonly float[] _zeros = new float[source.Count];

        public override void Start() => device.CountDownload(source.Count * sizeof(float));

        public override ReadOnlySpan<float> Wait() => _zeros;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
