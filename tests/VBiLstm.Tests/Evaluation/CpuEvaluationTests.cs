using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Tests.Model;

namespace VBiLstm.Tests.Evaluation;

/// <summary>The tests of every device, on the CPU: evaluations.</summary>
public class CpuEvaluationTests : DeviceEvaluationTests
{
    protected override Device CreateDevice(int seed) => new CpuDevice(1 + seed % 2, SimdWidths.Supported[seed % SimdWidths.Supported.Count]);

    protected override double Tolerance => 2e-5;

    protected override bool BitsDependOnShapes => false;
}
