using System.Diagnostics;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>
/// Training steps on a batch of full-length random sequences: what a device makes of a model's sizes, without a data set. Each step loads the
/// batch, shard by shard, draws its noise, runs both passes and updates the parameters, as <see cref="Trainer"/> does.
/// </summary>
public sealed class StepBenchmark : IDisposable
{
    const int MinimumSteps = 5;

    readonly Device _device;
    readonly RunConfiguration _configuration;
    readonly SequenceBatch _batch;
    long _done;

    /// <param name="device">Where the steps run.</param>
    /// <param name="configuration">Model, batch size, shards, optimiser and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of every sequence.</param>
    /// <exception cref="ConfigurationException">A field is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit.</exception>
    public StepBenchmark(Device device, RunConfiguration configuration, int timeSteps)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.Validate();
        _device = device;
        _configuration = configuration;
        var (model, training) = (configuration.Model, configuration.Training);
        _batch = RandomSequences.Batch(model, timeSteps, training.ShardSize, configuration.Seed);
        _batch.OtherSequences = training.BatchSize - training.ShardSize;
        Parameters = new ModelParameters(device, model, training: true, training.Shards);
        Parameters.Initialise(configuration.Seed);
        Step = new TrainingStep(device, Parameters, timeSteps, training.ShardSize, training);
    }

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    /// <summary>One whole step, as <see cref="Trainer"/> runs it.</summary>
    /// <param name="recorded">False calls its operations one by one, so that <see cref="TrainingStep.EnterPhase"/> is told the phases as they begin.</param>
    /// <returns>The objective in nats per sequence.</returns>
    public float Run(bool recorded = true)
    {
        for (var shard = 0; shard < Parameters.Shards; shard++)
        {
            Step.Load(_batch);
            Step.Run(StepSettings.Of(_configuration, _done), shard, recorded);
        }

        _done++;
        return Step.ReadMetrics().Objective;
    }

    /// <summary>The objective and the gradients of a step, without its update: again, they come out the same.</summary>
    internal float Differentiate()
    {
        Step.Load(_batch);
        Step.Apply(StepSettings.Of(_configuration, _done));
        Step.DrawNoise();
        Step.Forward();
        Step.Backward();
        return Step.ReadMetrics().Objective;
    }

    /// <summary>Warms up for about a third of the time, then runs steps for the rest of it, at least five.</summary>
    /// <param name="duration">How long to measure, roughly.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <returns>Seconds: the median step, and the median share of each phase that the model has. A phase ends where the next begins.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public StepTimes Measure(TimeSpan duration, CancellationToken cancellation = default)
    {
        var begin = Stopwatch.GetTimestamp();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            Run();
        }
        while (Stopwatch.GetElapsedTime(begin) < duration / 3);

        // Half of what is left for whole steps, the rest for their phases; waiting for each phase's end takes time of its own.
        var steps = new List<double>();
        var half = duration / 3 + duration / 3;
        while (steps.Count < MinimumSteps || Stopwatch.GetElapsedTime(begin) < half)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = Stopwatch.GetTimestamp();
            Run();
            steps.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        var phaseTicks = new long[Enum.GetValues<TrainingPhase>().Length];
        var phases = phaseTicks.Select(_ => new List<double>()).ToArray();
        for (var measured = 0; measured < MinimumSteps || Stopwatch.GetElapsedTime(begin) < duration; measured++)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = Stopwatch.GetTimestamp();
            Array.Clear(phaseTicks);
            var (current, since) = (-1, start);
            Step.EnterPhase = phase =>
            {
                _device.Synchronise();
                var now = Stopwatch.GetTimestamp();
                if (current >= 0)
                    phaseTicks[current] += now - since;
                (current, since) = ((int)phase, now);
            };
            Run(recorded: false);
            Step.EnterPhase = null;
            phaseTicks[current] += Stopwatch.GetTimestamp() - since;
            for (var phase = 0; phase < phases.Length; phase++)
                phases[phase].Add((double)phaseTicks[phase] / Stopwatch.Frequency);
        }

        return new StepTimes(steps.Count, Median(steps),
            [.. Enum.GetValues<TrainingPhase>().Select(phase => (phase, Median(phases[(int)phase]))).Where(pair => pair.Item2 > 0)]);
    }

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    public void Dispose()
    {
        Step.Dispose();
        Parameters.Dispose();
    }
}

/// <summary>What <see cref="StepBenchmark.Measure"/> found.</summary>
/// <param name="Steps">Steps measured.</param>
/// <param name="Seconds">Median seconds of a step.</param>
/// <param name="Phases">Median seconds of each phase of model.md that the model has, in their order.</param>
public sealed record StepTimes(int Steps, double Seconds, IReadOnlyList<(TrainingPhase Phase, double Seconds)> Phases);
