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
        using var device = Gpu.Create(precision: precision);
        using var tensors = new TestTensors(device, 1);

        // 1 + 2^-12 has 12 bits behind the point; TF32 keeps 10.
        var (x, w, bias, y) = (tensors.Flat(8, _ => 1 + Math.ScaleB(1, -12)), tensors.Flat(64, i => i % 9 == 0 ? 1 : 0), tensors.Flat(8, _ => 0),
            tensors.Flat(8, _ => 0));
        using var weight = device.CreateWeight(new Tensor(w.Address, 8, 8, 8), WeightUse.Forward);
        foreach (var withBias in new[] { false, true })
        {
            device.Multiply(x, weight, withBias ? bias : default, y, accumulate: false);
            Assert.All(tensors.ReadSingles(y), value => Assert.Equal(precision == CudaPrecision.Tf32 ? 1f : 1 + MathF.ScaleB(1, -12), value));
        }
    }
}
