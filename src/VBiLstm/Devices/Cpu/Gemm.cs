using System.Runtime.Intrinsics;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Float32 products of row-major matrices. The operands go through packed blocks that fit the caches; every element of a result is
/// one chain of multiply-adds in the order of k, so bits depend neither on the number of threads nor on the other rows of a batch.
/// </summary>
abstract unsafe class Gemm
{
    /// <summary>Products on the threads of <paramref name="pool"/> by the micro-kernel of that width.</summary>
    public static Gemm Create(WorkerPool pool, SimdWidth width) => width switch
    {
        SimdWidth.Vector512 => new Gemm<MicroKernel512>(pool),
        SimdWidth.Vector256 => new Gemm<MicroKernel256>(pool),
        _ => new Gemm<MicroKernel128>(pool),
    };

    /// <summary>Columns of a packed panel.</summary>
    public abstract int PanelColumns { get; }

    /// <summary>Packs values [K, N], or its transpose where values is [N, K].</summary>
    public abstract void Pack(float* values, int stride, bool transposed, PackedMatrix target);

    /// <summary>C [m, N] = A [m, K] B, or += where <paramref name="accumulate"/>.</summary>
    public abstract void Multiply(float* a, int aStride, int m, PackedMatrix b, float* c, int cStride, bool accumulate);

    /// <summary>C [m, n] = Aᵀ B of A [k, m] and B [k, n].</summary>
    public abstract void MultiplyLeftTransposed(float* a, int aStride, float* b, int bStride, float* c, int cStride, int m, int n, int k);
}

sealed unsafe class Gemm<TKernel> : Gemm where TKernel : IMicroKernel
{
    // Below this many multiply-adds, waking a thread costs more than it brings.
    const long MultiplyAddsPerPart = 1 << 16;

    // Panels packed together: enough for long runs of reads, few enough for their writes to stay apart in the cache.
    const int PanelGroup = 16;

    readonly WorkerPool _pool;

    public Gemm(WorkerPool pool) => _pool = pool;

    public override int PanelColumns => TKernel.Columns;

    public override void Pack(float* values, int stride, bool transposed, PackedMatrix target)
        => _pool.Run(new PackJob { Values = values, Stride = stride, Transposed = transposed, Target = target.Values, Rows = target.Rows, Columns = target.Columns },
            target.Panels, Math.Max(1, (int)(16384 / Math.Max(1, target.PanelLength))));

    public override void Multiply(float* a, int aStride, int m, PackedMatrix b, float* c, int cStride, bool accumulate)
    {
        if (m == 0 || b.Columns == 0)
            return;
        var work = (long)m * b.Rows * b.Columns;
        var job = new MultiplyJob { A = a, AStride = aStride, M = m, B = b.Values, K = b.Rows, N = b.Columns, C = c, CStride = cStride, Accumulate = accumulate };
        job.ByRows = m >= 4 * GemmBlocks.Rows || m > 8 * b.Panels;
        var count = job.ByRows ? m : b.Panels;
        var grain = job.ByRows ? TKernel.LargestTile : 1;
        _pool.Run(job, count, (int)Math.Max(grain, Math.Min(count, MultiplyAddsPerPart * count / Math.Max(1, work)) / grain * grain));
    }

    public override void MultiplyLeftTransposed(float* a, int aStride, float* b, int bStride, float* c, int cStride, int m, int n, int k)
    {
        if (m == 0 || n == 0)
            return;
        var work = (long)m * n * k;
        var job = new LeftTransposedJob { A = a, AStride = aStride, B = b, BStride = bStride, C = c, CStride = cStride, M = m, N = n, K = k };
        job.ByRows = m > n;
        var count = job.ByRows ? m : n;
        var grain = job.ByRows ? TKernel.LargestTile : TKernel.Columns;
        _pool.Run(job, count, (int)Math.Max(grain, Math.Min(count, MultiplyAddsPerPart * count / Math.Max(1, work)) / grain * grain));
    }

    // A [rows, depth] (or Aᵀ of [depth, rows]) as tiles [depth][tile rows], one after the other.
    static void PackA(float* a, int stride, bool transposed, int rows, int depth, float* target)
    {
        for (var i = 0; i < rows;)
        {
            var tile = TKernel.TileRows(rows - i);
            var used = Math.Min(tile, rows - i);
            if (transposed)
            {
                for (var p = 0; p < depth; p++)
                {
                    var source = a + (nint)p * stride + i;
                    var to = target + p * tile;
                    var r = 0;
                    for (; r + 4 <= used; r += 4)
                        Vector128.Store(Vector128.Load(source + r), to + r);
                    for (; r < used; r++)
                        to[r] = source[r];
                    for (; r < tile; r++)
                        to[r] = 0;
                }
            }
            else
            {
                Transposition.Run(a + (nint)i * stride, stride, used, depth, target, tile);
            }

            target += tile * depth;
            i += used;
        }
    }

    // C [rows, columns] (+)= packed tiles × one packed panel; edges go through a full tile on the stack.
    static void MultiplyPanel(float* packedA, int rows, int depth, float* panel, int columns, float* c, int cStride, bool accumulate)
    {
        var edgeLength = TKernel.LargestTile * TKernel.Columns;
        var edge = stackalloc float[edgeLength];
        for (var i = 0; i < rows;)
        {
            var tile = TKernel.TileRows(rows - i);
            var used = Math.Min(tile, rows - i);
            var target = c + (nint)i * cStride;
            if (used == tile && columns == TKernel.Columns)
            {
                TKernel.Multiply(tile, depth, packedA, panel, target, cStride, accumulate);
            }
            else
            {
                new Span<float>(edge, edgeLength).Clear();
                if (accumulate)
                    for (var r = 0; r < used; r++)
                        new Span<float>(target + (nint)r * cStride, columns).CopyTo(new Span<float>(edge + r * TKernel.Columns, columns));
                TKernel.Multiply(tile, depth, packedA, panel, edge, TKernel.Columns, accumulate);
                for (var r = 0; r < used; r++)
                    new Span<float>(edge + r * TKernel.Columns, columns).CopyTo(new Span<float>(target + (nint)r * cStride, columns));
            }

            packedA += tile * depth;
            i += used;
        }
    }

    static void ClearRows(float* c, int cStride, int rows, int columns)
    {
        for (var i = 0; i < rows; i++)
            new Span<float>(c + (nint)i * cStride, columns).Clear();
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
                    PackRows(Values + panel * TKernel.Columns, Stride, Rows, Math.Min(Columns, last * TKernel.Columns) - panel * TKernel.Columns, Target + (nint)panel * Rows * TKernel.Columns);
            }
        }

        readonly void PackTransposed(int first, int last)
        {
            for (var panel = first; panel < last; panel++)
            {
                var column = panel * TKernel.Columns;
                Transposition.Run(Values + (nint)column * Stride, Stride, Math.Min(TKernel.Columns, Columns - column), Rows, Target + (nint)panel * Rows * TKernel.Columns, TKernel.Columns);
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
                var to = new Span<float>(target + (nint)column * rows + p * TKernel.Columns, TKernel.Columns);
                new ReadOnlySpan<float>(b + (nint)p * stride + column, used).CopyTo(to);
                to[used..].Clear();
            }
        }
    }

    struct MultiplyJob : IRangeJob
    {
        public float* A, B, C;
        public int AStride, CStride, M, N, K;
        public bool Accumulate, ByRows;

        public readonly void Execute(int start, int end)
        {
            var (firstRow, lastRow) = ByRows ? (start, end) : (0, M);
            var (firstPanel, lastPanel) = ByRows ? (0, (N + TKernel.Columns - 1) / TKernel.Columns) : (start, end);
            if (K == 0 && !Accumulate)
                ClearRows(C + (nint)firstRow * CStride + firstPanel * TKernel.Columns, CStride, lastRow - firstRow, Math.Min(N, lastPanel * TKernel.Columns) - firstPanel * TKernel.Columns);
            var packed = GemmBlocks.PackedA;
            for (var i = firstRow; i < lastRow; i += GemmBlocks.Rows)
            {
                var rows = Math.Min(GemmBlocks.Rows, lastRow - i);
                for (var p = 0; p < K; p += GemmBlocks.Depth)
                {
                    var depth = Math.Min(GemmBlocks.Depth, K - p);
                    PackA(A + (nint)i * AStride + p, AStride, transposed: false, rows, depth, packed);
                    for (var panel = firstPanel; panel < lastPanel; panel++)
                    {
                        var column = panel * TKernel.Columns;
                        MultiplyPanel(packed, rows, depth, B + ((nint)panel * K + p) * TKernel.Columns, Math.Min(TKernel.Columns, N - column),
                            C + (nint)i * CStride + column, CStride, Accumulate || p > 0);
                    }
                }
            }
        }
    }

    struct LeftTransposedJob : IRangeJob
    {
        public float* A, B, C;
        public int AStride, BStride, CStride, M, N, K;
        public bool ByRows;

        public readonly void Execute(int start, int end)
        {
            var (firstRow, lastRow) = ByRows ? (start, end) : (0, M);
            var (firstColumn, lastColumn) = ByRows ? (0, N) : (start, end);
            if (K == 0)
                ClearRows(C + (nint)firstRow * CStride + firstColumn, CStride, lastRow - firstRow, lastColumn - firstColumn);
            var packedA = GemmBlocks.PackedA;
            var packedB = GemmBlocks.PackedB;
            for (var p = 0; p < K; p += GemmBlocks.Depth)
            {
                var depth = Math.Min(GemmBlocks.Depth, K - p);
                for (var j = firstColumn; j < lastColumn; j += GemmBlocks.Columns)
                {
                    var columns = Math.Min(GemmBlocks.Columns, lastColumn - j);
                    PackRows(B + (nint)p * BStride + j, BStride, depth, columns, packedB);
                    for (var i = firstRow; i < lastRow; i += GemmBlocks.Rows)
                    {
                        var rows = Math.Min(GemmBlocks.Rows, lastRow - i);
                        PackA(A + (nint)p * AStride + i, AStride, transposed: true, rows, depth, packedA);
                        for (var column = 0; column < columns; column += TKernel.Columns)
                            MultiplyPanel(packedA, rows, depth, packedB + (nint)column * depth, Math.Min(TKernel.Columns, columns - column),
                                C + (nint)i * CStride + j + column, CStride, p > 0);
                    }
                }
            }
        }
    }
}
