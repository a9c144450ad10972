namespace VBiLstm.Cuda;

/// <summary>How products are computed.</summary>
public enum CudaPrecision
{
    /// <summary>Tensor cores: operands rounded to TF32 (10 bits of mantissa), sums in float32.</summary>
    Tf32,

    /// <summary>Float32 throughout.</summary>
    Fp32,

    /// <summary>
    /// Tensor cores: operands rounded to bf16 (7 bits of mantissa), which the optimiser and the activations' kernels leave beside the float32 values; sums and
    /// all else in float32. Needs compute capability 8.0.
    /// </summary>
    Bf16,
}

/// <summary>What runs the recurrences that have no channel.</summary>
public enum CudaRecurrence
{
    /// <summary>cuDNN where it is found, the project's kernels otherwise.</summary>
    Automatic,

    /// <summary>cuDNN.</summary>
    Cudnn,

    /// <summary>The project's kernels, a product and a cell for each step.</summary>
    Kernels,
}

/// <summary>What computes products of few rows, where the project has kernels for them (bf16 and TF32, from compute capability 8.0 on).</summary>
public enum CudaProducts
{
    /// <summary>The faster one where <c>vbilstm bench --tune</c> has measured on this GPU; otherwise the library, which was faster on an H100.</summary>
    Automatic,

    /// <summary>cuBLAS, and kernels for what follows.</summary>
    Library,

    /// <summary>The project's kernels, which go on with what follows.</summary>
    Kernels,
}

/// <summary>What runs the variational Bi-LSTM's loops over time.</summary>
public enum CudaLoop
{
    /// <summary>Kernels for each time step.</summary>
    Steps,

    /// <summary>
    /// One kernel for a whole loop, whose weights stay in shared memory, in bf16 where all of its blocks are resident at once; otherwise as
    /// <see cref="Steps"/>. The bits are those of the project's kernels for each time step.
    /// </summary>
    Resident,
}

/// <summary>Choices of a <see cref="CudaDevice"/>.</summary>
public sealed record CudaOptions
{
    /// <summary>The GPU's number among those that CUDA shows.</summary>
    public int Ordinal { get; init; }

    /// <summary>Whether the software GPU stands in for a real one: the same calls and kernels, executed on the CPU.</summary>
    public bool Software { get; init; }

    /// <summary>How products are computed; TF32 unless something else is asked for.</summary>
    public CudaPrecision Precision { get; init; } = CudaPrecision.Tf32;

    /// <summary>What computes products of few rows.</summary>
    public CudaProducts Products { get; init; } = CudaProducts.Automatic;

    /// <summary>What runs the loops over time.</summary>
    public CudaLoop Loop { get; init; } = CudaLoop.Steps;

    /// <summary>What runs the recurrences that have no channel; cuDNN is refused with bf16.</summary>
    public CudaRecurrence Recurrence { get; init; } = CudaRecurrence.Automatic;

    /// <summary>Whether recorded operations become one captured graph; otherwise each replay launches them one by one.</summary>
    public bool UseGraph { get; init; } = true;

    /// <summary>
    /// Whether kernels start before the one before them has ended (programmatic dependent launch), where the GPU, the driver and the kernels' code can.
    /// </summary>
    public bool StartEarly { get; init; } = true;

    /// <summary>Whether branches run beside the main line, on a stream of their own; otherwise in its order, with the same bits.</summary>
    public bool UseFork { get; init; } = true;
}
