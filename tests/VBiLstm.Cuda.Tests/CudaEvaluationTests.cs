using VBiLstm.Devices;
using VBiLstm.Tests.Model;

namespace VBiLstm.Cuda.Tests;

/// <summary>The tests of every device, on a GPU: evaluations.</summary>
public class CudaEvaluationTests : DeviceEvaluationTests
{
    protected override Device CreateDevice(int seed) => Gpu.Create(seed % 2 == 0 ? CudaRecurrence.Cudnn : CudaRecurrence.Kernels);

    protected override double Tolerance => 2e-5;

    protected override bool BitsDependOnShapes => true;
}
