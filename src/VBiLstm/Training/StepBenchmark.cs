using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices;
using VBiLstm.Distributed;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>
/// Training steps on a batch of full-length random sequences: what a device makes of a model's sizes, without a data set. Each step loads the
/// batch, shard by shard, draws its noise, runs both passes and updates the parameters, as <see cref="Trainer"/> does; where the device has joined other
/// ranks, all of them make the same calls.
/// </summary>
sealed class StepBenchmark : IDisposable
{
    readonly Device _device;
    readonly RunConfiguration _configuration;
    readonly int _timeSteps;
    readonly SequenceBatch[] _shards;
    long _done;

    /// <param name="device">Where the steps run.</param>
    /// <param name="configuration">Model, batch size, shards, optimiser and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of every sequence.</param>
    /// <exception cref="ConfigurationException">A field is out of range, or the shards do not suit the device's ranks.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit.</exception>
    public StepBenchmark(Device device, RunConfiguration configuration, int timeSteps)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.Validate();
        (_device, _configuration, _timeSteps) = (device, configuration, timeSteps);
        var (model, training) = (configuration.Model, configuration.Training);
        var own = OwnShards.Of(training.Shards, device.Ranks);
        _shards = [.. Enumerable.Range(own.First, own.Count).Select(Shard)];
        Parameters = new ModelParameters(device, model, training: true, own.Count);
        Parameters.Initialise(configuration.Seed);
        Step = new TrainingStep(device, Parameters, timeSteps, training.ShardSize, training, equalLengths: true);
    }

    SequenceBatch Shard(int number)
    {
        var training = _configuration.Training;
        var shard = RandomSequences.Batch(_configuration.Model, _timeSteps, training.ShardSize, _configuration.Seed + number);
        shard.Sequences = Math.Min(training.ShardSize, training.BatchSize - number * training.ShardSize);
        shard.OtherSequences = training.BatchSize - shard.Sequences;
        for (var row = 0; row < training.ShardSize; row++)
            (shard.Lengths[row], shard.RowIds[row]) = row < shard.Sequences ? (_timeSteps, number * training.ShardSize + row) : (0, 0);
        return shard;
    }

    public ModelParameters Parameters { get; }

    public TrainingStep Step { get; }

    /// <summary>Tells <see cref="Measure"/> the time.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>One whole step, as <see cref="Trainer"/> runs it.</summary>
    /// <param name="recorded">False calls its operations one by one, so that <see cref="TrainingStep.EnterPhase"/> is told the phases as they begin.</param>
    /// <returns>The objective in nats per sequence.</returns>
    public float Run(bool recorded = true)
    {
        for (var shard = 0; shard < _shards.Length; shard++)
        {
            Step.Load(_shards[shard]);
            Step.Run(StepSettings.Of(_configuration, _done), shard, recorded);
        }

        _done++;
        return Step.ReadMetrics().Objective;
    }

    /// <summary>The objective and the gradients of a step, without its update: again, they come out the same.</summary>
    internal float Differentiate()
    {
        Step.Load(_shards[0]);
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
        var begin = Clock.GetTimestamp();

        // Half of what is left for whole steps, the rest for their phases; waiting for each phase's end takes time of its own.
        var steps = RepeatedRuns.Times(() => Run(), begin, duration / 3, duration / 3 + duration / 3, Clock, wants => GoesOn(wants, cancellation));
        var phaseTicks = new long[Enum.GetValues<TrainingPhase>().Length];
        var phases = phaseTicks.Select(_ => new List<double>()).ToArray();
        for (var measured = 0; GoesOn(() => measured < RepeatedRuns.MinimumRuns || Clock.GetElapsedTime(begin) < duration, cancellation); measured++)
        {
            var start = Clock.GetTimestamp();
            Array.Clear(phaseTicks);
            var (current, since) = (-1, start);
            Step.EnterPhase = phase =>
            {
                _device.Synchronise();
                var now = Clock.GetTimestamp();
                if (current >= 0)
                    phaseTicks[current] += now - since;
                (current, since) = ((int)phase, now);
            };
            Run(recorded: false);
            Step.EnterPhase = null;
            phaseTicks[current] += Clock.GetTimestamp() - since;
            for (var phase = 0; phase < phases.Length; phase++)
                phases[phase].Add((double)phaseTicks[phase] / Clock.TimestampFrequency);
        }

        return new StepTimes(steps.Count, Median(steps),
            [.. Enum.GetValues<TrainingPhase>().Select(phase => (phase, Median(phases[(int)phase]))).Where(pair => pair.Item2 > 0)]);
    }

    // The ranks' clocks differ, their number of steps may not.
    bool GoesOn(Func<bool> wants, CancellationToken cancellation)
        => _device.Ranks.Any(cancellation.IsCancellationRequested) ? throw new OperationCanceledException(cancellation) : _device.Ranks.Any(wants());

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
sealed record StepTimes(int Steps, double Seconds, IReadOnlyList<(TrainingPhase Phase, double Seconds)> Phases);
