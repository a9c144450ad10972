using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Float32 products of row-major matrices. The operands go through packed blocks that fit the caches; every element of a result is
/// one chain of multiply-adds in the order of k, so bits depend neither on the number of threads nor on the other rows of a batch.
/// </summary>
abstract unsafe class Gemm : IDisposable
{
    /// <summary>Products on the threads of <paramref name="pool"/> by the micro-kernel of that width.</summary>
    public static Gemm Create(WorkerPool pool, SimdWidth width) => width switch
    {
        SimdWidth.Vector512 => new Gemm<MicroKernel512, Lanes512>(pool),
        SimdWidth.Vector256 => new Gemm<MicroKernel256, Lanes256>(pool),
        _ when AdvSimd.Arm64.IsSupported => new Gemm<MicroKernelArm64, Lanes128>(pool),
        _ => new Gemm<MicroKernel128, Lanes128>(pool),
    };

    /// <summary>Columns of a packed panel.</summary>
    public abstract int PanelColumns { get; }

    /// <summary>Packs values [K, N], or its transpose where values is [N, K].</summary>
    public abstract void Pack(float* values, int stride, bool transposed, PackedMatrix target);

    /// <summary>C [m, N] = A [m, K] B + bias [N] unless null, or += where <paramref name="accumulate"/>.</summary>
    public abstract void Multiply(float* a, int aStride, int m, PackedMatrix b, float* bias, float* c, int cStride, bool accumulate);

    /// <summary>
    /// dW = xᵀ dy for each of the <paramref name="count"/> pairs, and dBias = Σ over rows of dy unless null; or += where <paramref name="accumulate"/>.
    /// Shapes: x [k, m], dW [m, n], dy [k, n], dBias [n].
    /// </summary>
    public abstract void WeightGradients(WeightGradient* gradients, int count, float* dy, int dyStride, float* dBias, int n, int k, bool accumulate);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

sealed unsafe class Gemm<TKernel, TLanes> : Gemm where TKernel : IMicroKernel where TLanes : unmanaged, ILanes<TLanes>
{
    // Below this many multiply-adds, waking a thread costs more than it brings.
    const long MultiplyAddsPerPart = 1 << 16;

    // From here on a part of the rows for each thread keeps its block of A busy for long enough.
    const int ManyRows = 768;

    // Of a part: one where each would pack its other operand anew.
    const int ManyPieces = 6, OnePiece = 1;

    const int FloatsPerLine = 16;
    const int FewPanels = 2;

    // How far ahead packing fetches rows: they are short pieces of long ones, which the processor does not foresee.
    const int RowsAhead = 8;

    // Panels packed together: enough for long runs of reads, few enough for their writes to stay apart in the cache.
    const int PanelGroup = 16;

    readonly WorkerPool _pool;
    readonly GemmBlocks _blocks;
    long _products;
    bool _disposed;

    public Gemm(WorkerPool pool)
    {
        _pool = pool;
        _blocks = new GemmBlocks(pool.Threads);
    }

    ~Gemm() => Dispose(false);

    public override int PanelColumns => TKernel.Columns;

    public override void Pack(float* values, int stride, bool transposed, PackedMatrix target)
    {
        var job = new PackJob
        {
            Values = values,
            Stride = stride,
            Transposed = transposed,
            Target = target.Values,
            Rows = target.Rows,
            Columns = target.Columns,
        };
        _pool.Run(job, target.Panels, Math.Max(1, (int)(16384 / Math.Max(1, target.PanelLength))));
    }

    public override void Multiply(float* a, int aStride, int m, PackedMatrix b, float* bias, float* c, int cStride, bool accumulate)
    {
        if (m == 0 || b.Columns == 0)
            return;
        var work = (long)m * b.Rows * b.Columns;
        var job = new MultiplyJob
        {
            Blocks = _blocks,
            A = a,
            AStride = aStride,
            M = m,
            B = b.Values,
            K = b.Rows,
            N = b.Columns,
            Bias = bias,
            C = c,
            CStride = cStride,
            Accumulate = accumulate,
            Number = ++_products,
        };
        job.ByRows = m >= ManyRows || m > 8 * b.Panels;
        var count = job.ByRows ? m : b.Panels;
        var pieces = job.ByRows || job.PacksWhole ? ManyPieces : OnePiece;
        _pool.Run(job, count, Grain(job.ByRows ? TKernel.LargestTile : 1, count, work), pieces);

        // The blocks are freed with this.
        GC.KeepAlive(this);
    }

    public override void WeightGradients(WeightGradient* gradients, int count, float* dy, int dyStride, float* dBias, int n, int k, bool accumulate)
    {
        var m = 0;
        for (var i = 0; i < count; i++)
            m += gradients[i].X.Columns;
        if (n == 0)
            return;
        var job = new WeightGradientJob
        {
            Blocks = _blocks,
            Gradients = gradients,
            Count = count,
            M = m,
            DY = dy,
            DYStride = dyStride,
            DBias = dBias,
            N = n,
            K = k,
            Accumulate = accumulate,
        };

        // By columns, each thread packs its own part of dy; by rows, which is for few columns, each packs all of it.
        job.ByRows = m > n && n < FewPanels * _pool.Threads * TKernel.Columns;
        var length = job.ByRows ? m : n;
        _pool.Run(job, length, Grain(job.ByRows ? TKernel.LargestTile : TKernel.Columns, length, (long)m * n * k), OnePiece);
        GC.KeepAlive(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
            _blocks.Free();
        _disposed = true;
    }

    // The smallest part of `count` to give to a thread, a multiple of `unit`.
    static int Grain(int unit, int count, long work)
        => (int)Math.Max(unit, Math.Min(count, MultiplyAddsPerPart * count / Math.Max(1, work)) / unit * unit);

    // A [rows, depth] as tiles [depth][tile rows], one after the other.
    static void PackA(float* a, int stride, int rows, int depth, float* target)
    {
        for (var i = 0; i < rows;)
        {
            var tile = TKernel.TileRows(rows - i);
            var used = Math.Min(tile, rows - i);
            Transposition.Run(a + (nint)i * stride, stride, used, depth, target, tile);
            target += tile * depth;
            i += used;
        }
    }

    // The same of Aᵀ, A [depth, rows]. Row by row, so that long runs are read.
    static void PackATransposed(float* a, int stride, int rows, int depth, float* target)
    {
        for (var p = 0; p < depth; p++)
        {
            var source = a + (nint)p * stride;
            if (Sse.IsSupported && p + RowsAhead < depth)
                for (var c = 0; c < rows; c += FloatsPerLine)
                    Sse.Prefetch0(source + (nint)RowsAhead * stride + c);
            var tiles = target;
            for (var left = rows; left > 0;)
            {
                var tile = TKernel.TileRows(left);
                var used = Math.Min(tile, left);
                var to = tiles + p * tile;
                if (used == TKernel.LargestTile)
                {
                    Unsafe.CopyBlockUnaligned(to, source, (uint)TKernel.LargestTile * sizeof(float));
                }
                else
                {
                    for (var r = 0; r < tile; r++)
                        to[r] = r < used ? source[r] : 0;
                }

                source += used;
                tiles += tile * depth;
                left -= used;
            }
        }
    }

    // C [rows, columns] = from + packed tiles × one packed panel of that depth, after which the next one stands at `next`; edges go through a full tile
    // on the stack. `from` as in the micro-kernel.
    static void MultiplyPanel(float* packedA, int rows, int depth, float* panel, float* next, int columns, float* from, int fromStride, float* c, int cStride)
    {
        var edgeLength = TKernel.LargestTile * TKernel.Columns;
        var edge = stackalloc float[edgeLength];
        var nextEnd = next + (nint)depth * TKernel.Columns;
        for (var i = 0; i < rows;)
        {
            var tile = TKernel.TileRows(rows - i);
            var used = Math.Min(tile, rows - i);
            var target = c + (nint)i * cStride;
            var source = from == null ? null : from + (nint)i * fromStride;

            // The first tiles fetch the next panel; after that there is nothing left to fetch.
            var fetch = next < nextEnd ? next : panel;
            next += depth * FloatsPerLine;
            if (used == tile && columns == TKernel.Columns)
            {
                TKernel.Multiply(tile, depth, packedA, panel, source, fromStride, target, cStride, fetch);
            }
            else
            {
                new Span<float>(edge, edgeLength).Clear();
                if (source != null)
                    for (var r = 0; r < used; r++)
                        new Span<float>(source + (nint)r * fromStride, columns).CopyTo(new Span<float>(edge + r * TKernel.Columns, columns));
                TKernel.Multiply(tile, depth, packedA, panel, edge, TKernel.Columns, edge, TKernel.Columns, fetch);
                for (var r = 0; r < used; r++)
                    new Span<float>(edge + r * TKernel.Columns, columns).CopyTo(new Span<float>(target + (nint)r * cStride, columns));
            }

            packedA += tile * depth;
            i += used;
        }
    }

    // What a product over no columns of A leaves.
    static void FillRows(float* bias, float* c, int cStride, int rows, int columns)
    {
        for (var i = 0; i < rows; i++)
        {
            var row = new Span<float>(c + (nint)i * cStride, columns);
            if (bias == null)
                row.Clear();
            else
                new Span<float>(bias, columns).CopyTo(row);
        }
    }

    struct PackJob : IRangeJob
    {
        public float* Values, Target;
        public int Stride, Rows, Columns;
        public bool Transposed;

        public readonly void Execute(int start, int end)
        {
            for (var panel = start; panel < end; panel += PanelGroup)
            {
                var last = Math.Min(panel + PanelGroup, end);
                if (Transposed)
                    PackTransposed(panel, last);
                else
                    PackRows(Values + panel * TKernel.Columns, Stride, Rows, Math.Min(Columns, last * TKernel.Columns) - panel * TKernel.Columns,
                        Target + (nint)panel * Rows * TKernel.Columns);
            }
        }

        readonly void PackTransposed(int first, int last)
        {
            for (var panel = first; panel < last; panel++)
            {
                var column = panel * TKernel.Columns;
                Transposition.Run(Values + (nint)column * Stride, Stride, Math.Min(TKernel.Columns, Columns - column), Rows,
                    Target + (nint)panel * Rows * TKernel.Columns, TKernel.Columns);
            }
        }
    }

    // B [rows, columns] as panels [rows][kernel's columns], zero-padded. Row by row, so that long runs are read: one panel alone would touch a page for
    // every few cache lines.
    static void PackRows(float* b, int stride, int rows, int columns, float* target)
    {
        for (var p = 0; p < rows; p++)
        {
            for (var column = 0; column < columns; column += TKernel.Columns)
            {
                var used = Math.Min(TKernel.Columns, columns - column);
                var source = b + (nint)p * stride + column;
                var to = target + (nint)column * rows + p * TKernel.Columns;
                if (used == TKernel.Columns)
                {
                    Unsafe.CopyBlockUnaligned(to, source, (uint)TKernel.Columns * sizeof(float));
                }
                else
                {
                    for (var c = 0; c < TKernel.Columns; c++)
                        to[c] = c < used ? source[c] : 0;
                }
            }
        }
    }

    struct MultiplyJob : IRangeJob
    {
        public GemmBlocks Blocks;
        public float* A, B, Bias, C;
        public int AStride, CStride, M, N, K;
        public long Number;
        public bool Accumulate, ByRows;

        // Whether a thread packs A once, whatever pieces it takes.
        public readonly bool PacksWhole => !ByRows && GemmBlocks.FitsWhole(PaddedRows, K);

        readonly int PaddedRows => M + TKernel.LargestTile;

        public readonly void Execute(int start, int end)
        {
            var (firstRow, lastRow) = ByRows ? (start, end) : (0, M);
            var (firstPanel, lastPanel) = ByRows ? (0, (N + TKernel.Columns - 1) / TKernel.Columns) : (start, end);
            if (K == 0 && !Accumulate)
            {
                var column = firstPanel * TKernel.Columns;
                var columns = Math.Min(N, lastPanel * TKernel.Columns) - column;
                FillRows(Bias == null ? null : Bias + column, C + (nint)firstRow * CStride + column, CStride, lastRow - firstRow, columns);
            }

            var packed = Blocks.Left;
            var blockDepth = GemmBlocks.Depth(K);
            var whole = PacksWhole;
            var blockRows = whole ? M : GemmBlocks.Rows(lastRow - firstRow, blockDepth, TKernel.LargestTile);
            if (whole && Blocks.PackedProduct != Number)
            {
                for (var p = 0; p < K; p += blockDepth)
                    PackA(A + p, AStride, M, Math.Min(blockDepth, K - p), packed + p * PaddedRows);
            }

            Blocks.PackedProduct = whole ? Number : 0;
            for (var i = firstRow; i < lastRow; i += blockRows)
            {
                var rows = Math.Min(blockRows, lastRow - i);
                for (var p = 0; p < K; p += blockDepth)
                {
                    var depth = Math.Min(blockDepth, K - p);
                    var left = packed;
                    if (whole)
                        left += p * PaddedRows;
                    else
                        PackA(A + (nint)i * AStride + p, AStride, rows, depth, packed);
                    for (var panel = firstPanel; panel < lastPanel; panel++)
                    {
                        var column = panel * TKernel.Columns;
                        var b = B + ((nint)panel * K + p) * TKernel.Columns;
                        var next = panel + 1 < lastPanel ? b + (nint)K * TKernel.Columns : b;
                        var c = C + (nint)i * CStride + column;
                        var (from, fromStride) = Accumulate || p > 0 ? ((nint)c, CStride) : Bias == null ? (0, 0) : ((nint)(Bias + column), 0);
                        MultiplyPanel(left, rows, depth, b, next, Math.Min(TKernel.Columns, N - column), (float*)from, fromStride, c, CStride);
                    }
                }
            }
        }
    }

    struct WeightGradientJob : IRangeJob
    {
        public GemmBlocks Blocks;
        public WeightGradient* Gradients;
        public float* DY, DBias;
        public int Count, DYStride, M, N, K;
        public bool ByRows, Accumulate;

        // The rows are those of all pairs, one after the other.
        public readonly void Execute(int start, int end)
        {
            var (firstRow, lastRow) = ByRows ? (start, end) : (0, M);
            var (firstColumn, lastColumn) = ByRows ? (0, N) : (start, end);
            float* packedA = Blocks.Left, packedB = Blocks.Right;
            Blocks.PackedProduct = 0;
            var blockDepth = GemmBlocks.Depth(K);
            var blockColumns = GemmBlocks.Columns(lastColumn - firstColumn, blockDepth, TKernel.Columns);

            // At least one round, in which products over no rows are zeros, or leave what was there.
            for (var p = 0; p == 0 || p < K; p += blockDepth)
            {
                var depth = Math.Min(blockDepth, K - p);
                for (var j = firstColumn; j < lastColumn; j += blockColumns)
                {
                    var columns = Math.Min(blockColumns, lastColumn - j);
                    PackRows(DY + (nint)p * DYStride + j, DYStride, depth, columns, packedB);
                    if (DBias != null && firstRow == 0)
                        SumColumns(packedB, depth, columns, DBias + j, Accumulate || p > 0);
                    var offset = 0;
                    for (var index = 0; index < Count; index++)
                    {
                        ref readonly var pair = ref Gradients[index];
                        var (first, last) = (Math.Max(0, firstRow - offset), Math.Min(pair.X.Columns, lastRow - offset));
                        offset += pair.X.Columns;
                        var blockRows = GemmBlocks.Rows(last - first, blockDepth, TKernel.LargestTile);
                        for (var i = first; i < last; i += blockRows)
                        {
                            var rows = Math.Min(blockRows, last - i);
                            PackATransposed((float*)pair.X.Address + (nint)p * pair.X.Stride + i, pair.X.Stride, rows, depth, packedA);
                            MultiplyPanels(packedA, rows, depth, packedB, columns, (float*)pair.DW.Address + (nint)i * pair.DW.Stride + j, pair.DW.Stride,
                                Accumulate || p > 0);
                        }
                    }
                }
            }
        }

        static void MultiplyPanels(float* packedA, int rows, int depth, float* packedB, int columns, float* c, int cStride, bool accumulate)
        {
            for (var column = 0; column < columns; column += TKernel.Columns)
            {
                var b = packedB + (nint)column * depth;

                // After the last panel the first one comes again, with the next rows.
                var next = column + TKernel.Columns < columns ? b + (nint)depth * TKernel.Columns : packedB;
                MultiplyPanel(packedA, rows, depth, b, next, Math.Min(TKernel.Columns, columns - column), accumulate ? c + column : null, cStride,
                    c + column, cStride);
            }
        }

        // Sums over the rows of packed panels, in the order of the rows.
        static void SumColumns(float* packed, int depth, int columns, float* sums, bool accumulate)
        {
            for (var column = 0; column < columns; column += TLanes.Width)
            {
                var panel = packed + (nint)(column / TKernel.Columns) * TKernel.Columns * depth + column % TKernel.Columns;
                var sum = accumulate ? Lanes.Load<TLanes>(sums + column, columns - column) : TLanes.Zero;
                for (var p = 0; p < depth; p++)
                    sum += TLanes.Load(panel + (nint)p * TKernel.Columns);
                Lanes.Store(sum, sums + column, columns - column);
            }
        }
    }
}
