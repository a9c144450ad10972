using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Verification;

namespace VBiLstm.Tests.Verification;

/// <summary>What <c>vbilstm verify</c> does, on a device.</summary>
public abstract class DeviceVerificationTests
{
    // The first finds the optimiser's moments at zero, the second what the first left, the third as every later one.
    const int Steps = 3;

    /// <summary>Makes every kind of the device under test with its tolerances, one after the other.</summary>
    private protected abstract IEnumerable<(Func<Device> Create, ComparisonTolerances Tolerances)> Devices { get; }

    public static TheoryData<ModelKind, OutputDistribution> Models()
    {
        var models = new TheoryData<ModelKind, OutputDistribution>();
        foreach (var kind in Enum.GetValues<ModelKind>())
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                models.Add(kind, distribution);
        return models;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Training_steps_agree_with_the_reference(ModelKind kind, OutputDistribution distribution)
    {
        var small = VerificationModel.Configuration;
        var input = kind == ModelKind.VariationalBiLstm ? GeneratorInput.HZBTilde : GeneratorInput.H;
        var configuration = small with { Model = small.Model with { Kind = kind, OutputDistribution = distribution, GeneratorInput = input } };
        foreach (var (create, tolerances) in Devices)
        {
            using var device = create();
            using var reference = new CpuDevice(1, SimdWidth.Vector128);
            var report = DeviceComparison.Run(reference, device, configuration, VerificationModel.TimeSteps, Steps, tolerances,
                TestContext.Current.CancellationToken);
            Assert.True(report.Agrees, $"{report.Device}: {report.FirstDisagreement}");
        }
    }
}
