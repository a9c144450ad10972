using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// The reference device: SIMD and threads in pure C#. Operations run at once on the caller and a pool of threads; the bits of
/// every result are the same at any number of threads, because no sum is ever split between them. Not for concurrent callers.
/// </summary>
public sealed unsafe partial class CpuDevice : Device
{
    // Below this many element operations per part, waking a thread costs more than it brings.
    const int ElementsPerPart = 4096;

    readonly WorkerPool _pool;
    readonly Gemm _gemm;

    /// <param name="threads">Number of threads, the caller's included; 0 takes all processors.</param>
    /// <param name="width">Vector width; null takes the widest that the processor has.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is negative or above 1024, or the processor lacks the width.</exception>
    public CpuDevice(int threads = 0, SimdWidth? width = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        Width = width ?? SimdWidths.Best;
        if (!SimdWidths.Supported.Contains(Width))
            throw new ArgumentOutOfRangeException(nameof(width), width, "This processor has no vectors of this width.");
        _pool = new WorkerPool(threads == 0 ? Environment.ProcessorCount : threads);
        _gemm = Gemm.Create(_pool, Width);
    }

    /// <summary>Vector width of products and element-wise code.</summary>
    public SimdWidth Width { get; }

    /// <summary>Number of threads, the caller's included.</summary>
    public int Threads => _pool.Threads;

    /// <inheritdoc/>
    public override string Name => $"cpu ({Threads} {(Threads == 1 ? "thread" : "threads")}, {(int)Width}-bit)";

    /// <inheritdoc/>
    public override long? FreeBytes => MachineMemory.FreeBytes;

    // Packed for products with the matrix and with its transpose.
    internal override long WeightBytes(long parameters) => 2 * sizeof(float) * parameters;

    /// <summary>Measures what this device's threads could do at most, in GFLOP/s, with every operand in a register; takes about 0.2 s.</summary>
    internal double MeasurePeak() => FmaPeak.Measure(_pool, Width);

    internal override DeviceMemory Allocate(long bytes, string purpose)
    {
        try
        {
            return new CpuMemory(bytes, _pool);
        }
        catch (OutOfMemoryException e)
        {
            var known = FreeBytes is { } free ? $": {free / 1e6:N0} MB are free" : "";
            throw new InsufficientMemoryException(
                $"{purpose} needs {bytes / 1e6:N0} MB, which this machine does not give{known}. Use a smaller batch or model.", e);
        }
    }

    private protected override void UploadCore(ReadOnlySpan<float> source, Tensor target)
    {
        for (var r = 0; r < target.Rows; r++)
            source.Slice(r * target.Columns, target.Columns).CopyTo(new Span<float>(Row(target, r), target.Columns));
    }

    private protected override void UploadCore(ReadOnlySpan<int> source, IdTensor target) => source.CopyTo(new Span<int>((void*)target.Address, target.Count));

    private protected override void DownloadCore(Tensor source, Span<float> target)
    {
        for (var r = 0; r < source.Rows; r++)
            new ReadOnlySpan<float>(Row(source, r), source.Columns).CopyTo(target.Slice(r * source.Columns, source.Columns));
    }

    private protected override Readback CreateReadbackCore(Tensor source) => new CpuReadback(this, source);

    internal override void Synchronise()
    {
    }

    private protected override Recording RecordCore(Action operations) => new PlainRecording(operations);

    internal override Weight CreateWeight(Tensor values, WeightUse use) => new CpuWeight(values, use, _gemm.PanelColumns);

    private protected override void RefreshWeightsCore(IReadOnlyList<Weight> weights)
    {
        for (var i = 0; i < weights.Count; i++)
        {
            var weight = (CpuWeight)weights[i];
            var values = weight.Values;
            if (weight.Forward is not null)
                _gemm.Pack(Start(values), values.Stride, transposed: false, weight.Forward);
            if (weight.Transposed is not null)
                _gemm.Pack(Start(values), values.Stride, transposed: true, weight.Transposed);
        }
    }

    private protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
        => _gemm.Multiply(Start(x), x.Stride, x.Rows, ((CpuWeight)w).Forward!, Start(bias), Start(y), y.Stride, accumulate);

    private protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
        => _gemm.Multiply(Start(dy), dy.Stride, dy.Rows, ((CpuWeight)w).Transposed!, null, Start(dx), dx.Stride, accumulate);

    private protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
    {
        fixed (WeightGradient* pairs = gradients)
            _gemm.WeightGradients(pairs, gradients.Length, Start(dy), dy.Stride, Start(dBias), dy.Columns, dy.Rows, accumulate);
    }

    private protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        _pool.Dispose();
        _gemm.Dispose();
        NativeMemory.Free(_partialSums);
        _partialSums = null;
        _partialSumCapacity = 0;
    }

    static float* Start(Tensor x) => (float*)x.Address;

    static float* Row(Tensor x, int row) => (float*)x.Address + (nint)row * x.Stride;

    static float* RowOrNull(Tensor x, int row) => x.IsEmpty ? null : Row(x, row);

    static float* At(float* row, int column) => row == null ? null : row + column;

    // workPerRow in element operations of a few nanoseconds.
    void ForRows<TJob>(in TJob job, int rows, int workPerRow) where TJob : unmanaged, IRangeJob => _pool.Run(job, rows, RowsPerPart(workPerRow));

    void ForElements<TJob>(in TJob job, int rows, int workPerRow) where TJob : unmanaged, IElementJob => RunElements(job, rows, RowsPerPart(workPerRow));

    static int RowsPerPart(int workPerRow) => Math.Max(1, ElementsPerPart / Math.Max(1, workPerRow));

    void RunElements<TJob>(in TJob job, int count, int grain) where TJob : unmanaged, IElementJob
    {
        switch (Width)
        {
            case SimdWidth.Vector512:
                _pool.Run(new OfWidth<TJob, Lanes512> { Job = job }, count, grain);
                break;
            case SimdWidth.Vector256:
                _pool.Run(new OfWidth<TJob, Lanes256> { Job = job }, count, grain);
                break;
            default:
                _pool.Run(new OfWidth<TJob, Lanes128> { Job = job }, count, grain);
                break;
        }
    }

    // Element-wise work over a range, compiled for the lanes of each width.
    interface IElementJob
    {
        void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>;
    }

    struct OfWidth<TJob, TLanes> : IRangeJob where TJob : unmanaged, IElementJob where TLanes : unmanaged, ILanes<TLanes>
    {
        public TJob Job;

        public readonly void Execute(int start, int end) => Job.Execute<TLanes>(start, end);
    }

    sealed class CpuWeight : Weight
    {
        public CpuWeight(Tensor values, WeightUse use, int panelColumns) : base(values, use)
        {
            if (use.HasFlag(WeightUse.Forward))
                Forward = new PackedMatrix(values.Rows, values.Columns, panelColumns);
            if (use.HasFlag(WeightUse.Transposed))
                Transposed = new PackedMatrix(values.Columns, values.Rows, panelColumns);
        }

        public PackedMatrix? Forward { get; }

        public PackedMatrix? Transposed { get; }

        public override long Bytes => (Forward?.Bytes ?? 0) + (Transposed?.Bytes ?? 0);

        protected override void Dispose(bool disposing)
        {
            Forward?.Dispose();
            Transposed?.Dispose();
        }
    }

    sealed class CpuReadback(CpuDevice device, Tensor source) : Readback
    {
        readonly float[] _values = new float[source.Count];

        public override void Start() => device.Download(source, _values);

        public override ReadOnlySpan<float> Wait() => _values;

        protected override void Dispose(bool disposing)
        {
        }
    }

    sealed class CpuMemory : DeviceMemory
    {
        // Every thread clears its part: on machines with several memories the pages spread over all of them.
        public CpuMemory(long bytes, WorkerPool pool) : base((nint)AlignedMemory.Allocate(bytes), bytes)
            => pool.Run(new ClearBlocks { Address = Address, Bytes = bytes }, (int)((bytes + ClearBlocks.Size - 1) / ClearBlocks.Size), 1);

        protected override void Free() => AlignedMemory.Free((void*)Address);
    }

    struct ClearBlocks : IRangeJob
    {
        public const int Size = 2 << 20;

        public nint Address;
        public long Bytes;

        public readonly void Execute(int start, int end)
            => NativeMemory.Clear((byte*)Address + (long)start * Size, (nuint)(Math.Min(Bytes, (long)end * Size) - (long)start * Size));
    }
}
