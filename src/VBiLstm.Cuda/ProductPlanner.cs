using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// Whether a product of few rows goes through the project's kernel, with what follows it, or through the library. By shape alone, so that a device
/// computes the same bits every time: as the options say, else as the GPU's table of measured times says, else through the library, which was the faster
/// one in every comparison on an H100 (docs/gpu.md).
/// </summary>
/// <param name="options">Precision and choice.</param>
/// <param name="hasKernels">Whether there are any in this precision on this GPU.</param>
/// <param name="table">What was measured on this GPU; null: nothing.</param>
sealed class ProductPlanner(CudaOptions options, bool hasKernels, ProductTable? table)
{
    readonly HashSet<ThinProductShape> _asked = [];

    /// <summary>Every shape that was asked about.</summary>
    public IReadOnlyCollection<ThinProductShape> Asked => _asked;

    /// <summary>Where not null, the answer to everything that a kernel can do, while both ways are measured.</summary>
    public bool? Forced { get; set; }

    public bool PrefersKernel(ThinProduct product, int rows, int inner, int columns)
    {
        if (!hasKernels || rows > Device.MostThinRows)
            return false;
        var shape = new ThinProductShape(options.Precision, product, rows, inner, columns);
        if (Forced is { } forced)
            return forced;
        _asked.Add(shape);
        return options.Products switch
        {
            CudaProducts.Kernels => true,
            CudaProducts.Library => false,
            _ => table?.PrefersKernel(shape) ?? false,
        };
    }
}
