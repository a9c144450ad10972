using VBiLstm.Devices.Counting;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Profiling;

/// <summary>What one phase of a training step asks of a GPU.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="LoopSteps">Time steps that it walks one after the other; 0 where it takes all at once.</param>
/// <param name="Operations">In their order.</param>
public sealed record PhaseBudget(TrainingPhase Phase, int LoopSteps, IReadOnlyList<CountedOperation> Operations)
{
    public int Kernels { get; } = Operations.Sum(operation => operation.Kernels);

    public long Bytes { get; } = Operations.Sum(operation => operation.Bytes);

    public double FloatingPointOperations { get; } = Operations.Sum(operation => operation.FloatingPointOperations);

    /// <summary>As <see cref="GpuSpecification.Seconds"/>, one operation after the other.</summary>
    public double Seconds(GpuSpecification gpu, bool tensorCores)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        return Operations.Sum(operation => gpu.Seconds(operation, tensorCores));
    }
}
