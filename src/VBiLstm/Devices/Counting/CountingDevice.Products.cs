namespace VBiLstm.Devices.Counting;

sealed partial class CountingDevice
{
    const string ColumnSums = "ColumnSums";

    // Whether a kernel computes a product of so many rows together with what follows it.
    bool HasThinKernel(int rows) => hasThinKernels && rows <= MostThinRows;

    static double Product(Tensor x, int columns) => 2.0 * x.Rows * x.Columns * columns;

    private protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
    {
        // A GPU's library adds the bias within the product, but not to a vector.
        var addsAfterwards = !bias.IsEmpty && (x.Rows == 1 || x.Columns == 1 || y.Columns == 1);
        Count(nameof(Multiply), Operands(x, w.Values) + Read(addsAfterwards ? default : bias) + (accumulate ? 2 : 1) * Values(y), Product(x, w.Values.Columns),
            CountedLaunch.Other);
        if (addsAfterwards)
            AddCore(y, bias, y);
    }

    private protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
        => Count(nameof(MultiplyTransposed), Operands(dy, w.Values) + (accumulate ? 2 : 1) * Values(dx), Product(dy, w.Values.Rows),
            HasThinKernel(dy.Rows) ? CountedLaunch.FetchingKernel : CountedLaunch.Other);

    // A product for each weight, and one kernel that sums the rows, or their slices before another adds those.
    private protected override void WeightGradientsCore(ReadOnlySpan<WeightGradient> gradients, Tensor dy, Tensor dBias, bool accumulate)
    {
        foreach (ref readonly var pair in gradients)
            if (!pair.X.IsEmpty)
                Count(nameof(WeightGradients), Operands(pair.X, dy) + (accumulate ? 2 : 1) * Values(pair.DW), Product(pair.X, dy.Columns), CountedLaunch.Other);
        if (dBias.IsEmpty)
            return;
        if (RowSlices(dy.Rows, dy.Columns) is > 1 and var slices)
        {
            Count(ColumnSums, Read(dy) + slices * Values(dBias));
            Count(ColumnSums, slices * Values(dBias) + (accumulate ? 2 : 1) * Values(dBias));
            return;
        }

        Count(ColumnSums, Read(dy) + (accumulate ? 2 : 1) * Values(dBias));
    }

    private protected override void MultiplyLeakyReluCore(Tensor x, Weight w, Tensor bias, Tensor y, LeakyRelu phi)
    {
        if (HasThinKernel(x.Rows) || IsThin(x))
        {
            Count(nameof(MultiplyLeakyRelu), Operands(x, w.Values) + Read(bias) + Written(y), Product(x, w.Values.Columns),
                HasThinKernel(x.Rows) ? CountedLaunch.FetchingKernel : CountedLaunch.Kernel);
            return;
        }

        Count(nameof(Multiply), Operands(x, w.Values) + Values(y), Product(x, w.Values.Columns), CountedLaunch.Other);
        LeakyReluForwardCore(y, bias, y, phi);
    }

    private protected override void MultiplyAddLeakyReluCore(Tensor x, Weight w, Tensor addend, Tensor product, Tensor y, LeakyRelu phi)
    {
        if (HasThinKernel(x.Rows))
            Count(nameof(MultiplyAddLeakyRelu), Operands(x, w.Values) + Read(addend) + Written(y, LastColumns(product, product.Columns - y.Columns)),
                Product(x, product.Columns), CountedLaunch.FetchingKernel);
        else
            base.MultiplyAddLeakyReluCore(x, w, addend, product, y, phi);
    }

    private protected override void MultiplySampleGaussianCore(Tensor x, Weight w, Tensor bias, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        if (HasThinKernel(x.Rows))
            Count(nameof(MultiplySampleGaussian), Operands(x, w.Values) + Read(bias, noise) + Values(output) + Written(sample), Product(x, output.Columns),
                CountedLaunch.FetchingKernel);
        else
            base.MultiplySampleGaussianCore(x, w, bias, output, noise, sample, head);
    }

    private protected override void MultiplyLstmCellForwardCore(Tensor x, Weight w, Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c,
        Tensor tanhC, Tensor h, Tensor updateMask)
    {
        if (HasThinKernel(x.Rows))
            Count(nameof(MultiplyLstmCellForward), Operands(x, w.Values) + Read(addend, cPrevious, validity, updateMask) + 2 * Values(gates)
                + Written(c, tanhC, h), Product(x, gates.Columns),
                CountedLaunch.FetchingKernel);
        else
            base.MultiplyLstmCellForwardCore(x, w, gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
    }

    private protected override void MultiplyTransposedSampleGaussianCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dSample2, Tensor noise,
        Tensor dMoments, Tensor output, GaussianHead head)
    {
        // The kernel adds to the sample's gradient only.
        var plain = product.Columns - output.Columns / 2;
        if (HasThinKernel(dy.Rows) && !(accumulate && plain > 0))
            Count(nameof(MultiplyTransposedSampleGaussian), Operands(dy, w.Values) + Read(accumulate ? product : default, dSample2, noise, dMoments, output)
                + Written(product.ColumnRange(0, plain), output), Product(dy, product.Columns),
                CountedLaunch.FetchingKernel);
        else
            base.MultiplyTransposedSampleGaussianCore(dy, w, product, accumulate, dSample2, noise, dMoments, output, head);
    }

    private protected override void MultiplyTransposedLeakyReluCore(Tensor dy, Weight w, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        if (HasThinKernel(dy.Rows))
            Count(nameof(MultiplyTransposedLeakyRelu), Operands(dy, w.Values) + Read(y, mask) + Written(dx, maskedDx), Product(dy, dx.Columns),
                CountedLaunch.FetchingKernel);
        else
            base.MultiplyTransposedLeakyReluCore(dy, w, y, dx, mask, maskedDx, phi);
    }

    private protected override void MultiplyTransposedLstmCellBackwardCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor gates, Tensor cPrevious,
        Tensor tanhC, Tensor dh1, Tensor validity, Tensor dc, Tensor updateMask)
    {
        if (HasThinKernel(dy.Rows))
            Count(nameof(MultiplyTransposedLstmCellBackward), Operands(dy, w.Values)
                + Read(dh1, accumulate ? product : default, gates, cPrevious, tanhC, validity, dc, updateMask) + Written(gates, dc),
                Product(dy, product.Columns), CountedLaunch.FetchingKernel);
        else
            base.MultiplyTransposedLstmCellBackwardCore(dy, w, product, accumulate, gates, cPrevious, tanhC, dh1, validity, dc, updateMask);
    }
}
