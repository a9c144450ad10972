using VBiLstm.Configuration;
using VBiLstm.Devices;

namespace VBiLstm.Cuda.Tests;

/// <summary>Kernels that start before the one before them has ended: the same bits, and only where all that it takes is there.</summary>
[Collection(nameof(AloneOnTheGpu))]
public class EarlyStartTests
{
    static readonly int[] Lengths = [5, 5, 5, 3, 3];

    static CudaDevice Create(CudaPrecision precision, bool graph, bool startEarly)
        => new(Gpu.OptionsOfKernels(CudaRecurrence.Automatic, precision, graph) with { StartEarly = startEarly });

    static float[] Train(ModelKind kind, CudaPrecision precision, bool graph, bool startEarly, out long earlyStarts)
    {
        using var device = Create(precision, graph, startEarly);
        var parameters = SmallTraining.Train(device, kind, Lengths, [4, 4]);
        earlyStarts = device.EarlyStarts;
        return parameters;
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, CudaPrecision.Fp32)]
    [InlineData(ModelKind.VariationalBiLstm, CudaPrecision.Bf16)]
    [InlineData(ModelKind.Srnn, CudaPrecision.Tf32)]
    [InlineData(ModelKind.Lstm, CudaPrecision.Bf16)]
    [InlineData(ModelKind.TwinNet, CudaPrecision.Bf16)]
    public void They_change_no_bit_with_and_without_a_graph_whatever_starts_first(ModelKind kind, CudaPrecision precision)
    {
        var expected = Train(kind, precision, graph: true, startEarly: false, out var none);
        Assert.Equal(0, none);
        try
        {
            for (var seed = 0; seed <= (Gpu.IsSoftware ? 4 : 0); seed++)
            {
                foreach (var graph in new[] { true, false })
                {
                    if (Gpu.IsSoftware)
                        SoftwareGpu.Seed(seed);
                    Assert.Equal(expected, Train(kind, precision, graph, startEarly: true, out var earlyStarts));

                    // A real GPU may be too old.
                    Assert.True(earlyStarts > 0 || !Gpu.IsSoftware);
                }
            }
        }
        finally
        {
            if (Gpu.IsSoftware)
                SoftwareGpu.Seed(0);
        }
    }

    [Fact]
    public void A_loop_of_thin_products_starts_early_but_for_its_first_kernel()
    {
        const int rows = 4, units = 32, steps = 6;
        Assert.SkipUnless(Gpu.IsSoftware, "A real GPU may be too old.");
        using var device = Create(CudaPrecision.Bf16, graph: false, startEarly: true);
        using var arena = Arena.Create(device, "a loop", a => (X: a.Take(rows, units, Readers.All), W: a.Take(units, units, Readers.All),
            Bias: a.Take(1, units), Y: a.Take(rows, units, Readers.All)), out var at);
        using var weight = device.CreateWeight(at.W, WeightUse.Forward);
        var phi = new LeakyRelu(0.1f, 10);
        void Loop()
        {
            for (var step = 0; step < steps; step++)
                device.MultiplyLeakyRelu(step % 2 == 0 ? at.X : at.Y, weight, at.Bias, step % 2 == 0 ? at.Y : at.X, phi);
        }

        long EarlyStarts(Action operations)
        {
            var before = device.EarlyStarts;
            operations();
            return device.EarlyStarts - before;
        }

        Assert.Equal(steps - 1, EarlyStarts(Loop));

        // The kernel before writes weights: what fetches them does not start before it has ended, and so neither does what follows.
        device.Upload(new float[units], at.Bias);
        Assert.Equal(steps - 1, EarlyStarts(() =>
        {
            device.Add(at.W, at.Bias, at.W);
            Loop();
        }));

        // Two that fetch nothing may.
        Assert.Equal(1, EarlyStarts(() =>
        {
            device.Upload(new float[units], at.Bias);
            device.Add(at.Y, at.Bias, at.Y);
            device.Add(at.Y, at.Bias, at.Y);
        }));
    }

    [Theory]
    [InlineData("SOFTGPU_COMPUTE_CAPABILITY", 89, 90, "compute capability is below 9.0")]
    [InlineData("SOFTGPU_DRIVER_VERSION", 12020, 12040, "CUDA 12.2")]
    [InlineData("SOFTGPU_KERNEL_ARCHITECTURE", 80, 0, "compiled for compute capability 8.0")]
    public void Where_something_is_too_old_the_device_says_so_and_computes_the_same(string variable, int value, int usual, string why)
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told what it is.");
        var expected = Train(ModelKind.VariationalBiLstm, CudaPrecision.Bf16, graph: true, startEarly: true, out var earlyStarts);
        Assert.NotEqual(0, earlyStarts);
        SoftwareGpu.Set(variable, value);
        try
        {
            Assert.Equal(expected, Train(ModelKind.VariationalBiLstm, CudaPrecision.Bf16, graph: true, startEarly: true, out earlyStarts));
            Assert.Equal(0, earlyStarts);
            using var device = Create(CudaPrecision.Fp32, graph: true, startEarly: true);
            Assert.Contains(why, device.NoEarlyStarts, StringComparison.Ordinal);
            Assert.DoesNotContain("early", device.Name, StringComparison.Ordinal);
        }
        finally
        {
            SoftwareGpu.Set(variable, usual);
        }
    }
}
