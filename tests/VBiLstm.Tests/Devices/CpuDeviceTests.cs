using System.Reflection;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Tests.Model;

namespace VBiLstm.Tests.Devices;

/// <summary>The tests of every device, on the CPU: operations.</summary>
[Trait("Runs", "without AVX2")]
public class CpuOperationTests : DeviceOperationTests
{
    protected override Device CreateDevice() => new CpuDevice(2);

    [Fact]
    public void Every_operation_is_tried_with_operands_that_do_not_fit()
    {
        const string Suffix = "Core";

        // Any tensor can be cleared; readbacks, recordings, branches and packed weights have tests of their own; bytes are counted without any.
        string[] others = [nameof(Device.Zero), nameof(Device.CreateReadback), nameof(Device.Record), nameof(Device.RefreshWeights),
            nameof(Device.Fork), nameof(Device.JoinBranches), nameof(Device.Join), nameof(Device.CheckJoins), nameof(Device.RecurrenceBytes)];
        var operations = typeof(Device).GetMethods(BindingFlags.Instance | BindingFlags.NonPublic)
            .Where(method => method.Name.EndsWith(Suffix, StringComparison.Ordinal)).Select(method => method.Name[..^Suffix.Length]).Distinct();
        Assert.Equal(operations.Except(others).Order(), OperationNames.Select(row => row.Data).Order());
    }
}

/// <summary>The tests of every device, on the CPU: golden vectors, in every vector width.</summary>
[Trait("Runs", "without AVX2")]
public class CpuOracleTests : DeviceOracleTests
{
    protected override IEnumerable<Func<Device>> Devices => SimdWidths.Supported.Select(width => new Func<Device>(() => new CpuDevice(2, width)));

    // Measured: worst 8.5e-7 over all cases and tensors.
    protected override double Tolerance => 1e-5;
}

/// <summary>The tests of every device, on the CPU: random configurations, all vector widths in turn.</summary>
[Trait("Runs", "without AVX2")]
public class CpuRandomConfigurationTests : DeviceRandomConfigurationTests
{
    protected override Device CreateDevice(int seed) => new CpuDevice(1 + seed % 2, SimdWidths.Supported[seed % SimdWidths.Supported.Count]);

    // Measured over these configurations: worst 3.2e-6, nearly all below 1e-6.
    protected override double Tolerance => 2e-5;
}

/// <summary>The tests of every device, on the CPU: shards of a batch.</summary>
public class CpuShardTests : DeviceShardTests
{
    protected override Device CreateDevice() => new CpuDevice(2);
}
