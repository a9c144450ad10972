using VBiLstm.Noise;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    private protected override void FillNormalCore(Tensor x, NoiseSource noise) => ForRows(new NormalRows { X = x, Noise = noise }, x.Rows, 8 * x.Columns);

    private protected override void FillBernoulliCore(Tensor x, float probability, NoiseSource noise, float one)
        => ForRows(new BernoulliRows { X = x, Probability = probability, One = one, Noise = noise }, x.Rows, 32 + 4 * x.Columns);

    private protected override void AddNormalCore(Tensor x, float deviation, IdTensor key, NoiseStream stream, Tensor y)
    {
        var job = new NoisyWeights { X = x, Y = y, Deviation = deviation, Key = key, Stream = stream };
        RunElements(job, (x.Columns + ReductionBlock - 1) / ReductionBlock, 1);
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
        public float Probability, One;
        public NoiseSource Noise;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
            {
                var (id, timeAndStream, step, key0, key1) = Counter(Noise, row);
                BernoulliNoise.FillRow(Row(X, row), X.Columns, Probability, One, id, timeAndStream, step, key0, key1);
            }
        }
    }

    struct NoisyWeights : IElementJob
    {
        const int Piece = 256;

        public Tensor X, Y;
        public float Deviation;
        public IdTensor Key;
        public NoiseStream Stream;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var key = (uint*)Key.Address;
            var noise = stackalloc float[Piece];
            var deviation = T.Create(Deviation);
            var last = (int)Math.Min((long)end * ReductionBlock, X.Columns);
            for (var first = start * ReductionBlock; first < last; first += Piece)
            {
                var count = Math.Min(Piece, last - first);
                NormalNoise.FillRow(noise, count, 0, (uint)Stream << 24, key[2], key[0], key[1], (uint)first / 4);
                float* x = Start(X) + first, y = Start(Y) + first;
                for (var j = 0; j < count; j += T.Width)
                    Lanes.Store(T.FusedMultiplyAdd(deviation, Lanes.Load<T>(noise + j, count - j), Lanes.Load<T>(x + j, count - j)), y + j, count - j);
            }
        }
    }
}
