using VBiLstm.Configuration;

namespace VBiLstm.Cuda.Profiling;

/// <summary>One training step in each precision of products.</summary>
/// <param name="Float32">Float32, and TF32 with all products by the library.</param>
/// <param name="Tf32">Products of few rows by the project's kernels.</param>
/// <param name="Bf16">Products of few rows by the project's kernels.</param>
/// <param name="Bf16Library">All products by the library.</param>
/// <param name="Bf16Resident">As <paramref name="Bf16"/>, with the loops over time resident where the GPU has room; null without a GPU that does.</param>
sealed record PrecisionBudgets(StepBudget Float32, StepBudget Tf32, StepBudget Bf16, StepBudget Bf16Library, StepBudget? Bf16Resident)
{
    /// <summary>Bytes of the parameters' operands in bf16.</summary>
    public long OperandBytes => Bf16.Memory.ParameterBytes - Float32.Memory.ParameterBytes;

    /// <inheritdoc cref="StepBudget.Count"/>
    public static PrecisionBudgets Count(RunConfiguration configuration, int timeSteps, GpuSpecification? gpu = null) => new(
        StepBudget.Count(configuration, timeSteps, CudaPrecision.Fp32),
        StepBudget.Count(configuration, timeSteps, CudaPrecision.Tf32),
        StepBudget.Count(configuration, timeSteps, CudaPrecision.Bf16),
        StepBudget.Count(configuration, timeSteps, CudaPrecision.Bf16, CudaProducts.Library),
        gpu is not null && gpu.Has(CudaPrecision.Bf16) && StepBudget.Count(configuration, timeSteps, CudaPrecision.Bf16, residentOn: gpu)
            is { HasResidentLoop: true } resident ? resident : null);
}
