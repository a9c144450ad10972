using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    const int TileRows = 32, TileColumns = 32, TileThreadRows = 8;
    const int ColumnSumThreadRows = 16;

    public override void Multiply(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckShape(x.Columns == w.Values.Rows && y.Columns == w.Values.Columns && y.Rows == x.Rows);
        CheckShape(bias.IsEmpty || (bias.Columns == y.Columns && !accumulate));
        _context.Bind();
        if (!bias.IsEmpty && bias.Address % CublasProducts.BiasAlignment == 0)
        {
            _products.MultiplyAddBias(x, w.Values, bias, y);
            return;
        }

        _products.Multiply(x, w.Values, y, accumulate);
        if (!bias.IsEmpty)
            LeakyReluForward(y, bias, y, new LeakyRelu(1, float.PositiveInfinity));
    }

    public override void MultiplyTransposed(Tensor dy, Weight w, Tensor dx, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckShape(dy.Columns == w.Values.Columns && dx.Columns == w.Values.Rows && dx.Rows == dy.Rows);
        _context.Bind();
        _products.MultiplyTransposed(dy, w.Values, dx, accumulate);
    }

    public override void WeightGradients(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate = false)
    {
        CheckShape(dBias.IsEmpty || dBias.Columns == dy.Columns);
        _context.Bind();
        foreach (ref readonly var pair in gradients)
        {
            if (pair.X.IsEmpty)
                continue;
            CheckShape(pair.X.Rows == dy.Rows && pair.DW.Rows == pair.X.Columns && pair.DW.Columns == dy.Columns);
            _products.WeightGradient(pair.X, dy, pair.DW, accumulate);
        }

        if (dBias.IsEmpty)
            return;
        var accumulates = accumulate ? 1 : 0;
        var arguments = stackalloc void*[] { &dy, &dBias, &accumulates };
        Launch(_kernels.ColumnSums, (uint)CeilingDivide(dy.Columns, TileColumns), 1, TileColumns, ColumnSumThreadRows, arguments);
    }

    public override void MultiplyLeakyRelu(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        ArgumentNullException.ThrowIfNull(w);
        var values = w.Values;
        CheckShape(x.Columns == values.Rows && y.Columns == values.Columns && y.Rows == x.Rows && bias.Columns == y.Columns);
        var arguments = stackalloc void*[] { &x, &values, &bias, &y, &phi };
        Launch(_kernels.MultiplyLeakyRelu, (uint)CeilingDivide(y.Columns, TileColumns), (uint)CeilingDivide(y.Rows, TileRows), TileColumns, TileThreadRows, arguments);
    }
}
