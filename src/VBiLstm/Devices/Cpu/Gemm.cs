using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Float32 products of row-major matrices. The operands go through packed blocks that fit the caches; every element of a result is
/// one chain of multiply-adds in the order of k, so bits depend neither on the number of threads nor on the other rows of a batch.
/// </summary>
sealed unsafe class Gemm
{
    // A block of A (rows × depth) stays in the second-level cache, a panel of B (depth × columns of the kernel) about in the first.
    const int BlockRows = 192;
    const int BlockDepth = 256;
    const int BlockColumns = 512;
    const int LargestTileElements = 12 * 32;

    // Below this many multiply-adds, waking a thread costs more than it brings.
    const long MultiplyAddsPerPart = 1 << 16;

    // One scratch per thread for the life of the thread: pool threads live as long as their device.
    [ThreadStatic]
    static float* t_packedA;

    [ThreadStatic]
    static float* t_packedB;

    readonly WorkerPool _pool;

    public Gemm(WorkerPool pool, SimdWidth width)
    {
        _pool = pool;
        Width = width;
    }

    public SimdWidth Width { get; }

    /// <summary>Columns of a packed panel.</summary>
    public int PanelColumns => Width switch
    {
        SimdWidth.Vector512 => MicroKernel512.Columns,
        SimdWidth.Vector256 => MicroKernel256.Columns,
        _ => MicroKernel128.Columns,
    };

    /// <summary>Packs values [K, N], or its transpose where values is [N, K].</summary>
    public void Pack(float* values, int stride, bool transposed, PackedMatrix target)
        => _pool.Run(new PackJob { Values = values, Stride = stride, Transposed = transposed, Target = target.Values, Rows = target.Rows, Columns = target.Columns, PanelColumns = target.PanelColumns },
            target.Panels, Math.Max(1, (int)(16384 / Math.Max(1, target.PanelLength))));

    /// <summary>C [m, N] = A [m, K] B, or += where <paramref name="accumulate"/>.</summary>
    public void Multiply(float* a, int aStride, int m, PackedMatrix b, float* c, int cStride, bool accumulate)
    {
        if (m == 0 || b.Columns == 0)
            return;
        var work = (long)m * b.Rows * b.Columns;
        var job = new MultiplyJob { A = a, AStride = aStride, M = m, B = b.Values, K = b.Rows, N = b.Columns, C = c, CStride = cStride, Accumulate = accumulate, Width = Width };
        job.ByRows = m >= 4 * BlockRows || m > 8 * b.Panels;
        var count = job.ByRows ? m : b.Panels;
        var grain = job.ByRows ? LargestTile : 1;
        _pool.Run(job, count, (int)Math.Max(grain, Math.Min(count, MultiplyAddsPerPart * count / Math.Max(1, work)) / grain * grain));
    }

    /// <summary>C [m, n] = Aᵀ B of A [k, m] and B [k, n].</summary>
    public void MultiplyLeftTransposed(float* a, int aStride, float* b, int bStride, float* c, int cStride, int m, int n, int k)
    {
        if (m == 0 || n == 0)
            return;
        var work = (long)m * n * k;
        var job = new LeftTransposedJob { A = a, AStride = aStride, B = b, BStride = bStride, C = c, CStride = cStride, M = m, N = n, K = k, Width = Width };
        job.ByRows = m > n;
        var count = job.ByRows ? m : n;
        var grain = job.ByRows ? LargestTile : PanelColumns;
        _pool.Run(job, count, (int)Math.Max(grain, Math.Min(count, MultiplyAddsPerPart * count / Math.Max(1, work)) / grain * grain));
    }

    int LargestTile => Width switch
    {
        SimdWidth.Vector512 => MicroKernel512.LargestTile,
        SimdWidth.Vector256 => MicroKernel256.LargestTile,
        _ => MicroKernel128.LargestTile,
    };

    static float* PackedA => t_packedA != null ? t_packedA : t_packedA = Allocate((BlockRows + LargestTileElements) * BlockDepth);

    static float* PackedB => t_packedB != null ? t_packedB : t_packedB = Allocate(BlockColumns * BlockDepth);

    static float* Allocate(int count) => (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);

    // A [rows, depth] (or Aᵀ of [depth, rows]) as tiles [depth][tile rows], one after the other.
    static void PackA<TKernel>(float* a, int stride, bool transposed, int rows, int depth, float* target) where TKernel : IMicroKernel
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
                    for (var r = 0; r < used; r++)
                        to[r] = source[r];
                    for (var r = used; r < tile; r++)
                        to[r] = 0;
                }
            }
            else
            {
                for (var r = 0; r < used; r++)
                {
                    var source = a + (nint)(i + r) * stride;
                    var to = target + r;
                    for (var p = 0; p < depth; p++)
                        to[p * tile] = source[p];
                }

                for (var r = used; r < tile; r++)
                    for (var p = 0; p < depth; p++)
                        target[p * tile + r] = 0;
            }

            target += tile * depth;
            i += used;
        }
    }

    // C [rows, columns] (+)= packed tiles × one packed panel; edges go through a full tile on the stack.
    static void MultiplyPanel<TKernel>(float* packedA, int rows, int depth, float* panel, int columns, float* c, int cStride, bool accumulate) where TKernel : IMicroKernel
    {
        var edge = stackalloc float[LargestTileElements];
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
                new Span<float>(edge, LargestTileElements).Clear();
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
        public int Stride, Rows, Columns, PanelColumns;
        public bool Transposed;

        public readonly void Execute(int start, int end)
        {
            for (var panel = start; panel < end; panel++)
            {
                var first = panel * PanelColumns;
                var used = Math.Min(PanelColumns, Columns - first);
                var target = Target + (nint)panel * Rows * PanelColumns;
                PackPanel(Values, Stride, Transposed, 0, Rows, first, used, PanelColumns, target);
            }
        }
    }

    static void PackPanel(float* values, int stride, bool transposed, int firstRow, int rows, int firstColumn, int used, int panelColumns, float* target)
    {
        if (transposed)
        {
            for (var j = 0; j < used; j++)
            {
                var source = values + (nint)(firstColumn + j) * stride + firstRow;
                for (var p = 0; p < rows; p++)
                    target[p * panelColumns + j] = source[p];
            }

            for (var j = used; j < panelColumns; j++)
                for (var p = 0; p < rows; p++)
                    target[p * panelColumns + j] = 0;
            return;
        }

        for (var p = 0; p < rows; p++)
        {
            var to = new Span<float>(target + (nint)p * panelColumns, panelColumns);
            new ReadOnlySpan<float>(values + (nint)(firstRow + p) * stride + firstColumn, used).CopyTo(to);
            to[used..].Clear();
        }
    }

    struct MultiplyJob : IRangeJob
    {
        public float* A, B, C;
        public int AStride, CStride, M, N, K;
        public bool Accumulate, ByRows;
        public SimdWidth Width;

        public readonly void Execute(int start, int end)
        {
            switch (Width)
            {
                case SimdWidth.Vector512:
                    Execute<MicroKernel512>(start, end);
                    break;
                case SimdWidth.Vector256:
                    Execute<MicroKernel256>(start, end);
                    break;
                default:
                    Execute<MicroKernel128>(start, end);
                    break;
            }
        }

        readonly void Execute<TKernel>(int start, int end) where TKernel : IMicroKernel
        {
            var (firstRow, lastRow) = ByRows ? (start, end) : (0, M);
            var (firstPanel, lastPanel) = ByRows ? (0, (N + TKernel.Columns - 1) / TKernel.Columns) : (start, end);
            if (K == 0 && !Accumulate)
                ClearRows(C + (nint)firstRow * CStride + firstPanel * TKernel.Columns, CStride, lastRow - firstRow, Math.Min(N, lastPanel * TKernel.Columns) - firstPanel * TKernel.Columns);
            var packed = PackedA;
            for (var i = firstRow; i < lastRow; i += BlockRows)
            {
                var rows = Math.Min(BlockRows, lastRow - i);
                for (var p = 0; p < K; p += BlockDepth)
                {
                    var depth = Math.Min(BlockDepth, K - p);
                    PackA<TKernel>(A + (nint)i * AStride + p, AStride, transposed: false, rows, depth, packed);
                    for (var panel = firstPanel; panel < lastPanel; panel++)
                    {
                        var column = panel * TKernel.Columns;
                        MultiplyPanel<TKernel>(packed, rows, depth, B + ((nint)panel * K + p) * TKernel.Columns, Math.Min(TKernel.Columns, N - column),
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
        public SimdWidth Width;

        public readonly void Execute(int start, int end)
        {
            switch (Width)
            {
                case SimdWidth.Vector512:
                    Execute<MicroKernel512>(start, end);
                    break;
                case SimdWidth.Vector256:
                    Execute<MicroKernel256>(start, end);
                    break;
                default:
                    Execute<MicroKernel128>(start, end);
                    break;
            }
        }

        readonly void Execute<TKernel>(int start, int end) where TKernel : IMicroKernel
        {
            var (firstRow, lastRow) = ByRows ? (start, end) : (0, M);
            var (firstColumn, lastColumn) = ByRows ? (0, N) : (start, end);
            if (K == 0)
                ClearRows(C + (nint)firstRow * CStride + firstColumn, CStride, lastRow - firstRow, lastColumn - firstColumn);
            var packedA = PackedA;
            var packedB = PackedB;
            for (var p = 0; p < K; p += BlockDepth)
            {
                var depth = Math.Min(BlockDepth, K - p);
                for (var j = firstColumn; j < lastColumn; j += BlockColumns)
                {
                    var columns = Math.Min(BlockColumns, lastColumn - j);
                    for (var column = 0; column < columns; column += TKernel.Columns)
                        PackPanel(B, BStride, transposed: false, p, depth, j + column, Math.Min(TKernel.Columns, columns - column), TKernel.Columns, packedB + (nint)column * depth);
                    for (var i = firstRow; i < lastRow; i += BlockRows)
                    {
                        var rows = Math.Min(BlockRows, lastRow - i);
                        PackA<TKernel>(A + (nint)p * AStride + i, AStride, transposed: true, rows, depth, packedA);
                        for (var column = 0; column < columns; column += TKernel.Columns)
                            MultiplyPanel<TKernel>(packedA, rows, depth, packedB + (nint)column * depth, Math.Min(TKernel.Columns, columns - column),
                                C + (nint)i * CStride + j + column, CStride, p > 0);
                    }
                }
            }
        }
    }
}
