using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Model;

namespace VBiLstm.Tests.Model;

/// <summary>The masks of model.md section 17: drawn with their probabilities in training, their expectation in an evaluation.</summary>
public class RegularisationNoiseTests
{
    const int Batch = 40, Units = 60, Frame = 30, TimeSteps = 6;

    static readonly ModelConfiguration Model = new()
    {
        Kind = ModelKind.Lstm,
        OutputDistribution = OutputDistribution.Gaussian,
        FrameSize = Frame,
        LstmUnits = Units,
        MlpUnits = 8,
        ZoneoutCell = 0.2,
        ZoneoutHidden = 0.4,
        RecurrentDropout = 0.3,
        InputDropout = 0.5,
        OutputDropout = 0.25,
    };

    // What a value is where it is not zero, the share of those, and how many there are.
    [Theory]
    [InlineData("zoneout_cell", 1, 0.2, TimeSteps * Batch * Units, 0.2)]
    [InlineData("zoneout_hidden", 1, 0.4, TimeSteps * Batch * Units, 0.4)]
    [InlineData("recurrent_mask", 1 / 0.7, 0.7, TimeSteps * Batch * Units, 1)]
    [InlineData("input_mask", 2, 0.5, Batch * Frame, 1)]
    [InlineData("output_mask", 1 / 0.75, 0.75, Batch * Units, 1)]
    public void Masks_have_their_probabilities_in_training_and_are_their_mean_in_an_evaluation(string name, double one, double share, int count, double mean)
    {
        using var device = new CpuDevice(1);
        using var parameters = new ModelParameters(device, Model, training: true);
        parameters.Initialise(1);
        using var step = new TrainingStep(device, parameters, TimeSteps, Batch, new TrainingConfiguration());
        step.Load(RandomSequences.Batch(Model, TimeSteps, Batch, seed: 1));

        float[] Drawn(long number, NoisePurpose purpose)
        {
            step.Apply(StepSettings.Of(new RunConfiguration { Model = Model }, number));
            step.DrawNoise(purpose);
            var mask = step.Find(name);
            var values = new float[mask.Rows * mask.Columns];
            device.Download(mask, values);
            return values;
        }

        var first = Drawn(0, NoisePurpose.Training);
        Assert.Equal(count, first.Length);
        Assert.All(first, value => Assert.True(value == 0 || value == (float)one));

        // Five standard deviations of a binomial share.
        Assert.Equal(share, first.Count(value => value != 0) / (double)count, 5 * Math.Sqrt(share * (1 - share) / count));
        Assert.NotEqual(first, Drawn(1, NoisePurpose.Training));
        Assert.Equal(first, Drawn(0, NoisePurpose.Training));
        Assert.All(Drawn(0, NoisePurpose.Evaluation), value => Assert.Equal((float)mean, value));
    }
}
