using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Tests.Oracle;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>The step of a device against the double reference on randomly drawn configurations, at sizes off the grid of the vectors.</summary>
public abstract class DeviceRandomConfigurationTests
{
    /// <summary>Makes a device; seeds may choose among its kinds.</summary>
    protected abstract Device CreateDevice(int seed);

    /// <summary>Largest error relative to the largest value of a tensor.</summary>
    protected abstract double Tolerance { get; }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    public static TheoryData<int> ComparedSeeds => [.. Enumerable.Range(0, 24)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Loss_bound_and_gradients_agree(int seed)
    {
        var random = new Random(seed);
        AssertAgrees(Draw(random), random, seed, random.Next(1, 7), random.Next(1, 6));
    }

    [Theory]
    [MemberData(nameof(ComparedSeeds))]
    public void Loss_bound_and_gradients_of_compared_models_agree(int seed)
    {
        var random = new Random(1000 + seed);
        AssertAgrees(DrawCompared(random), random, seed, random.Next(1, 7), random.Next(1, 6));
    }

    public static TheoryData<ModelKind> Kinds => [.. Enum.GetValues<ModelKind>()];

    // Where ids are fewer than half of the tokens, the LSTMs' input projections are computed once for each id.
    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_small_vocabulary_agrees(ModelKind kind)
    {
        var random = new Random(2000 + (int)kind);
        var model = Draw(random) with
        {
            Kind = kind,
            OutputDistribution = OutputDistribution.Categorical,
            VocabularySize = 5,
            Prior = PriorKind.Learned,
            PriorInput = PriorInput.H,
            GeneratorInput = GeneratorInput.H,
            ActivationClip = null,
            TwinWeight = 0.5,
        };
        AssertAgrees(model, random, (int)kind, t: 6, b: 5);
        if (HasPriorInput(kind, model.Prior))
            AssertAgrees(model with { PriorInput = PriorInput.HX }, random, (int)kind, t: 6, b: 5);
    }

    void AssertAgrees(ModelConfiguration model, Random random, int seed, int t, int b)
    {
        var parameters = ReferenceParameters.Random(model, seed);
        var inputs = ReferenceInputs.Random(model, t, b, seed, ragged: random.Next(2) == 0, carried: random.Next(2) == 0);
        var reference = ReferenceModel.Evaluate(model, parameters, inputs);
        reference.Total.Backward();

        using var device = CreateDevice(seed);
        using var run = new StepRun(device, model, parameters, inputs);
        run.Step.Forward();
        var metrics = run.Step.ReadMetrics();
        run.Step.Backward();
        Comparison.Within(Tolerance, "J", [metrics.Objective], reference.Total.Value);
        Comparison.Within(Tolerance, "bound", [metrics.Bound], [reference.Bound.Average()]);
        foreach (var (name, variable) in parameters)
            Comparison.Within(Tolerance, "gradient of " + name, Array.ConvertAll(run.Gradient(name), value => (double)value), variable.Gradient);

        // Nothing of a step is left in the next.
        var gradients = parameters.Select(parameter => run.Gradient(parameter.Key)).ToList();
        run.Step.Forward();
        run.Step.Backward();
        foreach (var ((name, _), gradient) in parameters.Zip(gradients))
            Assert.True(gradient.AsSpan().SequenceEqual(run.Gradient(name)), name);
    }

    internal static bool HasPriorInput(ModelKind kind, PriorKind prior)
        => kind is ModelKind.VariationalBiLstm or ModelKind.ZForcing && prior == PriorKind.Learned;

    /// <summary>Any kind with any output distribution, the models of sections 13 to 17 as often as the others.</summary>
    internal static ModelConfiguration DrawCompared(Random random)
    {
        T Of<T>(IReadOnlyList<T> values) => values[random.Next(values.Count)];
        double Sometimes() => random.Next(3) == 0 ? 0.1 + 0.6 * random.NextDouble() : 0;
        var kind = Of(Enum.GetValues<ModelKind>());
        var prior = kind == ModelKind.Srnn ? PriorKind.Learned : (PriorKind)random.Next(2);
        return Draw(random) with
        {
            Kind = kind,
            OutputDistribution = Of(Enum.GetValues<OutputDistribution>()),
            MixtureComponents = random.Next(1, 8),
            Prior = prior,
            PriorInput = HasPriorInput(kind, prior) ? Of(Enum.GetValues<PriorInput>()) : PriorInput.H,
            GeneratorInput = kind == ModelKind.VariationalBiLstm ? (GeneratorInput)random.Next(2) : GeneratorInput.H,
            ActivationClip = random.Next(2) == 0 ? null : 1 + random.NextDouble(),
            TwinWeight = random.NextDouble(),
            ZoneoutCell = Sometimes(),
            ZoneoutHidden = Sometimes(),
            RecurrentDropout = Sometimes(),
            InputDropout = Sometimes(),
            OutputDropout = Sometimes(),
            WeightNoise = Sometimes(),
            NormStabiliser = Sometimes(),
            BackwardPrediction = kind == ModelKind.ZForcing && random.Next(2) == 0,
        };
    }

    static readonly ModelKind[] ChannelModels = [ModelKind.VariationalBiLstm, ModelKind.ZForcing, ModelKind.Lstm, ModelKind.BiLstm];

    static readonly OutputDistribution[] PlainDistributions = [OutputDistribution.Bernoulli, OutputDistribution.Categorical, OutputDistribution.Gaussian];

    internal static ModelConfiguration Draw(Random random)
    {
        T Any<T>() where T : struct, Enum => Of(Enum.GetValues<T>());
        T Of<T>(IReadOnlyList<T> values) => values[random.Next(values.Count)];
        var kind = random.Next(3) == 0 ? Of(ChannelModels) : ModelKind.VariationalBiLstm;
        var prior = Any<PriorKind>();
        return new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = Of(PlainDistributions),
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
            Prior = prior,
            PriorInput = HasPriorInput(kind, prior) ? Any<PriorInput>() : PriorInput.H,
            ReconstructionMean = Any<ReconstructionMean>(),
            ReconstructionVariance = Any<ReconstructionVariance>(),
            GeneratorInput = kind == ModelKind.VariationalBiLstm ? Any<GeneratorInput>() : GeneratorInput.H,
            TargetGradientB = random.Next(2) == 0,
            TargetGradientH = random.Next(2) == 0,
            Alpha = random.NextDouble(),
            Beta = random.Next(3) == 0 ? 0 : random.NextDouble(),
            Gamma = random.Next(2) == 0 ? 0 : 0.2,
            KlWeight = random.NextDouble(),
            FreeBits = random.Next(2) == 0 ? 0 : 0.02 + 2 * random.NextDouble(),
            LogVarianceMin = -5,
            LogVarianceMax = 5,
            OutputLogVarianceMin = -0.02 - random.NextDouble() * 5,
            OutputLogVarianceMax = 0.02 + random.NextDouble() * 5,
        };
    }
}
