using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>Device memory that a training will take, known before anything is allocated.</summary>
/// <param name="ParameterBytes">Parameters, their gradients and Adam's moments.</param>
/// <param name="ActivationBytes">Everything that a step of the longest sequences computes.</param>
/// <param name="RecurrenceBytes">What the device's library for recurrences takes beside them for the longest sequences.</param>
/// <param name="WeightBytes">What the device keeps of the parameters for its products, about.</param>
sealed record TrainingMemory(long ParameterBytes, long ActivationBytes, long RecurrenceBytes, long WeightBytes)
{
    public long Bytes => ParameterBytes + ActivationBytes + RecurrenceBytes + WeightBytes;

    /// <param name="device">Where the training will run.</param>
    /// <param name="model">A valid configuration.</param>
    /// <param name="maximumSteps">T of the longest sequence.</param>
    /// <param name="batchSize">Rows of a batch, or of each of its shards.</param>
    /// <param name="shards">Parts of a step's batch that are computed here.</param>
    /// <param name="ranks">Those that add their gradients.</param>
    /// <param name="equalLengths">Whether every sequence has the T of its batch and none goes on from another.</param>
    public static TrainingMemory Measure(Device device, ModelConfiguration model, int maximumSteps, int batchSize, int shards = 1, int ranks = 1,
        bool equalLengths = false)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(model);

        var layout = new ParameterLayout(model);
        var recurrences = device.RecurrenceBytes(layout.Model.DeviceRecurrences(maximumSteps, equalLengths && device.JoinsDirections), model.LstmUnits,
            batchSize, training: true);
        return new TrainingMemory(ModelParameters.Measure(model, training: true, shards, ranks, device.RoundsOperands),
            TrainingStep.Measure(device, model, maximumSteps, batchSize, training: true), recurrences, device.WeightBytes(layout.Count));
    }

    /// <summary>Refuses what the device has no room for.</summary>
    /// <param name="device">Whose memory it is.</param>
    /// <param name="ranks">Those that share the machine's memory.</param>
    /// <exception cref="InsufficientMemoryException">More is needed than is free.</exception>
    public void CheckFits(Device device, int ranks = 1)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.HasOwnMemory)
            ranks = 1;
        if (device.FreeBytes is { } free && Bytes * ranks > free)
            throw new InsufficientMemoryException($"Training needs {(ranks > 1 ? $"for each of {ranks} ranks " : "")}{this}, but {device.Name} has "
                + $"{free / 1e6:N0} MB free; "
                + "use more training.shards, a smaller batch or a smaller model.");
    }

    public override string ToString()
        => $"{Bytes / 1e6:N0} MB: {ParameterBytes / 1e6:N1} MB parameters, gradients and moments, {ActivationBytes / 1e6:N1} MB activations"
            + (RecurrenceBytes > 0 ? $", {RecurrenceBytes / 1e6:N1} MB for recurrences" : "")
            + (WeightBytes > 0 ? $", {WeightBytes / 1e6:N1} MB packed weights" : "");
}
