using VBiLstm.Devices;

namespace VBiLstm.Cuda;

// A product of few rows and what follows it, in one kernel of native/kernels/thin_product.cu; where the planner prefers the library, as two operations.
public sealed unsafe partial class CudaDevice
{
    /// <summary>Threads of a block, of resident loops too.</summary>
    internal const int ThinThreads = 256;

    const int StripColumns = 16, MostStrips = 4;

    /// <summary>The products of few rows that were called so far and have a kernel, each once.</summary>
    internal IReadOnlyCollection<ThinProductShape> ThinProducts => _planner.Asked;

    /// <summary>Whether one of them goes through its kernel.</summary>
    internal bool HasProductsByKernels
        => _planner.Asked.Any(shape => _planner.PrefersKernel(shape.Product, shape.Rows, shape.Inner, shape.Columns));

    /// <summary>Calls operations with one of the ways for every product that has a kernel.</summary>
    internal void Choosing(bool useKernel, Action operations)
    {
        _planner.Forced = useKernel;
        try
        {
            operations();
        }
        finally
        {
            _planner.Forced = null;
        }
    }

    // Blocks of strips of 16 to 64 columns: about as many as there are multiprocessors.
    uint StripsOf(int columns)
    {
        var strips = CeilingDivide(columns, StripColumns);
        var width = Math.Clamp(CeilingDivide(strips, _context.Multiprocessors), 1, MostStrips);
        return (uint)CeilingDivide(strips, width);
    }

    static uint UnitBlocks(int units) => (uint)CeilingDivide(units, StripColumns);

    // A transposed product with nothing behind it, as at the first time step.
    bool TryMultiplyTransposedThin(Tensor dy, Weight w, Tensor dx, bool accumulate)
    {
        if (!_planner.PrefersKernel(ThinProduct.Transposed, dy.Rows, dy.Columns, dx.Columns))
            return false;
        var (values, addend) = (w.Values, accumulate ? dx : default);
        dx = dx with { Operand = 0 };
        var arguments = stackalloc void*[] { &dy, &values, &addend, &dx };
        Launch(_kernels.ThinMultiplyTransposed, StripsOf(dx.Columns), 1, ThinThreads, 1, arguments);
        return true;
    }

    // Of w's columns those that y has are activated, the others become sums.
    bool TryMultiplyLeakyReluThin(Tensor x, Weight w, Tensor addend, Tensor y, Tensor sums, LeakyRelu phi)
    {
        var values = w.Values;
        if (!_planner.PrefersKernel(ThinProduct.LeakyRelu, x.Rows, x.Columns, values.Columns))
            return false;
        var arguments = stackalloc void*[] { &x, &values, &addend, &y, &sums, &phi };
        Launch(_kernels.ThinMultiplyLeakyRelu, StripsOf(values.Columns), 1, ThinThreads, 1, arguments);
        return true;
    }

    private protected override void MultiplyAddLeakyReluCore(Tensor x, Weight w, Tensor addend, Tensor product, Tensor y, LeakyRelu phi)
    {
        if (!TryMultiplyLeakyReluThin(x, w, addend, y, LastColumns(product, product.Columns - y.Columns), phi))
            base.MultiplyAddLeakyReluCore(x, w, addend, product, y, phi);
    }

    private protected override void MultiplySampleGaussianCore(Tensor x, Weight w, Tensor bias, Tensor output, Tensor noise, Tensor sample, GaussianHead head)
    {
        if (!_planner.PrefersKernel(ThinProduct.SampleGaussian, x.Rows, x.Columns, output.Columns))
        {
            base.MultiplySampleGaussianCore(x, w, bias, output, noise, sample, head);
            return;
        }

        // Of the moments, products read the gradients only.
        var (values, moments) = (w.Values, output with { Operand = 0 });
        var arguments = stackalloc void*[] { &x, &values, &bias, &moments, &noise, &sample, &head };
        Launch(_kernels.ThinMultiplySampleGaussian, UnitBlocks(output.Columns / 2), 1, ThinThreads, 1, arguments);
    }

    private protected override void MultiplyLstmCellForwardCore(Tensor x, Weight w, Tensor gates, Tensor addend, Tensor cPrevious, Tensor validity, Tensor c,
        Tensor tanhC, Tensor h, Tensor updateMask)
    {
        if (!_planner.PrefersKernel(ThinProduct.LstmCellForward, x.Rows, x.Columns, gates.Columns))
        {
            base.MultiplyLstmCellForwardCore(x, w, gates, addend, cPrevious, validity, c, tanhC, h, updateMask);
            return;
        }

        // As above.
        var (values, activations) = (w.Values, gates with { Operand = 0 });
        var arguments = stackalloc void*[] { &x, &values, &activations, &addend, &cPrevious, &validity, &c, &tanhC, &h, &updateMask };
        Launch(_kernels.ThinMultiplyLstmCellForward, UnitBlocks(h.Columns), 1, ThinThreads, 1, arguments);
    }

    private protected override void MultiplyTransposedSampleGaussianCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor dSample2, Tensor noise,
        Tensor dMoments, Tensor output, GaussianHead head)
    {
        var plain = product.Columns - output.Columns / 2;

        // The kernel adds to the sample's gradient only.
        if ((accumulate && plain > 0) || !_planner.PrefersKernel(ThinProduct.TransposedSampleGaussian, dy.Rows, dy.Columns, product.Columns))
        {
            base.MultiplyTransposedSampleGaussianCore(dy, w, product, accumulate, dSample2, noise, dMoments, output, head);
            return;
        }

        var (values, before) = (w.Values, accumulate ? product : default);
        var y = plain == 0 ? default : product.ColumnRange(0, plain);
        var arguments = stackalloc void*[] { &dy, &values, &y, &before, &dSample2, &noise, &dMoments, &output, &head };
        Launch(_kernels.ThinMultiplyTransposedSampleGaussian, StripsOf(product.Columns), 1, ThinThreads, 1, arguments);
    }

    private protected override void MultiplyTransposedLeakyReluCore(Tensor dy, Weight w, Tensor y, Tensor dx, Tensor mask, Tensor maskedDx, LeakyRelu phi)
    {
        if (!_planner.PrefersKernel(ThinProduct.TransposedLeakyRelu, dy.Rows, dy.Columns, dx.Columns))
        {
            base.MultiplyTransposedLeakyReluCore(dy, w, y, dx, mask, maskedDx, phi);
            return;
        }

        var values = w.Values;
        var arguments = stackalloc void*[] { &dy, &values, &y, &dx, &mask, &maskedDx, &phi };
        Launch(_kernels.ThinMultiplyTransposedLeakyRelu, StripsOf(dx.Columns), 1, ThinThreads, 1, arguments);
    }

    private protected override void MultiplyTransposedLstmCellBackwardCore(Tensor dy, Weight w, Tensor product, bool accumulate, Tensor gates, Tensor cPrevious,
        Tensor tanhC, Tensor dh1, Tensor validity, Tensor dc, Tensor updateMask)
    {
        if (!_planner.PrefersKernel(ThinProduct.TransposedLstmCellBackward, dy.Rows, dy.Columns, product.Columns))
        {
            base.MultiplyTransposedLstmCellBackwardCore(dy, w, product, accumulate, gates, cPrevious, tanhC, dh1, validity, dc, updateMask);
            return;
        }

        var (values, dh2) = (w.Values, accumulate ? product : default);
        var arguments = stackalloc void*[] { &dy, &values, &dh1, &dh2, &gates, &cPrevious, &tanhC, &validity, &dc, &updateMask };
        Launch(_kernels.ThinMultiplyTransposedLstmCellBackward, StripsOf(product.Columns), 1, ThinThreads, 1, arguments);
    }
}
