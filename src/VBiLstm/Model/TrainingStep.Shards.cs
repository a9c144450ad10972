using VBiLstm.Devices;

namespace VBiLstm.Model;

sealed partial class TrainingStep
{
    /// <summary>
    /// Adds the gradients and terms of a shard to those of the shards before it, by the aligned binary tree: 2i and 2i + 1, then pairs of pairs; one without
    /// a partner passes.
    /// </summary>
    void SumShard(int shard)
    {
        _frame.Enter(TrainingPhase.ShardSum);
        var isLast = shard == _parameters.Shards - 1;
        var sum = _parameters.Partial(0);
        _device.Copy(AsRow(_frame.Terms), _parameters.TermsBehindGradients);

        // As a binary counter carries: where bit l of the shard's number is set, the sum of the 2^l shards before it waits.
        var level = 0;
        for (; isLast ? shard >> level != 0 : (shard >> level & 1) != 0; level++)
            if ((shard >> level & 1) != 0)
                _device.Add(_parameters.Partial(1 + level), sum, sum);
        if (!isLast)
            _device.Copy(sum, _parameters.Partial(1 + level));
    }

    /// <summary>
    /// Goes on with the tree over the ranks: each adds its slice of all and gives it back. Gradients, terms and objective are those of the whole step then.
    /// </summary>
    void SumRanks()
    {
        if (_device.Ranks.Size > 1)
            _frame.Enter(TrainingPhase.RankSum);
        SumRanks(0, _parameters.Partial(0), _parameters.Received);
        _device.Copy(_parameters.TermsBehindGradients, AsRow(_frame.Terms));
        _device.WeightedSum(_frame.Terms, _frame.Scalars.Coefficients, _frame.Objective);
    }

    // Of values and received [blocks, N], whose rows are shared out among the ranks of this level, and so on below.
    void SumRanks(int level, Tensor values, Tensor received)
    {
        if (received.IsEmpty || level == _device.Ranks.Levels.Count)
            return;
        var ranks = _device.Ranks.Levels[level].Size;
        var blocks = values.Rows / ranks;
        _device.AllToAll(level, Slices(values), Slices(received));
        for (var width = 1; width < ranks; width *= 2)
            for (var rank = 0; rank + width < ranks; rank += 2 * width)
                _device.Add(Slice(rank), Slice(rank + width), Slice(rank));

        // What was received from others and added is room for the levels below.
        SumRanks(level + 1, Slice(0), Slice(1));
        _device.AllGather(level, AsRow(Slice(0)), Slices(values));

        Tensor Slice(int rank) => received.RowRange(rank * blocks, blocks);

        Tensor Slices(Tensor of) => new(of.Address, ranks, blocks * of.Columns, blocks * of.Columns);
    }

    // A contiguous matrix as one row.
    static Tensor AsRow(Tensor x) => new(x.Address, 1, x.Rows * x.Columns, x.Rows * x.Columns);
}
