using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    // Columns summed by one thread at a time: a fixed width, so that bits do not depend on the number of threads.
    const int ColumnBlock = 64;

    // Rows of a flat reduction summed before their partial sums are added, for the same reason.
    const int ReductionBlock = 16384;

    private protected override void EmbeddingForwardCore(IdTensor ids, Tensor table, Tensor y)
        => ForRows(new Gather { Ids = ids, Table = table, Y = y }, y.Rows, y.Columns);

    private protected override void EmbeddingBackwardCore(IdTensor ids, Tensor dy, Tensor dTable)
    {
        ZeroCore(dTable);
        RunElements(new Scatter { Ids = ids, DY = dy, DTable = dTable }, Blocks(dy.Columns), 1);
    }

    private protected override void ZeroCore(Tensor x) => ForRows(new Clear { X = x }, x.Rows, x.Columns / 4);

    private protected override void CopyCore(Tensor x, Tensor y) => ForRows(new CopyRows { X = x, Y = y }, y.Rows, y.Columns / 4);

    private protected override void MaskRowsCore(Tensor x, Tensor mask) => ForElements(new Mask { X = x, Values = mask }, x.Rows, x.Columns);

    private protected override void WeightedSumCore(Tensor values, Tensor w, Tensor result)
    {
        var sum = 0.0;
        for (var row = 0; row < values.Rows; row++)
            sum += (double)*Row(values, row) * *Row(w, row);
        *Start(result) = (float)sum;
    }

    static int Blocks(int columns) => (columns + ColumnBlock - 1) / ColumnBlock;

    struct Gather : IRangeJob
    {
        public IdTensor Ids;
        public Tensor Table, Y;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
                CopyRow(Row(Table, ((int*)Ids.Address)[row]), Row(Y, row), Y.Columns);
        }
    }

    struct Scatter : IElementJob
    {
        public IdTensor Ids;
        public Tensor DY, DTable;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var (first, last) = (start * ColumnBlock, Math.Min(end * ColumnBlock, DY.Columns));
            for (var row = 0; row < DY.Rows; row++)
            {
                float* dy = Row(DY, row), d = Row(DTable, ((int*)Ids.Address)[row]);
                for (var j = first; j < last; j += T.Width)
                    Lanes.Store(Lanes.Load<T>(d + j, last - j) + Lanes.Load<T>(dy + j, last - j), d + j, last - j);
            }
        }
    }

    struct Clear : IRangeJob
    {
        public Tensor X;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
                NativeMemory.Clear(Row(X, row), (nuint)X.Columns * sizeof(float));
        }
    }

    struct CopyRows : IRangeJob
    {
        public Tensor X, Y;

        public readonly void Execute(int start, int end)
        {
            for (var row = start; row < end; row++)
                CopyRow(Row(X, row), Row(Y, row), X.Columns);
        }
    }

    static void CopyRow(float* source, float* target, int count) => NativeMemory.Copy(source, target, (nuint)count * sizeof(float));

    struct Mask : IElementJob
    {
        public Tensor X, Values;

        public readonly void Execute<T>(int start, int end) where T : unmanaged, ILanes<T>
        {
            var n = X.Columns;
            for (var row = start; row < end; row++)
            {
                var x = Row(X, row);
                var mask = T.Create(*Row(Values, row));
                for (var j = 0; j < n; j += T.Width)
                    Lanes.Store(mask * Lanes.Load<T>(x + j, n - j), x + j, n - j);
            }
        }
    }
}
