using VBiLstm.Devices.Counting;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Profiling;

/// <summary>What one phase of a training step asks of a GPU.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="LoopSteps">Time steps that it walks one after the other; 0 where it takes all at once.</param>
/// <param name="Operations">In their order.</param>
sealed record PhaseBudget(TrainingPhase Phase, int LoopSteps, IReadOnlyList<CountedOperation> Operations)
{
    public int Kernels { get; } = Operations.Sum(operation => operation.Kernels);

    /// <summary>Those that can start before the kernel before them has ended.</summary>
    public int EarlyStarts { get; } = Operations.Where(operation => operation.StartsEarly).Sum(operation => operation.Kernels);

    public long Bytes { get; } = Operations.Sum(operation => operation.Bytes);

    public double FloatingPointOperations { get; } = Operations.Sum(operation => operation.FloatingPointOperations);

    /// <summary>
    /// Whether a loop finds in L2 what it touches: where all the traffic of a time step is no more than fits, for the next step reads most of it again. What
    /// a time step touches more than once counts as often, and so the traffic is the most that it can be.
    /// </summary>
    public bool RunsFromL2(GpuSpecification gpu)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        return LoopSteps > 0 && (double)Bytes / LoopSteps <= gpu.L2Bytes;
    }

    /// <summary>As <see cref="GpuSpecification.Seconds"/>, one operation after the other.</summary>
    public double Seconds(GpuSpecification gpu, CudaPrecision precision, bool startEarly = false)
    {
        var fromL2 = RunsFromL2(gpu);
        return Operations.Sum(operation => gpu.Seconds(operation, precision, fromL2, startEarly));
    }
}
