using System.Text.Json;
using VBiLstm.Data;
using VBiLstm.Distributed;

namespace VBiLstm.Checkpoints;

/// <summary>A checkpoint that the first rank has read and all need: only its machine must see the run's folder, and all go on with the same.</summary>
static class SharedCheckpoint
{
    /// <summary>The first rank's checkpoint, on all ranks, which all call it; null where it has none.</summary>
    /// <param name="ranks">Those that share it.</param>
    /// <param name="own">Rank 0's; not looked at on the others.</param>
    public static Checkpoint? FromFirst(Communicator ranks, Checkpoint? own)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        if (ranks.Size == 1)
            return own;
        var state = ranks.FromFirst(JsonSerializer.SerializeToUtf8Bytes(own?.State, TrainingStateJson.Default.TrainingState));
        var data = ranks.FromFirst(JsonSerializer.SerializeToUtf8Bytes(own?.Data, DataIdentityJson.Default.DataIdentity));
        var folder = ranks.First(own?.Folder);
        var (weights, first, second, carried) = (Tensors(own?.Weights), Tensors(own?.FirstMoments), Tensors(own?.SecondMoments), Tensors(own?.CarriedState));
        return JsonSerializer.Deserialize(state, TrainingStateJson.Default.TrainingState) is { } known
            ? new Checkpoint(folder!, known, JsonSerializer.Deserialize(data, DataIdentityJson.Default.DataIdentity), weights, first, second, carried)
            : null;

        IReadOnlyList<NamedTensor> Tensors(IReadOnlyList<NamedTensor>? tensors)
        {
            using var file = new MemoryStream();
            if (ranks.Rank == 0)
                SafetensorsFile.Write(file, tensors ?? []);
            using var received = new MemoryStream(ranks.FromFirst(file.ToArray()));
            return SafetensorsFile.Read(received, "the first rank's checkpoint");
        }
    }
}
