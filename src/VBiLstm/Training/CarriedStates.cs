using VBiLstm.Checkpoints;
using VBiLstm.Distributed;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>
/// The states that training carries from batch to batch, of the rows of a rank's shards. They wait on the host, because shards share one step's memory and
/// evaluations have states of their own; those that a step began with stay until it is known to be good.
/// </summary>
sealed class CarriedStates
{
    readonly TrainingStep _step;
    readonly int _batchSize;
    readonly Communicator _ranks;
    readonly OwnShards _shards;

    // Of a shard, one array [b, units] for each state.
    float[][][] _initial, _last;

    /// <param name="step">Runs the shards, b rows each.</param>
    /// <param name="batchSize">B, rows of the shards of all ranks.</param>
    /// <param name="ranks">Those that have a state.</param>
    /// <param name="shards">This rank's.</param>
    public CarriedStates(TrainingStep step, int batchSize, Communicator ranks, OwnShards shards)
    {
        (_step, _batchSize, _ranks, _shards) = (step, batchSize, ranks, shards);
        (_initial, _last) = (Zeros(), Zeros());

        float[][][] Zeros()
            => [.. Enumerable.Range(0, shards.Count).Select(_ => step.StateNames.Select(state => new float[step.BatchSize * state.Units]).ToArray())];
    }

    /// <summary>Sets the initial states of a shard, by its number on this rank: where the batch before ended, or zero where the data begin.</summary>
    public void Begin(int shard, bool continues)
    {
        if (!continues)
            Clear(_initial[shard]);
        _step.WriteState(_initial[shard]);
    }

    /// <summary>Takes the states that the shard ended with.</summary>
    public void End(int shard)
    {
        _step.CarryState();
        _step.ReadState(_last[shard]);
    }

    /// <summary>The step was good: the next goes on where it ended.</summary>
    public void Advance() => (_initial, _last) = (_last, _initial);

    /// <summary>The step was not finite: its states would spoil every step after it.</summary>
    public void Forget()
    {
        foreach (var shard in _initial)
            Clear(shard);
    }

    /// <summary>Those of all ranks, [B, units] each; all ranks call it.</summary>
    public IReadOnlyList<NamedTensor> Gather() => [.. _step.StateNames.Select((state, i) =>
    {
        var own = _initial.SelectMany(shard => shard[i]).ToArray();
        return new NamedTensor(state.Name, [_batchSize, state.Units], _ranks.AllGather<float>(own)[..(_batchSize * state.Units)]);
    })];

    /// <exception cref="CheckpointException">The checkpoint lacks a state of so many rows.</exception>
    public void Restore(Checkpoint checkpoint)
    {
        for (var i = 0; i < _step.StateNames.Count; i++)
        {
            var (name, units) = _step.StateNames[i];
            var tensor = checkpoint.CarriedState.FirstOrDefault(tensor => tensor.Name == name);
            if (tensor is null || tensor.Values.Length != _batchSize * units)
                throw new CheckpointException($"{checkpoint.Folder} holds no state {name} of {_batchSize} rows, "
                    + "which these data carry from batch to batch; it is of another run.");
            var size = _step.BatchSize * units;
            for (var shard = 0; shard < _shards.Count; shard++)
            {
                var start = (_shards.First + shard) * size;
                tensor.Values.AsSpan(start, Math.Min(size, tensor.Values.Length - start)).CopyTo(_initial[shard][i]);
            }
        }
    }

    static void Clear(float[][] states)
    {
        foreach (var state in states)
            Array.Clear(state);
    }
}
