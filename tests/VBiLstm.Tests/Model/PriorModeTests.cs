using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Model.Models;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>The generative process of a device against that of the double reference, every latent at its mean.</summary>
public class PriorModeTests
{
    const int T = 6, B = 3;

    public static TheoryData<ModelKind, OutputDistribution, PriorKind> Models()
    {
        var models = new TheoryData<ModelKind, OutputDistribution, PriorKind>();
        foreach (var kind in Enum.GetValues<ModelKind>().Where(kind => kind != ModelKind.BiLstm))
            foreach (var distribution in Enum.GetValues<OutputDistribution>())
                foreach (var prior in kind == ModelKind.Srnn ? [PriorKind.Learned] : Enum.GetValues<PriorKind>())
                    models.Add(kind, distribution, prior);
        return models;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_step_scores_as_the_reference_s(ModelKind kind, OutputDistribution distribution, PriorKind prior)
    {
        var model = ReferenceTests.Small(kind, distribution) with { Prior = prior };
        AssertScores(model, ReferenceInputs.Random(model, T, B, 3) with
        {
            EpsilonZ = new double[T * B * model.LatentUnits],
            EpsilonB = new double[T * B * model.LstmUnits],
        });
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Gaussian)]
    [InlineData(ModelKind.VariationalBiLstm, OutputDistribution.Categorical)]
    [InlineData(ModelKind.ZForcing, OutputDistribution.Gaussian)]
    [InlineData(ModelKind.ZForcing, OutputDistribution.Categorical)]
    public void A_prior_that_reads_the_input_scores_as_the_reference_s(ModelKind kind, OutputDistribution distribution)
    {
        var model = ReferenceTests.Small(kind, distribution) with { PriorInput = PriorInput.HX, ReconstructionVariance = ReconstructionVariance.Unit };
        AssertScores(model, ReferenceInputs.Random(model, T, B, 3) with
        {
            EpsilonZ = new double[T * B * model.LatentUnits],
            EpsilonB = new double[T * B * model.LstmUnits],
        });
    }

    [Theory]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Zoneout_takes_its_expectation_and_dropout_and_noise_are_off(ModelKind kind)
    {
        var model = ReferenceTests.Small(kind, OutputDistribution.Gaussian) with
        {
            ZoneoutCell = 0.3,
            ZoneoutHidden = 0.2,
            RecurrentDropout = 0.4,
            InputDropout = 0.4,
            OutputDropout = 0.4,
            WeightNoise = 0.5,
        };
        var inputs = ReferenceInputs.Random(model, T, B, 3) with { EpsilonZ = new double[T * B * model.LatentUnits] };
        AssertScores(model, inputs.InEvaluation(model));
    }

    static void AssertScores(ModelConfiguration model, ReferenceInputs inputs)
    {
        var parameters = ReferenceParameters.Random(model, 4);
        var expected = ReferenceModel.EvaluatePriorMode(model, parameters, inputs).Sequence("nll");

        using var device = new CpuDevice(2);
        using var values = new ModelParameters(device, model, training: false);
        foreach (var (name, variable) in parameters)
            device.Upload(Array.ConvertAll(variable.Value, value => (float)value), values.Value(name));
        using var priorMode = new PriorMode(device, values, B, sampled: false);
        priorMode.Reset([0, 1, 2]);
        var nll = new float[B];
        var d = model.FrameSize;
        for (var t = 0; t < T; t++)
        {
            if (model.IsCategorical)
            {
                priorMode.Step(inputs.Tokens.AsSpan(t * B, B), 1, t);
                priorMode.Score(inputs.Tokens.AsSpan((t + 1) * B, B), nll);
            }
            else
            {
                priorMode.Step(Frames(t), 1, t);
                priorMode.Score(Frames(t + 1), nll);
            }

            for (var n = 0; n < B; n++)
                Assert.Equal(expected[t * B + n], nll[n], 1e-4 * Math.Max(1, Math.Abs(expected[t * B + n])));
        }

        float[] Frames(int k) => Array.ConvertAll(inputs.Frames[(k * B * d)..((k + 1) * B * d)], value => (float)value);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Importance_weights_are_the_prior_s_density_over_the_posterior_s(ModelKind kind)
    {
        var model = ReferenceTests.Small(kind, OutputDistribution.Gaussian);
        var inputs = ReferenceInputs.Random(model, T, B, 3, ragged: true, carried: true);
        var parameters = ReferenceParameters.Random(model, 4);
        var reference = ReferenceModel.Evaluate(model, parameters, inputs);
        Assert.True(SequenceModel.Of(model).HasLatent);

        using var device = new CpuDevice(2);
        using var run = new StepRun(device, model, parameters, inputs);
        run.Step.Forward();
        var (nll, kl, logWeight) = (new double[B], new double[B], new double[B]);
        run.Step.SequenceScores(nll, kl, logWeight);
        for (var n = 0; n < B; n++)
        {
            var expected = 0.0;
            for (var t = 0; t < inputs.Lengths[n]; t++)
            {
                for (var j = 0; j < model.LatentUnits; j++)
                {
                    double Value(string name) => reference.Values[name][t].Value[n * model.LatentUnits + j];
                    var (z, priorMean, priorLogVariance) = (Value("z"), Value("prior.mean"), Value("prior.logvar"));
                    var posteriorMean = Value("posterior.mean") + (kind == ModelKind.Srnn ? priorMean : 0);
                    expected += LogDensity(z, priorMean, priorLogVariance) - LogDensity(z, posteriorMean, Value("posterior.logvar"));
                }
            }

            Assert.Equal(expected, logWeight[n], 1e-4 * Math.Max(1, Math.Abs(expected)));
            Assert.Equal(reference.Bound[n], -nll[n] - kl[n], 1e-4 * Math.Max(1, Math.Abs(reference.Bound[n])));
        }
    }

    static double LogDensity(double x, double mean, double logVariance)
        => -0.5 * (Math.Log(2 * Math.PI) + logVariance + (x - mean) * (x - mean) * Math.Exp(-logVariance));
}
