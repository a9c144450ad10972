using VBiLstm.Devices;

namespace VBiLstm.Cuda;

public sealed unsafe partial class CudaDevice
{
    // As many partial sums whatever the GPU, so that a norm has the same bits on all of them; no block without elements.
    const int MaximumPartialSums = 256, ReductionThreads = 256, SquaresPerBlock = 4 * ReductionThreads;

    // The sums of slices need more than those of a norm.
    const int ScratchBytes = MaximumSliceSums * sizeof(float);
    const int AdamElementsPerBlock = 1024, MaximumAdamBlocks = 65535;

    private protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result)
    {
        var arguments = stackalloc void*[] { &values, &w, &result };
        Launch(_kernels.WeightedSum, 1, 1, ReductionThreads, 1, arguments);
    }

    private protected override void GradientNormCore(Tensor gradients, Tensor result)
    {
        var partial = _current.Scratch;
        var squares = stackalloc void*[] { &gradients, &partial };
        var sums = (int)Math.Min(CeilingDivide(gradients.Columns, SquaresPerBlock), MaximumPartialSums);
        Launch(_kernels.SumOfSquares, (uint)sums, 1, ReductionThreads, 1, squares);
        var arguments = stackalloc void*[] { &partial, &sums, &result };
        Launch(_kernels.GradientNorm, 1, 1, ReductionThreads, 1, arguments);
    }

    private protected override void AdamStepCore(Tensor parameters, Tensor gradients, Tensor firstMoments, Tensor secondMoments, in AdamArguments arguments)
    {
        var adam = arguments;
        if (adam.HaltOnNonFinite)
        {
            var guard = stackalloc void*[] { &adam };
            Launch(_kernels.AdamGuard, 1, 1, 1, 1, guard);
        }

        var launch = stackalloc void*[] { &parameters, &gradients, &firstMoments, &secondMoments, &adam };
        Launch(_kernels.AdamStep, (uint)Math.Min(CeilingDivide(parameters.Columns, AdamElementsPerBlock), MaximumAdamBlocks), 1, ReductionThreads, 1, launch);
    }
}
