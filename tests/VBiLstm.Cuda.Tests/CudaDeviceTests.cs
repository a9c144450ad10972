using VBiLstm.Devices;
using VBiLstm.Tests.Devices;
using VBiLstm.Tests.Model;

namespace VBiLstm.Cuda.Tests;

/// <summary>The tests of every device, on a GPU: operations.</summary>
[Trait("Runs", "over ManagedCuda")]
public class CudaOperationTests : DeviceOperationTests
{
    protected override Device CreateDevice() => Gpu.Create();
}

/// <summary>The tests of every device, on a GPU: operations in TF32, of operands that it holds, whose products are those of float32.</summary>
public class CudaTf32OperationTests : DeviceOperationTests
{
    protected override Device CreateDevice() => Gpu.Create(CudaRecurrence.Kernels, CudaPrecision.Tf32);

    protected override int StoredBits => 10;
}

/// <summary>The tests of every device, on a GPU: golden vectors, with cuDNN's recurrences and the kernels' own.</summary>
[Trait("Runs", "over ManagedCuda")]
public class CudaOracleTests : DeviceOracleTests
{
    protected override IEnumerable<Func<Device>> Devices =>
    [
        () => Gpu.Create(CudaRecurrence.Cudnn),
        () => Gpu.Create(CudaRecurrence.Kernels),
    ];

    protected override double Tolerance => 1e-5;
}

/// <summary>The tests of every device, on a GPU: random configurations.</summary>
public class CudaRandomConfigurationTests : DeviceRandomConfigurationTests
{
    protected override Device CreateDevice(int seed) => Gpu.Create(seed % 2 == 0 ? CudaRecurrence.Cudnn : CudaRecurrence.Kernels);

    protected override double Tolerance => 2e-5;
}

/// <summary>The tests of every device, on a GPU: shards of a batch.</summary>
public class CudaShardTests : DeviceShardTests
{
    protected override Device CreateDevice() => Gpu.Create();
}
