using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Noise;

namespace VBiLstm.Verification;

/// <summary>One side of a comparison: a device with its parameters and training step.</summary>
sealed class ComparedDevice : IDisposable
{
    const float LargestBias = 0.1f;

    readonly Device _device;
    readonly RunConfiguration _configuration;

    public ComparedDevice(Device device, RunConfiguration configuration, int timeSteps)
    {
        (_device, _configuration) = (device, configuration);
        Parameters = new ModelParameters(device, configuration.Model, training: true);
        Parameters.Initialise(configuration.Seed);
        MoveBiases();
        Step = new TrainingStep(device, Parameters, timeSteps, configuration.Training.ShardSize, configuration.Training);
        Initial = Read(Parameters.Values);
    }

    public string Name => _device.Name;

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    /// <summary>The parameters before the first step, the whole arena.</summary>
    public float[] Initial { get; }

    /// <summary>Everything that one step reads but the parameters.</summary>
    public void Prepare(SequenceBatch batch, int step)
    {
        Step.Load(batch);
        Step.Apply(Settings(step));
    }

    /// <summary>A whole step as training runs it.</summary>
    public void Run(SequenceBatch batch, int step)
    {
        Step.Load(batch);
        Step.Run(Settings(step));
    }

    StepSettings Settings(int step) => StepSettings.Of(_configuration, step);

    public float[] Read(Tensor tensor)
    {
        var values = new float[tensor.Count];
        _device.Download(tensor, values);
        return values;
    }

    // Training starts most biases at zero, where a device that forgot one would not show.
    void MoveBiases()
    {
        var random = new CounterRandom(_configuration.Seed, NoiseStream.Initialisation, uint.MaxValue, 0);
        foreach (var parameter in Parameters.Layout.All.Where(parameter => parameter.IsBias))
        {
            var values = Read(parameter.In(Parameters.Values));
            foreach (ref var value in values.AsSpan())
                value += LargestBias * (2 * random.NextSingle() - 1);
            _device.Upload(values, parameter.In(Parameters.Values));
        }
    }

    public void Dispose()
    {
        Step.Dispose();
        Parameters.Dispose();
    }
}
