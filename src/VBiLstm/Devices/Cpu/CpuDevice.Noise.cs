using VBiLstm.Noise;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    public override void FillNormal(Tensor x, NoiseSource noise)
    {
        CheckShape(x.Rows % noise.RowIds.Count == 0 && noise.Key.Count == 3);
        ForRows(new NormalRows { X = x, Noise = noise }, x.Rows, 8 * x.Columns);
    }

    public override void FillBernoulli(Tensor x, float probability, NoiseSource noise)
    {
        CheckShape(x.Rows % noise.RowIds.Count == 0 && noise.Key.Count == 3 && x.Columns == 1);
        ForRows(new BernoulliRows { X = x, Probability = probability, Noise = noise }, x.Rows, 32);
    }

    // Row t·B + n of a tensor has time step t and the id of row n.
    static (uint Row, uint TimeAndStream, uint Step, uint Key0, uint Key1) Counter(in NoiseSource noise, int row)
    {
        var key = (uint*)noise.Key.Address;
        var batchSize = noise.RowIds.Count;
        return (((uint*)noise.RowIds.Address)[row % batchSize], (uint)(row / batchSize) | (uint)noise.Stream << 24, key[2], key[0], key[1]);
    }

    struct NormalRows : IRangeJob
    {
        public Tensor X;
        public NoiseSource Noise;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
            {
                var (id, timeAndStream, step, key0, key1) = Counter(Noise, row);
                NormalNoise.FillRow(Row(X, row), X.Columns, id, timeAndStream, step, key0, key1);
            }
        }
    }

    struct BernoulliRows : IRangeJob
    {
        public Tensor X;
        public float Probability;
        public NoiseSource Noise;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
            {
                var (id, timeAndStream, step, key0, key1) = Counter(Noise, row);
                Philox4x32.Block(0, id, timeAndStream, step, key0, key1, out var word, out _, out _, out _);
                *Row(X, row) = NormalNoise.Uniform(word) < Probability ? 1 : 0;
            }
        }
    }
}
