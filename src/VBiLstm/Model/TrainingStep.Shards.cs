using VBiLstm.Devices;

namespace VBiLstm.Model;

public sealed partial class TrainingStep
{
    /// <summary>
    /// Adds the gradients and terms of a shard to those of the shards before it, by the aligned binary tree: 2i and 2i + 1, then pairs of pairs; one without
    /// a partner passes. After the last shard, gradients, terms and objective are those of the whole step.
    /// </summary>
    void SumShard(int shard)
    {
        _frame.Enter(TrainingPhase.ShardSum);
        var isLast = shard == _parameters.Shards - 1;
        var sum = _parameters.Partial(0);
        var terms = _parameters.TermsBehindGradients;
        _device.Copy(AsRow(_frame.Terms), terms);

        // As a binary counter carries: where bit l of the shard's number is set, the sum of the 2^l shards before it waits.
        var level = 0;
        for (; isLast ? shard >> level != 0 : (shard >> level & 1) != 0; level++)
            if ((shard >> level & 1) != 0)
                _device.Add(_parameters.Partial(1 + level), sum, sum);
        if (!isLast)
        {
            _device.Copy(sum, _parameters.Partial(1 + level));
            return;
        }

        _device.Copy(terms, AsRow(_frame.Terms));
        _device.WeightedSum(_frame.Terms, _frame.Scalars.Coefficients, _frame.Objective);
    }

    static Tensor AsRow(Tensor column) => new(column.Address, 1, column.Rows, column.Rows);
}
