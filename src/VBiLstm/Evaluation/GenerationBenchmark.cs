using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Evaluation;

/// <summary>Sequences drawn from a model of random parameters, as many side by side as a batch has: what a device makes of the model's sizes.</summary>
sealed class GenerationBenchmark : IDisposable
{
    readonly int _timeSteps;
    readonly PriorMode _prior;
    long _seed;

    /// <param name="device">Where they are drawn.</param>
    /// <param name="configuration">Model, batch size and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, steps of every sequence.</param>
    /// <exception cref="ConfigurationException">A field is out of range, or the model draws nothing.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit.</exception>
    public GenerationBenchmark(Device device, RunConfiguration configuration, int timeSteps)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.Validate();
        (_timeSteps, _seed) = (timeSteps, configuration.Seed);
        Parameters = new ModelParameters(device, configuration.Model, training: false);
        Parameters.Initialise(configuration.Seed);
        _prior = new PriorMode(device, Parameters, configuration.Training.BatchSize, sampled: true);
    }

    /// <summary>Sequences drawn at once.</summary>
    public int Sequences => _prior.BatchSize;

    public ModelParameters Parameters { get; }

    /// <summary>Device memory of the activations.</summary>
    public long Bytes => _prior.Bytes;

    /// <summary>Draws them once, each time others.</summary>
    public void Run()
    {
        if (Parameters.Model.IsCategorical)
            Generation.Tokens(_prior, Parameters.Model, _timeSteps, first: 0, _seed++);
        else
            Generation.Frames(_prior, Parameters.Model, _timeSteps, _seed++);
    }

    /// <summary>Floating-point operations of <see cref="Run"/>, two per multiply-add of the products.</summary>
    public double Operations => 2.0 * _timeSteps * Sequences * Parameters.Layout.Model.GenerativeMultiplyAdds;

    public void Dispose()
    {
        _prior.Dispose();
        Parameters.Dispose();
    }
}
