using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Verification;

namespace VBiLstm.Tests.Verification;

/// <summary>What <c>vbilstm verify</c> does, on the CPU in every vector width.</summary>
public class CpuVerificationTests : DeviceVerificationTests
{
    private protected override IEnumerable<(Func<Device>, ComparisonTolerances)> Devices
        => SimdWidths.Supported.Select(width => (new Func<Device>(() => new CpuDevice(2, width)), ComparisonTolerances.Fp32));
}
