using VBiLstm.Checkpoints;
using VBiLstm.Model;

namespace VBiLstm.Training;

/// <summary>
/// The states that training carries from batch to batch, of every row of a batch. They wait on the host, because shards share one step's memory and
/// evaluations have states of their own; those that a step began with stay until it is known to be good.
/// </summary>
sealed class CarriedStates
{
    readonly TrainingStep _step;
    readonly int _batchSize;

    // Of a shard, one array [b, units] for each state.
    float[][][] _initial, _last;

    /// <param name="step">Runs the shards, b rows each.</param>
    /// <param name="batchSize">B, rows of all shards.</param>
    public CarriedStates(TrainingStep step, int batchSize)
    {
        (_step, _batchSize) = (step, batchSize);
        (_initial, _last) = (Zeros(), Zeros());

        float[][][] Zeros()
        {
            var shards = (batchSize + step.BatchSize - 1) / step.BatchSize;
            return [.. Enumerable.Range(0, shards).Select(_ => step.StateNames.Select(state => new float[step.BatchSize * state.Units]).ToArray())];
        }
    }

    /// <summary>Sets the initial states of a shard: where the batch before ended, or zero where the data begin.</summary>
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

    /// <summary>[B, units] each.</summary>
    public IReadOnlyList<NamedTensor> ToTensors() => [.. _step.StateNames.Select((state, i) =>
    {
        var values = _initial.SelectMany(shard => shard[i]).Take(_batchSize * state.Units).ToArray();
        return new NamedTensor(state.Name, [_batchSize, state.Units], values);
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
            for (var shard = 0; shard < _initial.Length; shard++)
                tensor.Values.AsSpan(shard * size, Math.Min(size, tensor.Values.Length - shard * size)).CopyTo(_initial[shard][i]);
        }
    }

    static void Clear(float[][] states)
    {
        foreach (var state in states)
            Array.Clear(state);
    }
}
