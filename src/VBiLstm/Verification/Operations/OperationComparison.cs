using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Verification.Operations;

/// <summary>
/// Training steps on a device, each operation of which the reference repeats on the device's own operands: see <see cref="LockstepDevice"/>. What holds
/// operation by operation holds for the steps, whatever the device rounds.
/// </summary>
static class OperationComparison
{
    /// <summary>Runs the steps and compares.</summary>
    /// <param name="reference">The device that is right; it computes in float32.</param>
    /// <param name="device">The device under test; its recurrences are operations, not opaque calls.</param>
    /// <param name="configuration">Model, batch size, optimiser and seed; its data section is not read.</param>
    /// <param name="timeSteps">T, predicted steps of the longest sequence.</param>
    /// <param name="steps">N, training steps; at least 1.</param>
    /// <param name="rounding">What the device's products do to the float32 operands that they read; null: nothing.</param>
    /// <param name="cancellation">Ends the comparison between two steps.</param>
    /// <returns>Every tensor of every kind of operation, in the order of the computation.</returns>
    /// <exception cref="ConfigurationException">A field is out of range.</exception>
    /// <exception cref="ArgumentException">The device keeps recurrences to itself.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters or activations do not fit one of the devices.</exception>
    public static IReadOnlyCollection<OperationDifference> Run(Device reference, Device device, RunConfiguration configuration, int timeSteps, int steps,
        Func<float, float>? rounding = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(timeSteps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        if (device.OpaqueRecurrences)
            throw new ArgumentException($"{device.Name} runs recurrences as single calls; compare one that runs them by its own kernels.", nameof(device));
        configuration.Validate();
        using var both = new LockstepDevice(device, reference, rounding);
        using var compared = new ComparedDevice(both, configuration, timeSteps);
        compared.Step.EnterPhase = phase => both.Phase = phase;
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = RandomSequences.Batch(configuration.Model, timeSteps, configuration.Training.ShardSize, configuration.Seed + step, ragged: true);
            compared.Run(batch, step);
        }

        return both.Differences;
    }
}
