using VBiLstm.Configuration;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Tests.Evaluation;
using VBiLstm.Tests.Reference;

namespace VBiLstm.Tests.Model;

/// <summary>Which parameters are counted, against what a gradient reaches and what a prediction reads.</summary>
public class ParameterCountTests
{
    public static TheoryData<ModelKind, double, double, double, BTildeMode, ReconstructionVariance> Weights()
    {
        var data = new TheoryData<ModelKind, double, double, double, BTildeMode, ReconstructionVariance>();
        foreach (var kind in Enum.GetValues<ModelKind>())
            foreach (var (alpha, beta, twin) in new[] { (0.0, 0.0, 0.0), (0.5, 0, 1), (0, 0.5, 0.5), (0.5, 0.5, 0) })
                foreach (var bTilde in Enum.GetValues<BTildeMode>())
                    foreach (var variance in Enum.GetValues<ReconstructionVariance>())
                        data.Add(kind, alpha, beta, twin, bTilde, variance);
        return data;
    }

    [Theory]
    [MemberData(nameof(Weights))]
    public void Trained_are_those_that_a_gradient_reaches(ModelKind kind, double alpha, double beta, double twinWeight, BTildeMode bTilde,
        ReconstructionVariance variance)
    {
        var model = Small(kind) with
        {
            Alpha = alpha,
            Beta = beta,
            TwinWeight = twinWeight,
            SkipGradient = SkipGradientMode.Off,
            BTilde = bTilde,
            ReconstructionVariance = variance,
            BackwardPrediction = kind == ModelKind.ZForcing && beta > 0,
        };
        using var device = new CpuDevice(1);
        using var run = new StepRun(device, model, ReferenceParameters.Random(model, 3), ReferenceInputs.Random(model, 4, 3, 5));
        run.Step.Forward();
        run.Step.Backward();
        long reached = 0;
        foreach (var parameter in run.Parameters.Layout.All)
        {
            var gradient = run.Gradient(parameter.Name);
            for (var column = 0; column < parameter.Columns; column++)
                reached += Enumerable.Range(0, parameter.Rows).Any(row => gradient[row * parameter.Columns + column] != 0) ? parameter.Rows : 0;
        }

        Assert.Equal(reached, run.Parameters.Layout.Model.TrainedParameters);
    }

    [Theory]
    [InlineData(ModelKind.VariationalBiLstm)]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.ZForcing, true)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.TwinNet)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    public void Generative_are_those_that_prior_mode_reads(ModelKind kind, bool backwardPrediction = false)
    {
        using var known = new KnownModel(Small(kind) with { BackwardPrediction = backwardPrediction });
        long read = 0;
        foreach (var parameter in known.Parameters.Layout.All)
        {
            known.SetAll();
            known.Set(parameter.Name, (_, _) => double.NaN);
            using var prior = known.PriorMode(1);
            var output = new float[known.Parameters.Layout.Model.Output.Width];
            prior.Reset([0]);
            for (var t = 0; t < 2; t++)
                prior.Step(new float[known.Model.FrameSize], seed: 1, t);
            prior.ReadOutput(output);
            read += output.Any(float.IsNaN) ? (long)parameter.Rows * parameter.Columns : 0;
        }

        Assert.Equal(read, known.Parameters.Layout.Model.GenerativeParameters);
    }

    // Column by column: a value that prior mode reads changes what it draws.
    [Theory]
    [InlineData(BTildeMode.Sample, ReconstructionVariance.Learned)]
    [InlineData(BTildeMode.Sample, ReconstructionVariance.Unit)]
    [InlineData(BTildeMode.Mean, ReconstructionVariance.Learned)]
    [InlineData(BTildeMode.Mean, ReconstructionVariance.Unit)]
    public void Log_variances_that_prior_mode_does_not_read_are_not_generative(BTildeMode bTilde, ReconstructionVariance variance)
    {
        using var known = new KnownModel(Small(ModelKind.VariationalBiLstm) with { BTilde = bTilde, ReconstructionVariance = variance });
        float[] Drawn()
        {
            using var prior = known.PriorMode(1);
            var output = new float[known.Parameters.Layout.Model.Output.Width];
            prior.Reset([0]);
            for (var t = 0; t < 3; t++)
                prior.Step([0.5f, -0.5f, 1], seed: 1, t);
            prior.ReadOutput(output);
            return output;
        }

        known.SetAll();
        var expected = Drawn();
        long read = 0;
        foreach (var (index, parameter) in known.Parameters.Layout.All.Index())
            for (var changed = 0; changed < parameter.Columns; changed++)
            {
                known.SetAll();
                known.Set(parameter.Name, (row, column) => Math.Sin(1 + 7 * index + 3 * row + 11 * column) + (column == changed ? 0.7 : 0));
                read += Drawn().SequenceEqual(expected) ? 0 : parameter.Rows;
            }

        Assert.Equal(read, known.Parameters.Layout.Model.GenerativeParameters);
    }

    [Fact]
    public void A_model_that_reads_the_future_predicts_with_everything()
    {
        var layout = new ParameterLayout(Small(ModelKind.BiLstm));
        Assert.Equal(layout.Count, layout.Model.GenerativeParameters);
    }

    static ModelConfiguration Small(ModelKind kind) => new()
    {
        Kind = kind,
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = 3,
        LstmUnits = 4,
        MlpUnits = 5,
        LatentUnits = 2,
    };
}
