using System.Runtime.InteropServices;
using VBiLstm.Cuda.Interop;
using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// One NVIDIA GPU, or the software GPU behind the same calls: the project's kernels, cuBLAS, cuBLASLt and cuDNN on one stream, branches on another.
/// Operations return at once and run in the order of the calls; every result has the same bits each time, beside a branch or not. Not for concurrent callers.
/// </summary>
public sealed unsafe partial class CudaDevice : Device
{
    const int DownloadBytes = 4 << 20;
    const int OldestWithThinKernels = 80;

    readonly CudaContext _context;
    readonly KernelModule _kernels;
    readonly nint _stream;
    readonly UploadRing _uploads;
    readonly ComputeStream _main;
    readonly ComputeStream? _branch;
    readonly nint _forked, _joined;
    readonly ProductPlanner _planner;
    readonly ProductTable? _productTable;
    readonly List<string> _notices = [];
    CudnnRecurrences? _recurrences;
    bool _refusesBothDirections;
    readonly List<RecordedGraph> _graphs = [];
    readonly DeviceMemory _download;
    readonly nint _pinned;
    readonly Releases _releases = new();
    bool _disposed;

    /// <exception cref="CudaException">A library, the driver or the GPU is missing, too old for what the options ask for, or fails.</exception>
    /// <exception cref="InsufficientMemoryException">The GPU has no room for the workspace.</exception>
    /// <exception cref="ArgumentException">cuDNN is asked for with bf16, whose operands it does not round, or resident loops in another precision.</exception>
    public CudaDevice(CudaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options is { Precision: CudaPrecision.Bf16, Recurrence: CudaRecurrence.Cudnn })
            throw new ArgumentException("cuDNN does not round the operands of an LSTM's products to bf16; the project's kernels do.", nameof(options));
        if (options is { Loop: CudaLoop.Resident, Precision: not CudaPrecision.Bf16 })
            throw new ArgumentException("Resident loops are of bf16.", nameof(options));
        Options = options;
        NativeLibraries.Choose(options.Software);
        lock (CudaContext.GateOf(options.Ordinal))
        {
            try
            {
                _context = _releases.Add(new CudaContext(options.Ordinal));
                if (_context.ComputeCapability < OldestWithThinKernels)
                    RefuseWhatIsNewer();
                _kernels = _releases.Add(new KernelModule(NativeLibraries.ReadKernels(), options.Precision, HasThinKernels, _context.Name));
                NoEarlyStarts = WhyNoEarlyStarts();
                _stream = CreateStream(range => range.Greatest, "creating the compute stream");
                _uploads = _releases.Add(new UploadRing(_stream, WaitForEvent));
                CudaStatus.Check(CudaDriver.MemHostAlloc(out _pinned, DownloadBytes, 0), "cuMemHostAlloc", "allocating pinned download memory");
                _releases.Add(() => _ = CudaDriver.MemFreeHost(_pinned));
                _download = _releases.Add(AllocateUncleared(DownloadBytes, "the download buffer"));
                _current = _main = _releases.Add(new ComputeStream(this, _stream, ScratchBytes));
                if (options.UseFork)
                {
                    var branch = CreateStream(range => range.Least, "creating the stream of branches");
                    (_forked, _joined) = (CreateEvent("creating the event of a fork"), CreateEvent("creating the event of a join"));
                    _branch = _releases.Add(new ComputeStream(this, branch, ScratchBytes));
                }

                if (HasThinKernels && options.Products == CudaProducts.Automatic)
                    _productTable = ProductTable.Read(ProductTable.PathOf(_context.Name), _context.Name);
                _planner = new ProductPlanner(options, HasThinKernels, _productTable);
                StartRecurrences();
                if (CublasWorkspaceSetting.Notice is { } notice && _recurrences is not null)
                    _notices.Add(notice);
            }
            catch
            {
                _releases.Dispose();
                throw;
            }
        }
    }

    void RefuseWhatIsNewer()
    {
        var gpu = $"{_context.Name} has compute capability {_context.ComputeCapability / 10}.{_context.ComputeCapability % 10}";
        if (RoundsOperands)
            throw new CudaException($"{gpu}, which has no products of bf16: they need 8.0 (Ampere) or later. Use --precision fp32.");
        if (Options is { Precision: CudaPrecision.Tf32, Products: CudaProducts.Kernels })
            throw new CudaException($"{gpu}, which has no products of TF32: the kernels need 8.0 (Ampere) or later. Leave --products out.");
    }

    /// <summary>The choices that the device was made with.</summary>
    public CudaOptions Options { get; }

    /// <summary>What a user should know of how this device will run, a sentence each.</summary>
    public IReadOnlyList<string> Notices => _notices;

    /// <summary>Name, compute capability and number of multiprocessors of the GPU.</summary>
    internal (string Name, int ComputeCapability, int Multiprocessors) Gpu => (_context.Name, _context.ComputeCapability, _context.Multiprocessors);

    /// <inheritdoc/>
    public override string Name
        => $"{(Options.Software ? "soft" : $"cuda:{Options.Ordinal}")} ({_context.Name}, {PrecisionText}, "
            + $"{(_recurrences is null ? "kernels' recurrences" : $"cuDNN {CudnnRecurrences.VersionText}")}, {(Options.UseGraph ? "graph" : "no graph")}"
            + $"{(Options.Loop == CudaLoop.Resident ? ", resident loops where they fit" : "")}"
            + $"{(StartsEarly ? ", early starts" : "")}{(Options.UseFork ? "" : ", no fork")}"
            + $"{(_communicators.Length > 0 ? $", NCCL {NcclVersionText}" : "")})";

    string PrecisionText => Options.Precision switch
    {
        CudaPrecision.Tf32 => "TF32",
        CudaPrecision.Bf16 => "BF16",
        _ => "FP32",
    };

    /// <summary>Whether it has kernels that compute products of few rows in this precision, and go on with what follows.</summary>
    internal bool HasThinKernels => Options.Precision != CudaPrecision.Fp32 && _context.ComputeCapability >= OldestWithThinKernels;

    internal override bool RoundsOperands => Options.Precision == CudaPrecision.Bf16;

    /// <summary>How many GPUs CUDA shows; 0 also where it cannot be asked, which the attempt to open one explains.</summary>
    /// <exception cref="CudaException">The process already uses the other kind.</exception>
    public static int CountGpus(bool software)
    {
        NativeLibraries.Choose(software);
        return NativeLibraries.Find(NativeLibraries.Driver).Handle != 0 && CudaDriver.Init(0) == CudaResult.Success
            && CudaDriver.DeviceGetCount(out var count) == CudaResult.Success ? count : 0;
    }

    /// <summary>The GPU's place on its machine's bus, as <c>0000:3b:00.0</c>; that of the software GPU is its process's.</summary>
    internal string BusId => _context.BusId;

    internal override IReadOnlyList<(string Item, string Value)> SharedByRanks =>
    [
        ("GPU", $"{_context.Name}, {_context.ComputeCapability}"),
        ("precision", $"{Options.Precision}"),
        ("recurrence", $"{(_recurrences is null ? "kernels" : "cuDNN")}"),
        ("graph", $"{Options.UseGraph}"),
        ("loop", $"{Options.Loop}"),
        ("products", $"{Options.Products} {_productTable?.Fingerprint}"),
        ("cuBLAS", $"{CublasLt.GetVersion()}"),
        ("cuDNN", $"{(_recurrences is null ? "" : CudnnRecurrences.VersionText)}"),
        ("NCCL", NcclVersionText),
    ];

    /// <summary>Free and total memory in bytes.</summary>
    internal (long Free, long Total) Memory => _context.Memory;

    /// <inheritdoc/>
    public override long? FreeBytes => Memory.Free;

    internal override bool HasOwnMemory => true;

    /// <summary>
    /// Kernel nodes and all nodes of every graph that is recorded now, in the order of <see cref="Device.Record"/>; zeros for those not captured.
    /// </summary>
    internal IEnumerable<(int KernelNodes, int Nodes)> GraphNodes => _graphs.Select(graph => (graph.KernelNodes, graph.Nodes));

    internal override DeviceMemory Allocate(long bytes, string purpose)
    {
        var memory = AllocateUncleared(bytes, purpose);
        EndRunOfKernels();
        CudaStatus.Check(CudaDriver.MemsetD8Async(memory.Address, 0, (nuint)bytes, _stream), "cuMemsetD8Async", $"clearing {purpose}");
        return memory;
    }

    /// <summary>As <see cref="Allocate"/>, with whatever bytes are there: for what is written before it is read.</summary>
    internal DeviceMemory AllocateUncleared(long bytes, string purpose)
    {
        _context.Bind();
        var status = CudaDriver.MemAlloc(out var address, (nuint)bytes);
        if (status == CudaResult.OutOfMemory)
        {
            var (free, total) = Memory;
            throw new InsufficientMemoryException(
                $"{purpose} needs {bytes / 1e6:N0} MB, but {_context.Name} has {free / 1e6:N0} MB free of {total / 1e6:N0} MB; use a smaller batch or model.");
        }

        CudaStatus.Check(status, "cuMemAlloc", $"allocating {bytes / 1e6:N1} MB for {purpose}");
        return new CudaMemory(this, address, bytes);
    }

    private protected override void UploadCore(ReadOnlySpan<float> source, Tensor target)
    {
        _context.Bind();
        EndRunOfKernels();
        if (source.IsEmpty)
            return;
        if (target.IsContiguous && target.Address != 0)
        {
            _uploads.Upload(MemoryMarshal.AsBytes(source), target.Address);
            RoundOperand(target);
            return;
        }

        var rowsAtOnce = Math.Max(1, UploadRing.MaximumBytes / sizeof(float) / target.Columns);
        for (var row = 0; row < target.Rows; row += rowsAtOnce)
        {
            var count = Math.Min(rowsAtOnce, target.Rows - row);
            EndRunOfKernels();
            var staged = _uploads.Stage(MemoryMarshal.AsBytes(source.Slice(row * target.Columns, count * target.Columns)));
            CopyRows(new Tensor(staged, count, target.Columns, target.Columns), target.RowRange(row, count));
        }
    }

    private protected override void UploadCore(ReadOnlySpan<int> source, IdTensor target)
    {
        _context.Bind();
        EndRunOfKernels();
        _uploads.Upload(MemoryMarshal.AsBytes(source), target.Address);
    }

    private protected override void DownloadCore(Tensor source, Span<float> target)
    {
        _context.Bind();
        if (source.Columns > DownloadBytes / sizeof(float))
        {
            // Only flat arenas are as wide; they are contiguous.
            source = source.View(0, checked((int)source.Count), 1, 1);
        }

        var rowsAtOnce = Math.Max(1, DownloadBytes / sizeof(float) / Math.Max(1, source.Columns));
        for (var row = 0; row < source.Rows; row += rowsAtOnce)
        {
            var part = source.RowRange(row, Math.Min(rowsAtOnce, source.Rows - row));
            var from = part.Address;
            if (!part.IsContiguous || from == 0)
            {
                from = _download.Address;
                CopyRows(part, new Tensor(from, part.Rows, part.Columns, part.Columns));
            }

            EndRunOfKernels();
            CudaStatus.Check(CudaDriver.MemcpyDtoHAsync(_pinned, from, (nuint)(part.Count * sizeof(float)), _stream), "cuMemcpyDtoHAsync", "downloading");
            Synchronise();
            new ReadOnlySpan<float>((void*)_pinned, (int)part.Count).CopyTo(target[(row * source.Columns)..]);
        }
    }

    internal override int StepsAhead => 1;

    private protected override Readback CreateReadbackCore(Tensor source)
    {
        _context.Bind();
        return new CudaReadback(this, source);
    }

    internal override void Synchronise()
    {
        _context.Bind();
        CudaStatus.Check(WaitForStream(), "cuStreamSynchronize", "waiting for the GPU");
        if (_branch is not null)
            CudaStatus.Check(CudaDriver.StreamSynchronize(_branch.Handle), "cuStreamSynchronize", "waiting for a branch");
    }

    /// <summary>Begins what NVIDIA's profilers collect where they were told to wait for it.</summary>
    internal void StartProfiler()
    {
        Synchronise();
        CudaStatus.Check(CudaDriver.ProfilerStart(), "cuProfilerStart", "starting the profiler");
    }

    /// <summary>Ends it, after everything launched since.</summary>
    internal void StopProfiler()
    {
        Synchronise();
        CudaStatus.Check(CudaDriver.ProfilerStop(), "cuProfilerStop", "stopping the profiler");
    }

    private protected override Recording RecordCore(Action operations)
    {
        if (!Options.UseGraph)
            return new PlainRecording(operations);
        var graph = new RecordedGraph(_context, _stream, operations, EndRunOfKernels, ended => _graphs.Remove(ended));
        _graphs.Add(graph);
        return graph;
    }

    internal override Weight CreateWeight(Tensor values, WeightUse use) => new CudaWeight(values, use);

    // The products read the parameters themselves.
    private protected override void RefreshWeightsCore(IReadOnlyList<Weight> weights)
    {
    }

    private protected override void Dispose(bool disposing)
    {
        if (!disposing || _disposed)
            return;
        _disposed = true;
        _context.Bind();

        // Other ranks of this process may have to come before.
        _ = WaitForStream();
        if (_branch is not null)
            _ = CudaDriver.StreamSynchronize(_branch.Handle);
        lock (_context.Gate)
        {
            foreach (var graph in _graphs.ToArray())
                graph.Dispose();
            AbortCommunicators();
            _releases.Dispose();
        }
    }

    sealed class CudaWeight(Tensor values, WeightUse use) : Weight(values, use)
    {
        public override long Bytes => 0;

        protected override void Dispose(bool disposing)
        {
        }
    }

    // A copy to pinned memory in the order of the stream, and an event behind it.
    sealed class CudaReadback : Readback
    {
        readonly CudaDevice _device;
        readonly Tensor _source;
        readonly nint _copied;
        nint _host;

        public CudaReadback(CudaDevice device, Tensor source)
        {
            (_device, _source) = (device, source);
            CudaStatus.Check(CudaDriver.MemHostAlloc(out _host, Bytes, 0), "cuMemHostAlloc", "allocating pinned memory for metrics");
            var status = CudaDriver.EventCreate(out _copied, EventFlags.DisableTiming);
            if (status != CudaResult.Success)
                _ = CudaDriver.MemFreeHost(_host);
            CudaStatus.Check(status, "cuEventCreate", "creating the event of a readback");
        }

        nuint Bytes => (nuint)_source.Count * sizeof(float);

        public override void Start()
        {
            _device._context.Bind();
            _device.EndRunOfKernels();
            CudaStatus.Check(CudaDriver.MemcpyDtoHAsync(_host, _source.Address, Bytes, _device._stream), "cuMemcpyDtoHAsync", "reading metrics back");
            CudaStatus.Check(CudaDriver.EventRecord(_copied, _device._stream), "cuEventRecord", "reading metrics back");
        }

        public override ReadOnlySpan<float> Wait()
        {
            _device._context.Bind();
            CudaStatus.Check(_device.WaitForEvent(_copied), "cuEventSynchronize", "waiting for a step");
            return new ReadOnlySpan<float>((void*)_host, (int)_source.Count);
        }

        protected override void Dispose(bool disposing)
        {
            if (_host == 0 || !_device._context.TryBind())
                return;
            _ = _device.WaitForEvent(_copied);
            _ = CudaDriver.EventDestroy(_copied);
            _ = CudaDriver.MemFreeHost(_host);
            _host = 0;
        }
    }

    sealed class CudaMemory(CudaDevice device, nint address, long bytes) : DeviceMemory(address, bytes)
    {
        protected override void Free()
        {
            if (device._context.TryBind())
                _ = CudaDriver.MemFree(Address);
        }
    }
}
