using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Tests.Oracle;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>The float32 step against the double reference on randomly drawn configurations, at sizes off the grid of the vectors.</summary>
public class RandomConfigurationTests
{
    // Measured over these configurations: worst 3.2e-6, nearly all below 1e-6.
    const double Tolerance = 2e-5;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Loss_bound_and_gradients_agree(int seed)
    {
        var random = new Random(seed);
        var model = Draw(random);
        var (t, b) = (random.Next(1, 7), random.Next(1, 6));
        var parameters = ReferenceParameters.Random(model, seed);
        var inputs = ReferenceInputs.Random(model, t, b, seed, ragged: random.Next(2) == 0, carried: random.Next(2) == 0);
        var reference = ReferenceModel.Evaluate(model, parameters, inputs);
        reference.Total.Backward();

        var widths = SimdWidths.Supported;
        using var device = new CpuDevice(1 + seed % 2, widths[seed % widths.Count]);
        using var run = new StepRun(device, model, parameters, inputs);
        run.Step.Forward();
        var metrics = run.Step.ReadMetrics();
        run.Step.Backward();
        Comparison.Within(Tolerance, "J", [metrics.Objective], reference.Total.Value);
        Comparison.Within(Tolerance, "bound", [metrics.Bound], [reference.Bound.Average()]);
        foreach (var (name, variable) in parameters)
            Comparison.Within(Tolerance, "gradient of " + name, Array.ConvertAll(run.Gradient(name), value => (double)value), variable.Gradient);
    }

    internal static ModelConfiguration Draw(Random random)
    {
        T Any<T>() where T : struct, Enum => Enum.GetValues<T>()[random.Next(Enum.GetValues<T>().Length)];
        var kind = random.Next(3) == 0 ? Any<ModelKind>() : ModelKind.VariationalBiLstm;
        return new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = Any<OutputDistribution>(),
            FrameSize = random.Next(1, 20),
            VocabularySize = random.Next(2, 40),
            EmbeddingSize = random.Next(1, 20),
            LstmUnits = random.Next(1, 40),
            MlpUnits = random.Next(1, 40),
            LatentUnits = random.Next(1, 20),
            Alignment = random.Next(2),
            BTilde = Any<BTildeMode>(),
            SkipGradient = Any<SkipGradientMode>(),
            SkipProbability = random.NextDouble(),
            Prior = Any<PriorKind>(),
            ReconstructionMean = Any<ReconstructionMean>(),
            GeneratorInput = kind == ModelKind.VariationalBiLstm ? Any<GeneratorInput>() : GeneratorInput.H,
            TargetGradientB = random.Next(2) == 0,
            TargetGradientH = random.Next(2) == 0,
            Alpha = random.NextDouble(),
            Beta = random.Next(3) == 0 ? 0 : random.NextDouble(),
            Gamma = random.Next(2) == 0 ? 0 : 0.2,
            KlWeight = random.NextDouble(),
            LogVarianceMin = -5,
            LogVarianceMax = 5,
        };
    }
}
