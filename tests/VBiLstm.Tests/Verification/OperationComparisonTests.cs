using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Verification;
using VBiLstm.Verification.Operations;

namespace VBiLstm.Tests.Verification;

/// <summary>Devices that are wrong, operation by operation.</summary>
public class OperationComparisonTests
{
    static IReadOnlyCollection<OperationDifference> Compare(Device device, RunConfiguration? configuration = null)
    {
        using var reference = new CpuDevice(1, SimdWidth.Vector128);
        return OperationComparison.Run(reference, device, configuration ?? VerificationModel.Configuration, VerificationModel.TimeSteps, steps: 3,
            cancellation: TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Model.DeviceRandomConfigurationTests.Kinds), MemberType = typeof(Model.DeviceRandomConfigurationTests))]
    public void Another_vector_width_agrees_in_every_operation(ModelKind kind)
    {
        using var device = new CpuDevice(2);
        var configuration = VerificationModel.Configuration;
        configuration = configuration with
        {
            Model = configuration.Model with { Kind = kind, OutputDistribution = OutputDistribution.Categorical, GeneratorInput = GeneratorInput.H },
        };
        var differences = Compare(device, configuration);
        Assert.All(differences, difference => Assert.True(difference.Agrees, difference.ToString()));
        Assert.Contains(differences, difference => difference.Operation == nameof(Device.AdamStep));
        Assert.Contains(differences, difference => difference.Operation == nameof(Device.WeightGradients) && difference.Elements > 0);
    }

    public static TheoryData<string, string> Mistakes => new()
    {
        { "noise off by one unit in the last place", "FillNormal" },
        { "psi's bias forgotten", "MultiplyLeakyRelu" },
        { "padding not masked in the backward LSTM", "LstmCellForward" },
        { "z takes the mean instead of a sample", "SampleGaussian" },
        { "recurrent gates not added", "LstmCellForward" },
        { "KL not halved", "GaussianKlForward" },
        { "not a number in a loss", "GaussianLogDensityForward" },
        { "sums not weighted", "WeightedSum" },
        { "gradient through h lost", "LstmCellBackward" },
        { "skip mask ignored", "LeakyRelu" },
        { "gradient norm too large", "GradientNorm" },
        { "Adam's second decay wrong", "AdamStep" },
        { "half the learning rate", "AdamStep" },
        { "packed weights never refreshed", "Multiply" },
    };

    // What follows from a mistake agrees again, for it starts from the device's own values.
    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_found_in_its_operation(string mistake, string operation)
    {
        var configuration = VerificationModel.Configuration with { Training = VerificationModel.Configuration.Training with { LearningRate = 0.02 } };
        using var device = SpoiltDevices.All[mistake]();
        var wrong = Compare(device, configuration).Where(difference => !difference.Agrees).ToList();
        Assert.NotEmpty(wrong);
        Assert.Contains(operation, wrong[0].Operation, StringComparison.Ordinal);
        Assert.NotEmpty(wrong[0].Worst);
        if (operation != "Multiply")
            Assert.All(wrong, difference => Assert.Contains(operation, difference.Operation, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_mistake_is_tried() => Assert.Equal(SpoiltDevices.All.Keys.Order(), Mistakes.Select(mistake => mistake.Data.Item1).Order());
}
