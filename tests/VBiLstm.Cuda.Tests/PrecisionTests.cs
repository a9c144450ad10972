using VBiLstm.Devices;
using VBiLstm.Tests.Devices;

namespace VBiLstm.Cuda.Tests;

public class PrecisionTests
{
    [Theory]
    [InlineData(CudaPrecision.Tf32)]
    [InlineData(CudaPrecision.Fp32)]
    public void Products_have_the_precision_that_was_asked_for(CudaPrecision precision)
    {
        const int n = 64;
        using var device = Gpu.Create(precision: precision);
        using var tensors = new TestTensors(device, 1);

        // 1 + 2^-12 has 12 bits behind the point; TF32 keeps 10. It is allowed to NVIDIA's libraries, which may be more exact, as for vectors.
        var exact = 1 + MathF.ScaleB(1, -12);
        var least = precision == CudaPrecision.Tf32 ? 1 : exact;
        var most = precision == CudaPrecision.Tf32 && Gpu.IsSoftware ? 1 : exact;
        var (x, w, bias, y) = (tensors.Flat(n * n, _ => exact), tensors.Flat(n * n, i => i % (n + 1) == 0 ? 1 : 0), tensors.Flat(n, _ => 0),
            tensors.Flat(n * n, _ => 0));
        using var weight = device.CreateWeight(new Tensor(w.Address, n, n, n), WeightUse.Forward);
        foreach (var withBias in new[] { false, true })
        {
            device.Multiply(new Tensor(x.Address, n, n, n), weight, withBias ? bias : default, new Tensor(y.Address, n, n, n), accumulate: false);
            Assert.All(tensors.ReadSingles(y), value => Assert.InRange(value, least, most));
        }
    }
}
