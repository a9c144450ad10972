using VBiLstm.Configuration;
using VBiLstm.Cuda.Profiling;
using VBiLstm.Devices.Counting;

namespace VBiLstm.Cuda.Tests.Profiling;

/// <summary>Each of the three limits by hand, on a GPU of round figures.</summary>
public class GpuSpecificationTests
{
    static readonly GpuSpecification Gpu = new("round", "Round", 1000, 10, 100, 50, new NodeLink("NVLink", 100));

    [Theory]
    [InlineData(1, 1_000_000_000, 1e9, 1e-3)]
    [InlineData(1, 1_000_000, 1e12, 1e-1)]
    [InlineData(3, 1000, 1e3, 6e-6)]
    public void The_longest_of_memory_arithmetic_and_starts(int kernels, long bytes, double operations, double seconds)
        => Assert.Equal(seconds, Gpu.Seconds(new CountedOperation("any", kernels, bytes, operations), tensorCores: false), 1e-12);

    [Fact]
    public void Tensor_cores_are_used_where_there_are_any()
    {
        var product = new CountedOperation("product", 1, 1000, 1e12);
        Assert.Equal(1e-2, Gpu.Seconds(product, tensorCores: true), 1e-12);
        Assert.Equal(1e-1, (Gpu with { Tf32Teraflops = null }).Seconds(product, tensorCores: true), 1e-12);
    }

    [Fact]
    public void Names_are_found_or_the_nearest_is_named()
    {
        Assert.All(GpuSpecification.All, gpu => Assert.Same(gpu, GpuSpecification.Get(gpu.Name)));
        Assert.Contains("did you mean a100-80", Assert.Throws<ConfigurationException>(() => GpuSpecification.Get("a100-81")).Message, StringComparison.Ordinal);
    }
}
