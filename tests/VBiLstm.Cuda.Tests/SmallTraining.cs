using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Noise;

namespace VBiLstm.Cuda.Tests;

/// <summary>A few training steps on random sequences of given lengths.</summary>
static class SmallTraining
{
    const int B = 5;

    public static RunConfiguration Configuration(ModelKind kind = ModelKind.VariationalBiLstm) => new()
    {
        Model = new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = OutputDistribution.Gaussian,
            FrameSize = 7,
            LstmUnits = 24,
            MlpUnits = 20,
            LatentUnits = 6,
        },
        Training = new TrainingConfiguration { BatchSize = B, LearningRate = 1e-2 },
    };

    /// <summary>The parameters after a step on a batch of each length, and an evaluation of a batch of each of others, twice, so that it is captured.</summary>
    public static float[] Train(Device device, ModelKind kind, ReadOnlySpan<int> lengths, ReadOnlySpan<int> evaluated = default)
    {
        var configuration = Configuration(kind);
        var model = configuration.Model;
        using var parameters = new ModelParameters(device, model, training: true);
        parameters.Initialise(1);
        var longest = 0;
        foreach (var length in (ReadOnlySpan<int>)[.. lengths, .. evaluated])
            longest = Math.Max(longest, length);
        using var step = new TrainingStep(device, parameters, longest, B, configuration.Training);
        for (var i = 0; i < lengths.Length; i++)
        {
            step.Load(RandomSequences.Batch(model, lengths[i], B, i, ragged: true));
            step.Run(StepSettings.Of(configuration, i));
        }

        for (var i = 0; i < evaluated.Length; i++)
        {
            step.Load(RandomSequences.Batch(model, evaluated[i], B, i, ragged: true));
            for (var trajectory = 0; trajectory < 2; trajectory++)
                step.Score(StepSettings.OfEvaluation(1, trajectory), drawsNoise: true);
        }

        var trained = new float[parameters.Values.Count];
        device.Download(parameters.Values, trained);
        return trained;
    }
}
