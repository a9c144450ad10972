using VBiLstm.Configuration;
using VBiLstm.Tests.Oracle;

namespace VBiLstm.Tests.Reference;

/// <summary>The double reference against libtorch's autograd (the golden vectors) and against finite differences.</summary>
public class ReferenceTests
{
    const double Tolerance = 1e-9;

    [Theory]
    [MemberData(nameof(OracleCases.Files), MemberType = typeof(OracleCases))]
    public void Every_value_loss_and_gradient_agrees(string file)
    {
        var oracle = new OracleCase(file);
        var parameters = ReferenceParameters.Of(oracle);
        var reference = ReferenceModel.Evaluate(oracle.Model, parameters, ReferenceInputs.Of(oracle));
        reference.Total.Backward();
        foreach (var name in oracle.Expectations)
            Comparison.Within(Tolerance, name, Actual(name, oracle, reference, parameters), oracle.Tensor(name), oracle.RowValidity(name));
    }

    static double[] Actual(string name, OracleCase oracle, ReferenceModel reference, Dictionary<string, Variable> parameters)
    {
        var shortName = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
        return name switch
        {
            "loss.total" => reference.Total.Value,
            "bound.mean" => [reference.Bound.Average()],
            "bound.per_sequence" => reference.Bound,
            "value.embedded" => [.. reference.Embedded.SelectMany(step => step.Value)],
            "grad.h0" => reference.H0.Gradient,
            "grad.c0" => reference.C0.Gradient,
            "grad.embedded" => [.. reference.Embedded.SelectMany(step => step.Gradient)],
            "grad.output" or "grad.z" => reference.Sequence(shortName, step => step.Gradient),
            "grad.b_tilde" => reference.Sequence(shortName, step => step.Gradient),
            _ when name.StartsWith("grad.", StringComparison.Ordinal) => parameters[shortName].Gradient,
            _ => reference.Sequence(shortName),
        };
    }

    public static TheoryData<ModelKind, OutputDistribution> KindsAndDistributions()
    {
        var data = new TheoryData<ModelKind, OutputDistribution>();
        foreach (var kind in Enum.GetValues<ModelKind>())
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                data.Add(kind, distribution);
        return data;
    }

    [Theory]
    [MemberData(nameof(KindsAndDistributions))]
    public void Gradients_are_those_of_finite_differences(ModelKind kind, OutputDistribution distribution)
    {
        // No stop-gradient acts here, so the gradient is the derivative of the loss.
        var model = Small(kind, distribution) with { SkipGradient = SkipGradientMode.Off, TargetGradientB = true, TargetGradientH = true };
        var parameters = ReferenceParameters.Random(model, 11);
        var inputs = ReferenceInputs.Random(model, 4, 3, 12, ragged: true, carried: true);
        ReferenceModel.Evaluate(model, parameters, inputs).Total.Backward();

        var random = new Random(13);
        var everything = parameters.ToDictionary(entry => entry.Key, entry => Direction(entry.Value));
        AssertDerivative("all parameters", everything);
        foreach (var (name, variable) in parameters)
            AssertDerivative(name, new Dictionary<string, double[]> { [name] = Direction(variable) });

        double[] Direction(Variable variable) => [.. variable.Value.Select(_ => ReferenceInputs.Gaussian(random) / Math.Sqrt(variable.Value.Length))];

        double Loss(Dictionary<string, double[]> direction, double step) => ReferenceModel.Evaluate(model, ReferenceParameters.Moved(parameters, direction, step), inputs).Total.Value[0];

        void AssertDerivative(string what, Dictionary<string, double[]> direction)
        {
            const double Step = 1e-4;
            var analytic = direction.Sum(entry => entry.Value.Zip(parameters[entry.Key].Gradient, (d, g) => d * g).Sum());

            // Fourth-order central difference.
            var numeric = (8 * (Loss(direction, Step) - Loss(direction, -Step)) - (Loss(direction, 2 * Step) - Loss(direction, -2 * Step))) / (12 * Step);
            var scale = Math.Max(Math.Abs(analytic), 1e-3);
            Assert.True(Math.Abs(analytic - numeric) / scale < 1e-6, $"{what}: {analytic:R} by the tape, {numeric:R} by differences.");
        }
    }

    [Fact]
    public void The_comparison_sees_a_wrong_entry_and_a_nan()
    {
        double[] expected = [1, -2, 0.5];
        Assert.Equal(0, Comparison.Error([1, -2, 0.5], expected).Error);
        Assert.Equal((0.05, 1), Comparison.Error([1, -2.1, 0.5], expected), (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-12 && a.Item2 == b.Item2);
        Assert.Equal(double.PositiveInfinity, Comparison.Error([1, double.NaN, 0.5], expected).Error);
        Assert.True(Comparison.Error([1e-30, 0], [0, 0]).Error > 1e9);
        Assert.Equal(0, Comparison.Error([1, 7], [1, 2], rowValidity: [1, 0]).Error);
    }

    internal static ModelConfiguration Small(ModelKind kind, OutputDistribution distribution) => new()
    {
        Kind = kind,
        OutputDistribution = distribution,
        FrameSize = 3,
        VocabularySize = 6,
        EmbeddingSize = 4,
        LstmUnits = 5,
        MlpUnits = 6,
        LatentUnits = 3,
        Alpha = 0.7,
        Beta = 0.3,
        Gamma = 0.2,
        KlWeight = 0.8,
    };
}
