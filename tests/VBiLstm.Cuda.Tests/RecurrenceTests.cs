namespace VBiLstm.Cuda.Tests;

public class RecurrenceTests
{
    [Theory]
    [InlineData(CudaPrecision.Fp32, 1e-5)]
    [InlineData(CudaPrecision.Tf32, 2e-2)]
    public void The_kernels_recurrences_agree_with_cudnn_s_on_any_shape(CudaPrecision precision, double tolerance)
        => Assert.All(RecurrenceComparison.Run(Gpu.Options(precision: precision), 24, seed: 7),
            difference => Assert.True(difference.Worst.Error <= tolerance, $"{difference.Shape}: {difference.Worst}"));
}
