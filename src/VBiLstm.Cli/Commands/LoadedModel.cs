using VBiLstm.Checkpoints;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cli.Commands;

/// <summary>A trained model from a checkpoint, on a device, ready to evaluate or to draw from.</summary>
sealed class LoadedModel : IDisposable
{
    public LoadedModel(string path, Device device)
    {
        Checkpoint = Read(path, withMoments: false);
        Device = device;
        Parameters = new ModelParameters(Device, Checkpoint.State.Configuration.Model, training: false);
        ParameterFiles.Upload(Device, Parameters.Layout, Checkpoint.Weights, Parameters.Values);
    }

    public Checkpoint Checkpoint { get; }

    public Device Device { get; }

    public ModelParameters Parameters { get; }

    /// <summary>The best checkpoint of a run's folder, or the checkpoint that the path itself is.</summary>
    public static Checkpoint Read(string path, bool withMoments)
    {
        var best = new RunFolder(path).Best;
        return CheckpointFolder.Read(CheckpointFolder.Exists(best) ? best : path, withMoments);
    }

    public void Dispose() => Parameters.Dispose();
}
