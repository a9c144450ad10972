using VBiLstm.Cuda.Interop;

namespace VBiLstm.Cuda;

/// <summary>A kernel of native/kernels.</summary>
/// <param name="Function">Its handle; 0: none.</param>
/// <param name="Name">Its name.</param>
/// <param name="FetchesWeights">Whether it reads weights before it waits for the kernels before it; such a kernel writes none.</param>
/// <param name="SharedBytes">Shared memory that a launch asks for.</param>
readonly record struct Kernel(nint Function, string Name, bool FetchesWeights = false, uint SharedBytes = 0);

/// <summary>The kernels of native/kernels, loaded from one image into the current context.</summary>
sealed class KernelModule : IDisposable
{
    // thin_bytes of native/kernels/thin_product.cuh.
    const int ThinSharedBytes = 96 << 10;

    readonly nint _module;

    /// <param name="image">For this GPU among others.</param>
    /// <param name="precision">Which of the kernels of products of few rows.</param>
    /// <param name="hasThinKernels">Whether those are launched.</param>
    /// <param name="deviceName">For messages.</param>
    /// <exception cref="CudaException">The image cannot be loaded on this GPU, or lacks a kernel.</exception>
    public KernelModule(byte[] image, CudaPrecision precision, bool hasThinKernels, string deviceName)
    {
        CudaStatus.Check(CudaDriver.ModuleLoadData(out _module, image), "cuModuleLoadData", $"loading the kernels on {deviceName}");
        try
        {
            Zero = Find("zero");
            Copy = Find("copy");
            MaskRows = Find("mask_rows");
            Transpose = Find("transpose");
            GatherSteps = Find("gather_steps");
            SequenceLengths = Find("sequence_lengths");
            ColumnSums = Find("column_sums");
            WeightedSum = Find("weighted_sum");
            SumOfSquares = Find("sum_of_squares");
            GradientNorm = Find("gradient_norm");
            AdamGuard = Find("adam_guard");
            AdamStep = Find("adam_step");
            LstmCellForward = Find("lstm_cell_forward");
            LstmCellBackward = Find("lstm_cell_backward");
            LeakyReluForward = Find("leaky_relu_forward");
            LeakyReluBackward = Find("leaky_relu_backward");
            MultiplyLeakyRelu = Find("multiply_leaky_relu");
            SampleGaussianForward = Find("sample_gaussian_forward");
            SampleGaussianBackward = Find("sample_gaussian_backward");
            GaussianKlForward = Find("gaussian_kl_forward");
            GaussianKlBackward = Find("gaussian_kl_backward");
            GaussianLogDensityForward = Find("gaussian_log_density_forward");
            GaussianLogDensityBackward = Find("gaussian_log_density_backward");
            BernoulliNllForward = Find("bernoulli_nll_forward");
            BernoulliNllBackward = Find("bernoulli_nll_backward");
            CategoricalNllForward = Find("categorical_nll_forward");
            CategoricalNllBackward = Find("categorical_nll_backward");
            SquaredNormForward = Find("squared_norm_forward");
            SquaredNormBackward = Find("squared_norm_backward");
            EmbeddingForward = Find("embedding_forward");
            EmbeddingBackward = Find("embedding_backward");
            FillNormal = Find("fill_normal");
            FillBernoulli = Find("fill_bernoulli");
            Add = Find("add");
            MultiplyElements = Find("multiply_elements");
            Mix = Find("mix");
            MixBackward = Find("mix_backward");
            NormStabiliserForward = Find("norm_stabiliser_forward");
            NormStabiliserBackward = Find("norm_stabiliser_backward");
            DistanceForward = Find("distance_forward");
            DistanceBackward = Find("distance_backward");
            GaussianMixtureNllForward = Find("gaussian_mixture_nll_forward");
            GaussianMixtureNllBackward = Find("gaussian_mixture_nll_backward");
            AddNormal = Find("add_normal");
            ThinMultiplyLeakyRelu = FindThin("thin_multiply_leaky_relu", precision, hasThinKernels);
            ThinMultiplySampleGaussian = FindThin("thin_multiply_sample_gaussian", precision, hasThinKernels);
            ThinMultiplyLstmCellForward = FindThin("thin_multiply_lstm_cell_forward", precision, hasThinKernels);
            ThinMultiplyTransposed = FindThin("thin_multiply_transposed", precision, hasThinKernels);
            ThinMultiplyTransposedSampleGaussian = FindThin("thin_multiply_transposed_sample_gaussian", precision, hasThinKernels);
            ThinMultiplyTransposedLeakyRelu = FindThin("thin_multiply_transposed_leaky_relu", precision, hasThinKernels);
            VariationalLoopForward = Find("variational_loop_forward");
            VariationalLoopBackward = Find("variational_loop_backward");
            ThinMultiplyTransposedLstmCellBackward = FindThin("thin_multiply_transposed_lstm_cell_backward", precision, hasThinKernels);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Kernel Zero { get; }

    public Kernel Copy { get; }

    public Kernel MaskRows { get; }

    public Kernel Transpose { get; }

    public Kernel GatherSteps { get; }

    public Kernel SequenceLengths { get; }

    public Kernel ColumnSums { get; }

    public Kernel WeightedSum { get; }

    public Kernel SumOfSquares { get; }

    public Kernel GradientNorm { get; }

    public Kernel AdamGuard { get; }

    public Kernel AdamStep { get; }

    public Kernel LstmCellForward { get; }

    public Kernel LstmCellBackward { get; }

    public Kernel LeakyReluForward { get; }

    public Kernel LeakyReluBackward { get; }

    public Kernel MultiplyLeakyRelu { get; }

    public Kernel SampleGaussianForward { get; }

    public Kernel SampleGaussianBackward { get; }

    public Kernel GaussianKlForward { get; }

    public Kernel GaussianKlBackward { get; }

    public Kernel GaussianLogDensityForward { get; }

    public Kernel GaussianLogDensityBackward { get; }

    public Kernel BernoulliNllForward { get; }

    public Kernel BernoulliNllBackward { get; }

    public Kernel CategoricalNllForward { get; }

    public Kernel CategoricalNllBackward { get; }

    public Kernel SquaredNormForward { get; }

    public Kernel SquaredNormBackward { get; }

    public Kernel EmbeddingForward { get; }

    public Kernel EmbeddingBackward { get; }

    public Kernel FillNormal { get; }

    public Kernel FillBernoulli { get; }

    public Kernel Add { get; }

    public Kernel MultiplyElements { get; }

    public Kernel Mix { get; }

    public Kernel MixBackward { get; }

    public Kernel NormStabiliserForward { get; }

    public Kernel NormStabiliserBackward { get; }

    public Kernel DistanceForward { get; }

    public Kernel DistanceBackward { get; }

    public Kernel GaussianMixtureNllForward { get; }

    public Kernel GaussianMixtureNllBackward { get; }

    public Kernel AddNormal { get; }

    public Kernel VariationalLoopForward { get; }

    public Kernel VariationalLoopBackward { get; }

    public Kernel ThinMultiplyLeakyRelu { get; }

    public Kernel ThinMultiplySampleGaussian { get; }

    public Kernel ThinMultiplyLstmCellForward { get; }

    public Kernel ThinMultiplyTransposed { get; }

    public Kernel ThinMultiplyTransposedSampleGaussian { get; }

    public Kernel ThinMultiplyTransposedLeakyRelu { get; }

    public Kernel ThinMultiplyTransposedLstmCellBackward { get; }

    /// <summary>10 · major + minor of the compute capability that the kernels were compiled for, which may be older than the GPU's.</summary>
    public int Architecture
    {
        get
        {
            CudaStatus.Check(CudaDriver.FuncGetAttribute(out var version, FunctionAttribute.PtxVersion, Zero.Function), "cuFuncGetAttribute",
                "asking what the kernels were compiled for");
            return version;
        }
    }

    // Those of bf16 have no ending; in float32 none is launched.
    Kernel FindThin(string name, CudaPrecision precision, bool isLaunched)
    {
        var kernel = Find(precision == CudaPrecision.Tf32 ? $"{name}_tf32" : name) with { FetchesWeights = true, SharedBytes = ThinSharedBytes };
        if (isLaunched)
        {
            CudaStatus.Check(CudaDriver.FuncSetAttribute(kernel.Function, FunctionAttribute.MaximumDynamicSharedBytes, ThinSharedBytes), "cuFuncSetAttribute",
                $"asking for {ThinSharedBytes >> 10} KB of shared memory for a block of {kernel.Name}");
        }

        return kernel;
    }

    Kernel Find(string name)
    {
        CudaStatus.Check(CudaDriver.ModuleGetFunction(out var function, _module, name), "cuModuleGetFunction", $"looking for the kernel {name}");
        return new Kernel(function, name);
    }

    public void Dispose() => _ = CudaDriver.ModuleUnload(_module);
}
