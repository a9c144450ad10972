using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Tests.Devices;
using VBiLstm.Verification;

namespace VBiLstm.Tests.Verification;

/// <summary>Devices that are wrong, that round otherwise, and that keep tensors to themselves.</summary>
public class DeviceComparisonTests
{
    static readonly RunConfiguration Small = VerificationModel.Configuration;

    static DeviceComparisonReport Compare(Device device, RunConfiguration configuration, ComparisonTolerances? tolerances = null, int steps = 3)
    {
        using var reference = new CpuDevice(1);
        return DeviceComparison.Run(reference, device, configuration, VerificationModel.TimeSteps, steps, tolerances ?? ComparisonTolerances.Fp32,
            TestContext.Current.CancellationToken);
    }

    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "noise off by one unit in the last place", nameof(ComparisonStage.Noise), "eps_z" },
        { "psi's bias forgotten", nameof(ComparisonStage.Forward), "psi.hidden" },
        { "padding not masked in the backward LSTM", nameof(ComparisonStage.Forward), "backward_gates" },
        { "z takes the mean instead of a sample", nameof(ComparisonStage.Forward), "z" },
        { "recurrent gates not added", nameof(ComparisonStage.Forward), "gates" },
        { "KL not halved", nameof(ComparisonStage.Forward), "kl" },
        { "not a number in a loss", nameof(ComparisonStage.Forward), "nll" },
        { "sums not weighted", nameof(ComparisonStage.Forward), "terms" },
        { "gradient through h lost", nameof(ComparisonStage.Backward), "grad.gates" },
        { "skip mask ignored", nameof(ComparisonStage.Backward), "grad.h.direct" },
        { "gradient norm too large", nameof(ComparisonStage.FirstUpdate), "gradient_norm" },
        { "Adam's second decay wrong", nameof(ComparisonStage.FirstUpdate), "second_moment.backward_lstm.weight_input" },
        { "half the learning rate", nameof(ComparisonStage.FirstUpdate), "update.backward_lstm.weight_input" },
        { "packed weights never refreshed", nameof(ComparisonStage.LastUpdate), "first_moment.backward_lstm.weight_input" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_caught_and_named_first(string mistake, string stage, string tensor)
    {
        // At h_0 = 0 nothing is added to the gates, and steps must be long enough for stale weights to matter.
        var configuration = Small with { Training = Small.Training with { LearningRate = 0.02 } };
        using var device = SpoiltDevices.All[mistake]();
        var report = Compare(device, configuration, steps: 5);
        Assert.False(report.Agrees);
        Assert.Equal((stage, tensor), (report.FirstDisagreement!.Stage.ToString(), report.FirstDisagreement.Name));
        Assert.True(report.FirstDisagreement.ToleranceUsed > 1);
    }

    [Fact]
    public void Every_mistake_is_tried() => Assert.Equal(SpoiltDevices.All.Keys.Order(), Mistakes.Select(mistake => mistake.Data.Item1).Order());

    [Fact]
    public void The_worst_element_is_named_by_time_row_and_column()
    {
        using var device = new OneWrongLogProbability(new CpuDevice(1), step: 7, row: 3);
        var first = Compare(device, Small, steps: 1).FirstDisagreement!;
        Assert.Equal("log_p_xi", first.Name);
        Assert.Equal([7, 3, 0], first.Worst);
        Assert.Equal(first.WorstValues.Reference + 1000f, first.WorstValues.Device);
        Assert.Equal(1000, first.MaximumError, 0.01);
    }

    [Theory]
    [InlineData(1e-6, true, true)]
    [InlineData(1e-3, false, true)]
    [InlineData(0.2, false, false)]
    public void Rounding_agrees_within_the_tolerances_of_its_size(double size, bool withinFp32, bool withinTf32)
    {
        using var device = new RoundingDevice(new CpuDevice(1), size);
        var report = Compare(device, Small);
        Assert.Equal(withinFp32, report.Agrees);
        Assert.True(report.Worst.Error > 0);
        using var again = new RoundingDevice(new CpuDevice(1), size);
        Assert.Equal(withinTf32, Compare(again, Small, ComparisonTolerances.Tf32).Agrees);
    }

    [Fact]
    public void A_unit_on_the_other_side_of_the_kink_is_no_disagreement()
    {
        using var reference = new BesideTheKink(new CpuDevice(1), 1e-6f);
        using var device = new BesideTheKink(new CpuDevice(1), -1e-6f);
        var report = DeviceComparison.Run(reference, device, Small, VerificationModel.TimeSteps, 1, ComparisonTolerances.Fp32,
            TestContext.Current.CancellationToken);
        Assert.True(report.Agrees, $"{report.FirstDisagreement}");
        Assert.Equal(1, report.UnitsAcrossKinks);
        Assert.Contains(report.Tensors, tensor => tensor.Stage == ComparisonStage.Backward && tensor.Error > ComparisonTolerances.Fp32.Gradient);
    }

    [Fact]
    public void What_a_device_keeps_to_itself_is_reported_and_is_no_disagreement()
    {
        using var device = new OpaqueDevice(new CpuDevice(1));
        var report = Compare(device, Small with { Model = Small.Model with { OutputDistribution = OutputDistribution.Categorical, VocabularySize = 9 } });
        Assert.True(report.Agrees, $"{report.FirstDisagreement}");
        Assert.Equal(["backward_gates", "backward_c", "backward_tanh_c", "embedded", "grad.backward_gates", "grad.embedded"],
            report.Tensors.Where(tensor => tensor.Verdict == Verdict.NotKept).Select(tensor => tensor.Name));
        Assert.Contains(report.Tensors, tensor => tensor is { Name: "backward_h", Verdict: Verdict.Agrees });
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.BiLstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Every_gradient_and_every_update_is_compared(ModelKind kind)
    {
        var model = Small.Model with { Kind = kind, GeneratorInput = GeneratorInput.H };
        using var device = new CpuDevice(1);
        var report = Compare(device, Small with { Model = model }, steps: 2);
        var names = new ParameterLayout(model).All.Select(parameter => parameter.Name).ToHashSet();
        IEnumerable<string> Of(ComparisonStage stage, string prefix)
            => report.Tensors.Where(tensor => tensor.Stage == stage && tensor.Name.StartsWith(prefix, StringComparison.Ordinal))
                .Select(tensor => tensor.Name[prefix.Length..]);
        Assert.True(names.IsSubsetOf(Of(ComparisonStage.Backward, "grad.")));
        foreach (var stage in new[] { ComparisonStage.FirstUpdate, ComparisonStage.LastUpdate })
            foreach (var prefix in new[] { "update.", "first_moment.", "second_moment." })
                Assert.True(names.SetEquals(Of(stage, prefix)), $"{stage} {prefix}");
    }

    // Adds to one value of log p_xi, the last of the two densities with tanh means that are summed with sign 1.
    sealed class OneWrongLogProbability(Device inner, int step, int row) : InLineDevice(inner)
    {
        int _calls;

        private protected override void GaussianLogDensityForwardCore(Tensor target, Tensor output, Tensor result, float sign, GaussianHead head)
        {
            base.GaussianLogDensityForwardCore(target, output, result, sign, head);
            if (sign < 0 || ++_calls != 2)
                return;
            var wrong = result.RowRange((step - 1) * Small.Training.BatchSize + row, 1);
            var value = new float[1];
            DownloadCore(wrong, value);
            UploadCore([value[0] + 1000f], wrong);
        }
    }

    // Every product is off by up to a share of itself, another for each element.
    sealed class RoundingDevice(Device inner, double size) : InLineDevice(inner)
    {
        readonly Random _random = new(1);

        private protected override void MultiplyCore(Tensor x, Weight w, Tensor bias, Tensor y, bool accumulate)
        {
            base.MultiplyCore(x, w, bias, y, accumulate);
            Round(y);
        }

        private protected override void MultiplyTransposedCore(Tensor dy, Weight w, Tensor dx, bool accumulate)
        {
            base.MultiplyTransposedCore(dy, w, dx, accumulate);
            Round(dx);
        }

        void Round(Tensor tensor)
        {
            var values = new float[tensor.Count];
            DownloadCore(tensor, values);
            UploadCore(Array.ConvertAll(values, value => (float)(value * (1 + size * (2 * _random.NextDouble() - 1)))), tensor);
        }
    }

    // Puts one hidden unit of the batched nets just above or below the kink.
    sealed class BesideTheKink(Device inner, float value) : InLineDevice(inner)
    {
        bool _done;

        private protected override void LeakyReluForwardCore(Tensor x, Tensor addend, Tensor y, LeakyRelu phi)
        {
            base.LeakyReluForwardCore(x, addend, y, phi);
            if (_done || y.Rows != VerificationModel.TimeSteps * Small.Training.BatchSize)
                return;
            UploadCore([value], y.RowRange(0, 1).ColumnRange(0, 1));
            _done = true;
        }
    }

    sealed class OpaqueDevice(Device inner) : DelegatingDevice(inner)
    {
        internal override bool OpaqueRecurrences => true;
    }
}
