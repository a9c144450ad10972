using VBiLstm.Devices;
using VBiLstm.Tests.Verification;
using VBiLstm.Verification;

namespace VBiLstm.Cuda.Tests;

/// <summary>What <c>vbilstm verify</c> does, on a GPU: both recurrences and both precisions.</summary>
public class CudaVerificationTests : DeviceVerificationTests
{
    private protected override IEnumerable<(Func<Device>, ComparisonTolerances)> Devices =>
    [
        (() => Gpu.Create(CudaRecurrence.Cudnn), ComparisonTolerances.Fp32),
        (() => Gpu.Create(CudaRecurrence.Kernels), ComparisonTolerances.Fp32),
        (() => Gpu.Create(CudaRecurrence.Cudnn, CudaPrecision.Tf32), ComparisonTolerances.Tf32),
        (() => Gpu.Create(CudaRecurrence.Kernels, CudaPrecision.Tf32, graph: false), ComparisonTolerances.Tf32),
    ];
}
