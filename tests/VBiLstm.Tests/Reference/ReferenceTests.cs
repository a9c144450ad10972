using VBiLstm.Configuration;
using VBiLstm.Model;
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

    public static TheoryData<ModelKind> Kinds => [.. Enum.GetValues<ModelKind>()];

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
        AssertDerivatives(Small(kind, distribution));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_of_regularised_models_are_those_of_finite_differences(ModelKind kind)
        => AssertDerivatives(Small(kind, OutputDistribution.Gaussian) with
        {
            ZoneoutCell = 0.3,
            ZoneoutHidden = 0.4,
            RecurrentDropout = 0.3,
            InputDropout = 0.3,
            OutputDropout = 0.4,
            WeightNoise = 0.2,
            NormStabiliser = 0.7,
        });

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    public void Gradients_of_a_prior_that_reads_the_input_are_those_of_finite_differences(ModelKind kind)
    {
        foreach (var distribution in new[] { OutputDistribution.Gaussian, OutputDistribution.Categorical })
            AssertDerivatives(Small(kind, distribution) with { PriorInput = PriorInput.HX });
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    public void Gradients_with_unit_variances_are_those_of_finite_differences(ModelKind kind)
        => AssertDerivatives(Small(kind, OutputDistribution.Gaussian) with { ReconstructionVariance = ReconstructionVariance.Unit });

    [Fact]
    public void Gradients_of_a_backward_lstm_that_predicts_are_those_of_finite_differences()
    {
        foreach (var distribution in Enum.GetValues<OutputDistribution>())
            foreach (var alignment in new[] { 0, 1 })
                AssertDerivatives(Small(ModelKind.ZForcing, distribution) with { BackwardPrediction = true, Alignment = alignment });
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Gradients_with_free_bits_are_those_of_finite_differences(ModelKind kind)
    {
        var model = Small(kind, OutputDistribution.Gaussian) with { SkipGradient = SkipGradientMode.Off, TargetGradientB = true };
        var inputs = ReferenceInputs.Random(model, 4, 3, 12, ragged: true, carried: true);
        var kl = ReferenceModel.Evaluate(model, ReferenceParameters.Random(model, 11), inputs).Sequence("kl").Order().ToArray();
        Assert.True(kl[5] < kl[6]);
        AssertDerivatives(model with { FreeBits = (kl[5] + kl[6]) / 2 }); // half of the steps are free
    }

    // No stop-gradient acts here, so the gradient is the derivative of the loss; twin-net's target is held.
    static void AssertDerivatives(ModelConfiguration configuration)
    {
        var model = configuration with { SkipGradient = SkipGradientMode.Off, TargetGradientB = true, TargetGradientH = true };
        var parameters = ReferenceParameters.Random(model, 11);
        var inputs = ReferenceInputs.Random(model, 4, 3, 12, ragged: true, carried: true);
        var reference = ReferenceModel.Evaluate(model, parameters, inputs);
        reference.Total.Backward();
        if (model.Kind == ModelKind.TwinNet)
            inputs = inputs with { TwinTarget = reference.Sequence("b") };

        var random = new Random(13);
        var everything = parameters.ToDictionary(entry => entry.Key, entry => Direction(entry.Value));
        AssertDerivative("all parameters", everything);
        foreach (var (name, variable) in parameters)
            AssertDerivative(name, new Dictionary<string, double[]> { [name] = Direction(variable) });

        double[] Direction(Variable variable) => [.. variable.Value.Select(_ => ReferenceInputs.Gaussian(random) / Math.Sqrt(variable.Value.Length))];

        double Loss(Dictionary<string, double[]> direction, double step)
            => ReferenceModel.Evaluate(model, ReferenceParameters.Moved(parameters, direction, step), inputs).Total.Value[0];

        void AssertDerivative(string what, Dictionary<string, double[]> direction)
        {
            var analytic = direction.Sum(entry => entry.Value.Zip(parameters[entry.Key].Gradient, (d, g) => d * g).Sum());
            var scale = Math.Max(Math.Abs(analytic), 1e-3);

            // A kink of φ may stand within the longer step; the shorter one has more rounding.
            var numeric = Derivative(direction, 1e-4);
            if (Math.Abs(analytic - numeric) / scale >= 1e-6)
                numeric = Derivative(direction, 1e-5);
            Assert.True(Math.Abs(analytic - numeric) / scale < 1e-6, $"{what}: {analytic:R} by the tape, {numeric:R} by differences.");
        }

        // Fourth-order central difference.
        double Derivative(Dictionary<string, double[]> direction, double step)
            => (8 * (Loss(direction, step) - Loss(direction, -step)) - (Loss(direction, 2 * step) - Loss(direction, -2 * step))) / (12 * step);
    }

    [Theory]
    [MemberData(nameof(KindsAndDistributions))]
    public void The_layout_has_the_parameters_of_the_equations(ModelKind kind, OutputDistribution distribution)
    {
        foreach (var prior in new[] { PriorKind.Learned, PriorKind.Fixed })
        {
            var model = Small(kind, distribution) with { Prior = kind == ModelKind.Srnn ? PriorKind.Learned : prior };
            var layout = new ParameterLayout(model).All.Select(parameter => (parameter.Name, parameter.Rows, parameter.Columns));
            Assert.Equal(ReferenceModel.Shapes(model).Order(), layout.Order());
        }
    }

    [Fact]
    public void A_mixture_of_one_Gaussian_or_of_equal_ones_is_that_Gaussian()
    {
        var model = Small(ModelKind.Lstm, OutputDistribution.Gaussian);
        var random = new Random(5);
        double[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => ReferenceInputs.Gaussian(random))];
        var (y, means, logVariances) = (Variable.Of(1, 3, Normal(3)), Normal(3), Normal(3));
        var gaussian = ReferenceOutputs.NegativeLogLikelihood(model, Variable.Of(1, 6, [.. means, .. logVariances]), y, []).Value[0];
        foreach (var components in new[] { 1, 4 })
        {
            var mixture = model with { OutputDistribution = OutputDistribution.GaussianMixture, MixtureComponents = components };
            double[] output = [.. Normal(components), .. Repeated(means, components), .. Repeated(logVariances, components)];
            Assert.Equal(gaussian, ReferenceOutputs.NegativeLogLikelihood(mixture, Variable.Of(1, components * 7, output), y, []).Value[0], 1e-12);
        }

        static IEnumerable<double> Repeated(double[] values, int times) => Enumerable.Repeat(values, times).SelectMany(value => value);
    }

    // 0.25 N(0; -1, 1) + 0.75 N(0; 2, e).
    [Fact]
    public void A_mixture_of_two_is_the_sum_of_their_densities()
    {
        var model = Small(ModelKind.Lstm, OutputDistribution.GaussianMixture) with { FrameSize = 1, MixtureComponents = 2 };
        var output = Variable.Of(1, 6, [0, Math.Log(3), -1, 2, 0, 1]);
        var density = 0.25 * Math.Exp(-0.5) / Math.Sqrt(2 * Math.PI) + 0.75 * Math.Exp(-2 / Math.E) / Math.Sqrt(2 * Math.PI * Math.E);
        Assert.Equal(-Math.Log(density), ReferenceOutputs.NegativeLogLikelihood(model, output, Variable.Of(1, 1, [0]), []).Value[0], 1e-12);
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
        MixtureComponents = 4,
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
