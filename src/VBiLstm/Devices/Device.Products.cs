using System.Runtime.CompilerServices;

namespace VBiLstm.Devices;

public abstract partial class Device
{
    /// <summary>y = x W + bias, or y += x W without bias. Shapes: x [R, in], W [in, out], bias [1, out] or empty, y [R, out].</summary>
    internal void Multiply(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Forward);
        CheckProduct(x, w, bias, y);
        Check(bias.IsEmpty || !accumulate, $"a bias of {bias} is given where y is added to; add it once, without accumulation.");
        MultiplyCore(x, w, bias, y, accumulate);
    }

    private protected abstract void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate);

    // Of x, up to which one kernel of a GPU does all; beyond, a product by its library and φ after it are faster (docs/gpu.md has the times on an H100).
    internal const int WidestThinInput = 128;

    /// <summary>Rows up to which a GPU's kernels for products of bf16 take x whole.</summary>
    internal const int MostThinRows = 128;

    /// <summary>Whether one kernel of a GPU computes <see cref="MultiplyLeakyRelu"/> of such an x.</summary>
    private protected bool IsThin(Tensor x) => x.Columns <= WidestThinInput && !RoundsOperands;

    // 512 blocks for 32 columns each fill any GPU; a slice of fewer rows does not pay for the second kernel.
    internal const int MaximumSliceSums = 512 * 32, SliceRows = 256;

    /// <summary>
    /// Slices that a GPU sums [rows, columns] over the rows in, before it adds the slices' sums in their order; 1 where one kernel does it all.
    /// </summary>
    internal static int RowSlices(int rows, int columns) => Math.Max(1, Math.Min(MaximumSliceSums / columns, rows / SliceRows));

    /// <summary>y = φ(x W + bias), meant for a thin x of few rows and columns. Shapes: x [R, in], W [in, M], bias [1, M], y [R, M].</summary>
    internal void MultiplyLeakyRelu(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Forward);
        CheckProduct(x, w, bias, y);
        Check(!bias.IsEmpty, $"the bias is {bias}; it takes [1, {y.Columns}].");
        MultiplyLeakyReluCore(x, w, bias, y, phi);
    }

    private protected abstract void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi);

    /// <summary>dx = dy Wᵀ, or dx += dy Wᵀ. Shapes: dy [R, out], W [in, out], dx [R, in].</summary>
    internal void MultiplyTransposed(Tensor dy, Weight w, Tensor dx, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Transposed);
        CheckTransposedProduct(dy, w, dx);
        MultiplyTransposedCore(dy, w, dx, accumulate);
    }

    private protected abstract void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate);

    /// <summary>
    /// The gradients of every layer with the output gradient dy, over all rows (model.md B6): dW = xᵀ dy for each pair, and dBias = Σ over rows of dy; or +=.
    /// Shapes: x [R, in], dy [R, out], dW [in, out], dBias [1, out] or empty. A pair whose x is empty is left out.
    /// </summary>
    internal void WeightGradients(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate = false)
    {
        foreach (ref readonly var pair in gradients)
        {
            Check(pair.X.IsEmpty || pair.X.Rows == dy.Rows, $"x is {pair.X}, dy is {dy}.");
            Check(pair.X.IsEmpty || Is(pair.DW, pair.X.Columns, dy.Columns), $"dW is {pair.DW}, x {pair.X} and dy {dy} give [{pair.X.Columns}, {dy.Columns}].");
        }

        Check(dBias.IsEmpty || Is(dBias, 1, dy.Columns), $"dBias is {dBias}, dy is {dy}: it takes [1, {dy.Columns}].");
        WeightGradientsCore(gradients, dy, dBias, accumulate);
    }

    private protected abstract void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate);

    static void CheckUse(Weight w, WeightUse use, [CallerMemberName] string operation = "")
    {
        if (!w.Use.HasFlag(use))
            throw new InvalidOperationException($"{operation}: the weight was created for {w.Use} products, not for {use} ones.");
    }

    static void CheckTransposedProduct(Tensor dy, Weight w, Tensor dx, [CallerMemberName] string operation = "")
    {
        Check(dy.Columns == w.Values.Columns, $"dy is {dy}, the weight is {w.Values}: dy takes [R, {w.Values.Columns}].", operation);
        Check(Is(dx, dy.Rows, w.Values.Rows), $"dx is {dx}, dy {dy} times the transposed weight {w.Values} gives [{dy.Rows}, {w.Values.Rows}].", operation);
    }

    static void CheckProduct(Tensor x, Weight w, Tensor bias, Tensor y, [CallerMemberName] string operation = "")
    {
        Check(x.Columns == w.Values.Rows, $"x is {x}, the weight is {w.Values}: x takes [R, {w.Values.Rows}].", operation);
        Check(Is(y, x.Rows, w.Values.Columns), $"y is {y}, x {x} times the weight {w.Values} gives [{x.Rows}, {w.Values.Columns}].", operation);
        Check(bias.IsEmpty || Is(bias, 1, y.Columns), $"the bias is {bias}, y is {y}: it takes [1, {y.Columns}].", operation);
    }
}
