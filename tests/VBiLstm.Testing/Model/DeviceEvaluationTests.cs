using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Noise;
using VBiLstm.Tests.Oracle;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>Evaluations that score several sequences' trajectories in one batch, against the double reference, one trajectory after the other.</summary>
public abstract class DeviceEvaluationTests
{
    const int Sequences = 7, TimeSteps = 6, Samples = 5;

    /// <summary>Makes a device; seeds may choose among its kinds.</summary>
    protected abstract Device CreateDevice(int seed);

    /// <summary>Largest error relative to the largest value.</summary>
    protected abstract double Tolerance { get; }

    /// <summary>Whether products of another number of rows may add in another order, as a library's do.</summary>
    protected abstract bool BitsDependOnShapes { get; }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 24)];

    public static TheoryData<ModelKind, OutputDistribution> Models
        => new(from kind in Enum.GetValues<ModelKind>() from distribution in Enum.GetValues<OutputDistribution>() select (kind, distribution));

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_model_with_every_output_has_the_reference_s_bounds(ModelKind kind, OutputDistribution distribution)
        => AssertAgrees(Draw(new Random(10 * (int)kind + (int)distribution)) with { Kind = kind, OutputDistribution = distribution }, (int)kind);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_configurations_have_the_reference_s_bounds(int seed) => AssertAgrees(Draw(new Random(3000 + seed)), seed);

    /// <summary>In prior mode latents that are fixed score as those of a prior that is one point, whatever the prior is.</summary>
    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Fixed_latents_score_as_those_of_a_prior_that_is_one_point(ModelKind kind)
    {
        var model = new ModelConfiguration { Kind = kind, FrameSize = 3, LstmUnits = 6, MlpUnits = 5, LatentUnits = 4, BTilde = BTildeMode.Mean };
        double[] z = [0.7, -1.1, 0.2, 0.4];
        var inputs = ReferenceInputs.Random(model, TimeSteps, Sequences, 3, ragged: true);
        using var device = CreateDevice(3);
        using var parameters = new ModelParameters(device, model, training: false);
        foreach (var (name, variable) in ReferenceParameters.Random(model, 3))
            device.Upload(Array.ConvertAll(variable.Value, value => (float)value), parameters.Value(name));
        using var data = new Given(model, inputs);
        double Nll(LatentMode mode)
            => PriorModeScore.OfModel(device, parameters, data, rows: 3, mode, z, cancellation: TestContext.Current.CancellationToken).Nll;
        var (own, point) = (Nll(LatentMode.Mean), Nll(LatentMode.EmpiricalMean));
        Assert.True(Math.Abs(own - point) > 100 * Tolerance * Math.Abs(own));
        device.Upload(new float[parameters.Value("prior.output.weight").Count], parameters.Value("prior.output.weight"));
        device.Upload([.. z.Select(value => (float)value), 0, 0, 0, 0], parameters.Value("prior.output.bias"));
        Comparison.Within(Tolerance, "NLL", [Nll(LatentMode.Mean)], [point]);
    }

    static ModelConfiguration Draw(Random random) => DeviceRandomConfigurationTests.DrawCompared(random) with { RecurrentDropout = 0 };

    void AssertAgrees(ModelConfiguration drawn, int seed)
    {
        // Everything valid whatever the kind.
        var prior = drawn.Kind == ModelKind.Srnn ? PriorKind.Learned : drawn.Prior;
        var model = drawn with
        {
            Prior = prior,
            PriorInput = DeviceRandomConfigurationTests.HasPriorInput(drawn.Kind, prior) && seed % 3 != 2 ? PriorInput.HX : PriorInput.H,
            GeneratorInput = drawn.Kind == ModelKind.VariationalBiLstm ? drawn.GeneratorInput : GeneratorInput.H,
            BackwardPrediction = drawn.Kind == ModelKind.ZForcing && seed % 2 == 0,
            FrameSize = drawn.OutputDistribution == OutputDistribution.Categorical ? 0 : 3,
            VocabularySize = drawn.OutputDistribution == OutputDistribution.Categorical ? (seed % 2 == 0 ? 4 : 40) : 0,
        };
        var variables = ReferenceParameters.Random(model, seed);
        var inputs = ReferenceInputs.Random(model, TimeSteps, Sequences, seed, ragged: true).InEvaluation(model);
        using var device = CreateDevice(seed);
        using var parameters = new ModelParameters(device, model, training: false);
        foreach (var (name, variable) in variables)
            device.Upload(Array.ConvertAll(variable.Value, value => (float)value), parameters.Value(name));
        using var data = new Given(model, inputs);
        var (bound, weighted) = Expected(device, model, variables, inputs);

        EvaluationResult? first = null;
        foreach (var (sequences, samples) in new[] { (2, 1), (4, 3), (6, 2), (2, 5), (8, 1) })
        {
            using var step = new TrainingStep(device, parameters, TimeSteps, sequences, parameters.Layout.Model.HasLatent ? samples : 1);
            var result = new Evaluator(step, batchSize: 2, shardSize: 2).Evaluate(data, importanceSamples: Samples,
                cancellation: TestContext.Current.CancellationToken);
            Comparison.Within(Tolerance, "bound", [result.Bound], [bound]);
            Comparison.Within(Tolerance, "importance-weighted bound", [result.ImportanceWeightedBound!.Value], [weighted]);

            // What is computed side by side changes no bit, but for products that depend on it themselves.
            first ??= result;
            if (BitsDependOnShapes)
                Comparison.Within(Tolerance, "figures", Figures(result), Figures(first));
            else
                Assert.Equal(Figures(first), Figures(result));
        }
    }

    static double[] Figures(EvaluationResult result)
        => [result.Nll, result.Kl, result.ImportanceWeightedBound!.Value, result.ActiveUnits, .. result.KlPerLatent];

    // Means over the sequences of the bound of the first trajectory and of log 1/K Σ p(y, z) / q(z).
    static (double Bound, double Weighted) Expected(
        Device device, ModelConfiguration model, IReadOnlyDictionary<string, Variable> parameters, ReferenceInputs inputs)
    {
        var weights = new double[Samples, Sequences];
        var bound = 0.0;
        for (var k = 0; k < Samples; k++)
        {
            var epsilonZ = Noise(device, k, NoiseStream.EvaluationLatentNoise, model.LatentUnits);
            var trajectory = ReferenceModel.Evaluate(model, parameters, inputs with
            {
                EpsilonZ = epsilonZ,
                EpsilonB = Noise(device, k, NoiseStream.EvaluationBTildeNoise, model.LstmUnits),
            });
            if (k == 0)
                bound = trajectory.Bound.Average();
            for (var n = 0; n < Sequences; n++)
                for (var t = 0; t < inputs.Lengths[n]; t++)
                    weights[k, n] += LogWeight(trajectory, epsilonZ, t, n, model.LatentUnits);
        }

        var weighted = Enumerable.Range(0, Sequences).Average(n =>
        {
            var largest = Enumerable.Range(0, Samples).Max(k => weights[k, n]);
            return largest + Math.Log(Enumerable.Range(0, Samples).Average(k => Math.Exp(weights[k, n] - largest)));
        });
        return (bound, weighted);
    }

    // log p(y_t) + log p(z_t) − log q(z_t); z_t lies ε deviations from q's mean.
    static double LogWeight(ReferenceModel trajectory, double[] epsilonZ, int t, int n, int latents)
    {
        var weight = -trajectory.Values["nll"][t].Value[n];
        if (!trajectory.Values.TryGetValue("z", out var z))
            return weight;
        var (mean, logVariance) = (trajectory.Values["prior.mean"][t].Value, trajectory.Values["prior.logvar"][t].Value);
        var posterior = trajectory.Values["posterior.logvar"][t].Value;
        for (var j = 0; j < latents; j++)
        {
            var i = n * latents + j;
            var (residual, epsilon) = (z[t].Value[i] - mean[i], epsilonZ[t * Sequences * latents + i]);
            weight += 0.5 * (posterior[i] + epsilon * epsilon - logVariance[i] - residual * residual * Math.Exp(-logVariance[i]));
        }

        return weight;
    }

    // [T, B, columns] of one trajectory, as the documentation of evaluations keys it.
    static double[] Noise(Device device, int trajectory, NoiseStream stream, int columns)
    {
        using var arena = Arena.Create(device, "noise",
            arena => (Values: arena.Take(TimeSteps * Sequences, columns), Key: arena.TakeIds(3), Rows: arena.TakeIds(Sequences)), out var noise);
        device.Upload([(int)Evaluator.NoiseSeed, 0, trajectory], noise.Key);
        device.Upload([.. Enumerable.Range(0, Sequences)], noise.Rows);
        device.FillNormal(noise.Values, new NoiseSource(noise.Key, noise.Rows, stream));
        var values = new float[noise.Values.Count];
        device.Download(noise.Values, values);
        return Array.ConvertAll(values, value => (double)value);
    }

    // The reference's sequences as a data set.
    sealed class Given(ModelConfiguration model, ReferenceInputs inputs) : SequenceDataset
    {
        public override int Count => inputs.B;

        public override int FrameSize => model.IsCategorical ? 0 : model.FrameSize;

        public override int VocabularySize => model.IsCategorical ? model.VocabularySize : 0;

        public override int MaximumLength => inputs.T;

        public override int Length(int index) => inputs.Lengths[index];

        public override void Fill(int index, long epoch, SequenceBatch batch, int row)
        {
            for (var k = 0; k <= batch.Steps; k++)
            {
                var (from, to, isReal) = (k * inputs.B + index, k * batch.BatchSize + row, k <= Length(index));
                if (model.IsCategorical)
                    batch.Tokens[to] = isReal ? inputs.Tokens[from] : 0;
                for (var d = 0; d < FrameSize; d++)
                    batch.Frames[to * FrameSize + d] = isReal ? (float)inputs.Frames[from * FrameSize + d] : 0;
            }
        }
    }
}
