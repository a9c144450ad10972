namespace VBiLstm.Cuda.Tests;

public class RecurrenceTests
{
    // A GPU's cuDNN may sum in any order: 6e-7 was measured on an H100 in float32, and more is no fault.
    [Theory]
    [InlineData(CudaPrecision.Fp32, 1e-5, 1e-4)]
    [InlineData(CudaPrecision.Tf32, 2e-2, 2e-2)]
    public void The_kernels_recurrences_agree_with_cudnn_s_on_any_shape(CudaPrecision precision, double tolerance, double toleranceOnHardware)
        => Assert.All(RecurrenceComparison.Run(Gpu.Options(precision: precision), 30, seed: 7),
            difference => Assert.True(difference.Worst.Error <= (Gpu.IsSoftware ? tolerance : toleranceOnHardware), $"{difference.Shape}: {difference.Worst}"));
}
