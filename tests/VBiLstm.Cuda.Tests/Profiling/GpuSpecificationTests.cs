using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Devices.Counting;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Tests.Profiling;

/// <summary>Each of the three limits by hand, on a GPU of round figures.</summary>
public class GpuSpecificationTests
{
    static readonly GpuSpecification Gpu = new("round", "Round", 1000, 10, 100, 200, 50, 5000, new NodeLink("NVLink", 100), 100, 100);

    [Theory]
    [InlineData(1, 1_000_000_000, 1e9, 1e-3)]
    [InlineData(1, 1_000_000, 1e12, 1e-1)]
    [InlineData(3, 1000, 1e3, 6e-6)]
    public void The_longest_of_memory_arithmetic_and_starts(int kernels, long bytes, double operations, double seconds)
        => Assert.Equal(seconds, Gpu.Seconds(new CountedOperation("any", kernels, bytes, operations), CudaPrecision.Fp32), 1e-12);

    [Theory]
    [InlineData(true, true, 3e-6)]
    [InlineData(true, false, 6e-6)]
    [InlineData(false, true, 6e-6)]
    public void A_kernel_that_starts_early_takes_half_as_long_to_start(bool canStartEarly, bool startEarly, double seconds)
        => Assert.Equal(seconds, Gpu.Seconds(new CountedOperation("any", 3, 1000, 1e3, canStartEarly), CudaPrecision.Fp32, startEarly: startEarly), 1e-12);

    // A million bytes take a microsecond.
    [Fact]
    public void Barriers_of_the_grid_come_on_top()
        => Assert.Equal(1e-6 + (10 * 1.5e-6), Gpu.Seconds(new CountedOperation("loop", 1, 1_000_000, 0, GridBarriers: 10), CudaPrecision.Bf16), 1e-12);

    [Fact]
    public void Tensor_cores_are_used_where_there_are_any()
    {
        var product = new CountedOperation("product", 1, 1000, 1e12);
        Assert.Equal(1e-2, Gpu.Seconds(product, CudaPrecision.Tf32), 1e-12);
        Assert.Equal(1e-1, (Gpu with { Tf32Teraflops = null }).Seconds(product, CudaPrecision.Tf32), 1e-12);
    }

    [Fact]
    public void Bf16_has_a_rate_of_its_own_or_none()
    {
        var product = new CountedOperation("product", 1, 1000, 1e12);
        Assert.Equal(5e-3, Gpu.Seconds(product, CudaPrecision.Bf16), 1e-12);
        Assert.True(Gpu.Has(CudaPrecision.Bf16));
        Assert.False(GpuSpecification.Get("v100").Has(CudaPrecision.Bf16));
    }

    // 50 MB at 5 TB/s; more than that is in memory, at 1 TB/s.
    [Theory]
    [InlineData(50_000_000, true, 1e-5)]
    [InlineData(50_000_000, false, 5e-5)]
    [InlineData(60_000_000, true, 6e-5)]
    public void Operands_come_from_L2_where_they_fit(long bytes, bool fromL2, double seconds)
        => Assert.Equal(seconds, Gpu.Seconds(new CountedOperation("any", 1, bytes, 0), CudaPrecision.Tf32, fromL2), 1e-12);

    [Theory]
    [InlineData(3, 3 * 40_000_000L, true)]
    [InlineData(2, 3 * 40_000_000L, false)]
    [InlineData(0, 1000, false)]
    public void A_loop_runs_from_L2_where_a_time_step_fits(int loopSteps, long bytes, bool fits)
    {
        var quarter = new CountedOperation("quarter", 1, bytes / 4, 0);
        var phase = new PhaseBudget(TrainingPhase.F3, loopSteps, [quarter, quarter, quarter, quarter]);
        Assert.Equal(fits, phase.RunsFromL2(Gpu));
        Assert.Equal(Math.Max(4 * 2e-6, bytes / (fits ? 5e12 : 1e12)), phase.Seconds(Gpu, CudaPrecision.Bf16), 1e-12);
    }

    [Fact]
    public void Names_are_found_or_the_nearest_is_named()
    {
        Assert.All(GpuSpecification.All, gpu => Assert.Same(gpu, GpuSpecification.Get(gpu.Name)));
        Assert.Contains("did you mean a100-80", Assert.Throws<ConfigurationException>(() => GpuSpecification.Get("a100-81")).Message, StringComparison.Ordinal);
    }
}
