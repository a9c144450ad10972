using VBiLstm.Configuration;

namespace VBiLstm.Cuda.Tests;

/// <summary>NVIDIA's libraries may refuse what they are asked: a training goes on by other means with the same bits, or says why it cannot.</summary>
[Collection(nameof(AloneOnTheGpu))]
public class RefusalTests
{
    static readonly int[] Lengths = [6, 6, 6, 3, 3, 3, 6];

    static T With<T>(string variable, int value, Func<T> run)
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told to refuse.");
        using (Gpu.Create(CudaRecurrence.Kernels))
            SoftwareGpu.Set(variable, value);
        try
        {
            return run();
        }
        finally
        {
            SoftwareGpu.Set(variable, 0);
        }
    }

    static (float[] Parameters, IReadOnlyList<string> Notices) Train(CudaRecurrence recurrence, ModelKind kind = ModelKind.VariationalBiLstm)
    {
        using var device = Gpu.Create(recurrence);
        return (SmallTraining.Train(device, kind, Lengths), device.Notices);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_product_that_cublaslt_refuses_is_cublas_s_and_the_bias_a_kernel_s(int refusal)
    {
        var expected = Train(CudaRecurrence.Kernels).Parameters;
        Assert.Equal(expected, With("SOFTGPU_FAIL_HEURISTIC", refusal, () => Train(CudaRecurrence.Kernels).Parameters));
    }

    [Theory]
    [InlineData("SOFTGPU_FAIL_CUDNN", 1, "CUDNN_STATUS_NOT_SUPPORTED")]
    [InlineData("SOFTGPU_FAIL_CUDNN", 2, "cudnnCreate failed")]
    [InlineData("SOFTGPU_CUDNN_CUDART_VERSION", 13000, "is built for CUDA 13, but cuBLAS is of CUDA 12")]
    public void A_cudnn_that_does_not_work_gives_way_to_the_kernels_unless_it_was_asked_for(string variable, int value, string why)
    {
        var expected = Train(CudaRecurrence.Kernels).Parameters;
        var (parameters, notices) = With(variable, value, () => Train(CudaRecurrence.Automatic));
        Assert.Equal(expected, parameters);
        var notice = Assert.Single(notices);
        Assert.Contains("cuDNN was found, but does not work", notice, StringComparison.Ordinal);
        Assert.Contains(why, notice, StringComparison.Ordinal);
        With(variable, value, () => Assert.Contains(why, Assert.ThrowsAny<CudaException>(() => Train(CudaRecurrence.Cudnn)).Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.BiLstm)]
    public void Spaces_of_cudnn_that_grow_where_sequences_shrink_change_no_bit(ModelKind kind)
    {
        var expected = Train(CudaRecurrence.Cudnn, kind).Parameters;
        Assert.Equal(expected, With("SOFTGPU_UNEVEN_CUDNN", 1, () => Train(CudaRecurrence.Cudnn, kind).Parameters));
    }

    [Fact]
    public void A_gpu_without_bf16_and_cudnn_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Gpu.Create(CudaRecurrence.Cudnn, CudaPrecision.Bf16));
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told what it is.");
        SoftwareGpu.Set("SOFTGPU_COMPUTE_CAPABILITY", 75);
        try
        {
            Assert.Contains("8.0", Assert.Throws<CudaException>(() => Gpu.Create(precision: CudaPrecision.Bf16)).Message, StringComparison.Ordinal);
        }
        finally
        {
            SoftwareGpu.Set("SOFTGPU_COMPUTE_CAPABILITY", 90);
        }
    }

    static bool With(string variable, int value, Action run) => With(variable, value, () =>
    {
        run();
        return true;
    });
}
