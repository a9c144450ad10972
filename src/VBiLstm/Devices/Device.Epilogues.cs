namespace VBiLstm.Devices;

// Products together with the element-wise operation that follows them in a model's loop: one launch where a device has a kernel for it, both otherwise.
public abstract partial class Device
{
    /// <summary>
    /// y = φ(a + addend), a the first M columns of x W; <paramref name="product"/> [R, N] = x W, of which a device may leave out those columns.
    /// Shapes: x [R, in], W [in, N], addend and y [R, M], which may be one.
    /// </summary>
    internal void MultiplyAddLeakyRelu(Tensor x, Weight w, Tensor addend, Tensor product, Tensor y, LeakyRelu phi)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Forward);
        CheckProduct(x, w, default, product);
        Check(y.Rows == x.Rows && y.Columns <= product.Columns,
            $"y is {y}, the product is {product}: it takes [{x.Rows}, {product.Columns}] or fewer columns.");
        Check(Same(addend, y), $"the addend is {addend}, y is {y}.");
        MultiplyAddLeakyReluCore(x, w, addend, product, y, phi);
    }

    private protected virtual void MultiplyAddLeakyReluCore(Tensor x, Weight w, Tensor addend, Tensor product, Tensor y, LeakyRelu phi)
    {
        Multiply(x, w, default, product, accumulate: false);
        LeakyReluForward(product.ColumnRange(0, y.Columns), addend, y, phi);
    }

    /// <summary>output = x W + bias, then <see cref="SampleGaussianForward"/>. Shapes: x [R, in], W [in, 2N], bias [1, 2N]; the others as there.</summary>
    internal void MultiplySampleGaussian(Tensor x, Weight w, Tensor bias, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Forward);
        CheckProduct(x, w, bias, output);
        CheckMoments(output, nameof(output));
        Check(IsHalf(sample, output), $"the sample is {sample}, the output is {output}: it takes [{output.Rows}, {output.Columns / 2}].");
        Check(noise.IsEmpty || IsHalf(noise, output), $"the noise is {noise}, the output is {output}: it takes [{output.Rows}, {output.Columns / 2}].");
        MultiplySampleGaussianCore(x, w, bias, output, noise, sample, head);
    }

    private protected virtual void MultiplySampleGaussianCore(Tensor x, Weight w, Tensor bias, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        Multiply(x, w, bias, output, accumulate: false);
        SampleGaussianForward(output, noise, sample, head);
    }

    /// <summary>gates += x W, then <see cref="LstmCellForward"/>. Shapes: x [B, in], W [in, 4H]; the others as there.</summary>
    internal void MultiplyLstmCellForward(Tensor x, Weight w, Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c, Tensor tanhC, Tensor h,
        Tensor updateMask = default)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Forward);
        CheckProduct(x, w, default, gates);
        CheckCell(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
        MultiplyLstmCellForwardCore(x, w, gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
    }

    private protected virtual void MultiplyLstmCellForwardCore(Tensor x, Weight w, Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c,
        Tensor tanhC, Tensor h, Tensor updateMask)
    {
        Multiply(x, w, default, gates, accumulate: true);
        LstmCellForward(gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
    }

    /// <summary>
    /// product = dy Wᵀ, or +=, then <see cref="SampleGaussianBackward"/> with the product's last N columns as dSample1, which a device may leave unwritten.
    /// Shapes: dy [R, out], W [in, out], product [R, in]; the others as there.
    /// </summary>
    internal void MultiplyTransposedSampleGaussian(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dSample2, Tensor noise, Tensor dMoments,
        Tensor output, GaussianHead head)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Transposed);
        CheckTransposedProduct(dy, w, product);
        CheckMoments(output, nameof(output));
        var n = output.Columns / 2;
        Check(output.Rows == product.Rows && n <= product.Columns, $"the product is {product}, the output is {output}: it takes {n} columns or more.");
        Check(dSample2.IsEmpty || IsHalf(dSample2, output), $"dSample2 is {dSample2}, the output is {output}: it takes [{output.Rows}, {n}].");
        Check(noise.IsEmpty || IsHalf(noise, output), $"the noise is {noise}, the output is {output}: it takes [{output.Rows}, {n}].");
        Check(Same(dMoments, output), $"dMoments is {dMoments}, the output is {output}.");
        MultiplyTransposedSampleGaussianCore(dy, w, product, accumulate, dSample2, noise, dMoments, output, head);
    }

    private protected virtual void MultiplyTransposedSampleGaussianCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dSample2, Tensor noise,
        Tensor dMoments, Tensor output, GaussianHead head)
    {
        MultiplyTransposed(dy, w, product, accumulate);
        SampleGaussianBackward(LastColumns(product, output.Columns / 2), dSample2, noise, dMoments, output, head);
    }

    private protected static Tensor LastColumns(Tensor x, int count) => x.ColumnRange(x.Columns - count, count);

    /// <summary>dx = (dy Wᵀ) φ′, as <see cref="LeakyReluBackward"/>. Shapes: dy [R, out], W [M, out]; the others as there.</summary>
    internal void MultiplyTransposedLeakyRelu(Tensor dy, Weight w, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Transposed);
        CheckTransposedProduct(dy, w, dx);
        Check(Same(dx, y), $"dx is {dx}, y is {y}.");
        Check(mask.IsEmpty || Is(mask, y.Rows, 1), $"the mask is {mask}, y is {y}: it takes [{y.Rows}, 1].");
        Check(mask.IsEmpty || Same(maskedDx, y), $"maskedDx is {maskedDx}, y is {y}.");
        MultiplyTransposedLeakyReluCore(dy, w, y, dx, mask, maskedDx, phi);
    }

    private protected virtual void MultiplyTransposedLeakyReluCore(Tensor dy, Weight w, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        MultiplyTransposed(dy, w, dx, accumulate: false);
        LeakyReluBackward(dx, y, dx, mask, maskedDx, phi);
    }

    /// <summary>
    /// product = dy Wᵀ, or +=, which a device may leave unwritten, then <see cref="LstmCellBackward"/> with it as dh2.
    /// Shapes: dy [B, out], W [H, out], product [B, H]; the others as there.
    /// </summary>
    internal void MultiplyTransposedLstmCellBackward(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor gates, Tensor cPrevious, Tensor tanhC,
        Tensor dh1, Tensor validity, Tensor dc, Tensor updateMask = default)
    {
        ArgumentNullException.ThrowIfNull(w);
        CheckUse(w, WeightUse.Transposed);
        CheckTransposedProduct(dy, w, product);
        CheckCellBackward(gates, cPrevious, tanhC, dh1, product, validity, dc, updateMask);
        MultiplyTransposedLstmCellBackwardCore(dy, w, product, accumulate, gates, cPrevious, tanhC, dh1, validity, dc, updateMask);
    }

    private protected virtual void MultiplyTransposedLstmCellBackwardCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor gates, Tensor cPrevious,
        Tensor tanhC, Tensor dh1, Tensor validity, Tensor dc, Tensor updateMask)
    {
        MultiplyTransposed(dy, w, product, accumulate);
        LstmCellBackward(gates, cPrevious, tanhC, dh1, product, validity, dc, updateMask);
    }
}
