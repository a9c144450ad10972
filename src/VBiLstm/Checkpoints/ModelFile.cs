using System.Text;
using System.Text.Json;
using VBiLstm.Data;
using VBiLstm.Model;

namespace VBiLstm.Checkpoints;

/// <summary>
/// A trained model as one safetensors file, to hand on: its weights, and in the file's metadata its configuration, state and what its data were. Other programs
/// may have saved it again, in another order or number type, without the metadata.
/// </summary>
static class ModelFile
{
    const string StateKey = "vbilstm.state", DataKey = "vbilstm.data";

    /// <summary>Writes the file; an old one stays whole until the new one is.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="checkpoint">As read.</param>
    /// <param name="data">What the model's data were.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, Checkpoint checkpoint, DataIdentity data)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(data);
        var metadata = Metadata(checkpoint, data);
        AtomicFile.Write(path, stream => SafetensorsFile.Write(stream, checkpoint.Weights, metadata));
    }

    /// <summary>As <see cref="Write"/>, of weights in the host's memory.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; an old file is as it was.</exception>
    public static Task WriteAsync(string path, Checkpoint checkpoint, DataIdentity data, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(data);
        var metadata = Metadata(checkpoint, data);
        return AtomicFile.WriteAsync(path, stream => SafetensorsFile.WriteAsync(stream, checkpoint.Weights, metadata, cancellation), cancellation);
    }

    static Dictionary<string, string> Metadata(Checkpoint checkpoint, DataIdentity data) => new()
    {
        ["format"] = "pt", // without which transformers' loader takes no file
        [StateKey] = JsonSerializer.Serialize(checkpoint.State with { Files = [], Checksum = "" }, TrainingStateJson.Default.TrainingState),
        [DataKey] = JsonSerializer.Serialize(data, DataIdentityJson.Default.DataIdentity),
    };

    /// <summary>Reads a file, whole or as another program left it.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="like">Whose configuration and data are taken in place of the file's metadata; null for those.</param>
    /// <returns>A checkpoint with empty moments, and the number types of the file.</returns>
    /// <exception cref="CheckpointException">Missing, damaged, without metadata, or not of the configuration; names the file and tensor.</exception>
    public static (Checkpoint Checkpoint, IReadOnlyList<string> Types) Read(string path, Checkpoint? like = null)
    {
        try
        {
            using var file = SharedFile.OpenRead(path);
            var content = SafetensorsFile.ReadContent(file, path);
            var (state, data) = like is null ? (State(content.Metadata, path), Data(content.Metadata, path)) : (like.State, like.Data);
            ParameterFiles.Check(content.Tensors, new ParameterLayout(state.Configuration.Model), path);
            if (ParameterFiles.FirstNonFinite(content.Tensors) is { } name)
                throw new CheckpointException($"{path}: {name} holds a value that is not finite in float32; the file is of no use.");
            return (new Checkpoint(path, state, data, content.Tensors, [], [], []), content.Types);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path} cannot be read: {e.Message}", e);
        }
    }

    static TrainingState State(IReadOnlyDictionary<string, string> metadata, string path)
    {
        try
        {
            var state = TrainingState.Parse(Encoding.UTF8.GetBytes(Entry(metadata, StateKey, path)));
            state.Configuration.Validate();
            return state;
        }
        catch (Exception e) when (e is JsonException or Configuration.ConfigurationException and not CheckpointException)
        {
            throw new CheckpointException($"{path}, {StateKey} of its metadata: {e.Message}", e);
        }
    }

    static DataIdentity Data(IReadOnlyDictionary<string, string> metadata, string path)
    {
        try
        {
            return JsonFile.Parse(Encoding.UTF8.GetBytes(Entry(metadata, DataKey, path)), DataIdentityJson.Default.DataIdentity);
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{path}, {DataKey} of its metadata: {e.Message}", e);
        }
    }

    static string Entry(IReadOnlyDictionary<string, string> metadata, string key, string path) => metadata.TryGetValue(key, out var text)
        ? text
        : throw new CheckpointException($"{path} has no {key} in its metadata, which the program that saved it left out; name a run of the same configuration "
            + "and data.")
        { Settings = ["like"] };
}
