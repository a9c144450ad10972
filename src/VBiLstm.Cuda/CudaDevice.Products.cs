using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    const int TileRows = 32, TileColumns = 32, TileThreadRows = 8;
    const int ColumnSumThreadRows = 16;

    private protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
    {
        _context.Bind();
        EndRunOfKernels();
        if (!bias.IsEmpty && _current.Products.TryMultiplyAddBias(x, w.Values, bias, y))
            return;
        _current.Products.Multiply(x, w.Values, y, accumulate);
        if (!bias.IsEmpty)
            AddCore(y, bias, y);
    }

    /// <summary>Whether cuBLASLt takes a small product with a bias.</summary>
    /// <exception cref="CudaException">It fails otherwise.</exception>
    internal bool AddsBiasWithinProducts()
    {
        const int n = 16;
        var readers = RoundsOperands ? Readers.All : Readers.Operations;
        using var memory = Arena.Create(this, "a small product",
            arena => (arena.Take(n, n, readers), arena.Take(n, n, readers), arena.Take(1, n), arena.Take(n, n)), out var x);
        EndRunOfKernels();
        var adds = _current.Products.TryMultiplyAddBias(x.Item1, x.Item2, x.Item3, x.Item4);
        Synchronise();
        return adds;
    }

    private protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
    {
        _context.Bind();
        if (TryMultiplyTransposedThin(dy, w, dx, accumulate))
            return;
        EndRunOfKernels();
        _current.Products.MultiplyTransposed(dy, w.Values, dx, accumulate);
    }

    private protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
    {
        _context.Bind();
        EndRunOfKernels();
        foreach (ref readonly var pair in gradients)
        {
            if (pair.X.IsEmpty)
                continue;
            _current.Products.WeightGradient(pair.X, dy, pair.DW, accumulate);
        }

        if (dBias.IsEmpty)
            return;
        if (RowSlices(dy.Rows, dy.Columns) is > 1 and var slices)
        {
            var partial = new Tensor(_current.Scratch, slices, dy.Columns, dy.Columns);
            SumColumns(dy, partial, accumulate: false);
            dy = partial;
        }

        SumColumns(dy, dBias, accumulate);
    }

    // Row s of sums [S, N] is the sum over the s-th of S slices of the rows.
    void SumColumns(Tensor dy, Tensor sums, bool accumulate)
    {
        var accumulates = accumulate ? 1 : 0;
        var arguments = stackalloc void*[] { &dy, &sums, &accumulates };
        Launch(_kernels.ColumnSums, (uint)CeilingDivide(dy.Columns, TileColumns), (uint)sums.Rows, TileColumns, ColumnSumThreadRows, arguments);
    }

    private protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        if (TryMultiplyLeakyReluThin(x, w, bias, y, default, phi))
            return;
        if (!IsThin(x))
        {
            _context.Bind();
            EndRunOfKernels();
            _current.Products.Multiply(x, w.Values, y, accumulate: false);
            LeakyReluForwardCore(y, bias, y, phi);
            return;
        }

        var values = w.Values;
        var arguments = stackalloc void*[] { &x, &values, &bias, &y, &phi };
        Launch(_kernels.MultiplyLeakyRelu, (uint)CeilingDivide(y.Columns, TileColumns), (uint)CeilingDivide(y.Rows, TileRows), TileColumns, TileThreadRows,
            arguments);
    }
}
