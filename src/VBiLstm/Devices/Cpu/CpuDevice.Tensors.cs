using System.Numerics;
using System.Runtime.InteropServices;

namespace VBiLstm.Devices.Cpu;

public sealed unsafe partial class CpuDevice
{
    // Columns summed by one thread at a time: a fixed width, so that bits do not depend on the number of threads.
    const int ColumnBlock = 64;

    // Rows of a flat reduction summed before their partial sums are added, for the same reason.
    const int ReductionBlock = 16384;

    public override void EmbeddingForward(IdTensor ids, Tensor table, Tensor y)
    {
        CheckShape(ids.Count == y.Rows && table.Columns == y.Columns);
        ForRows(new Gather { Ids = ids, Table = table, Y = y }, y.Rows, y.Columns);
    }

    public override void EmbeddingBackward(IdTensor ids, Tensor dy, Tensor dTable)
    {
        CheckShape(ids.Count == dy.Rows && dTable.Columns == dy.Columns);
        Zero(dTable);
        _pool.Run(new Scatter { Ids = ids, DY = dy, DTable = dTable }, Blocks(dy.Columns), 1);
    }

    public override void Zero(Tensor x) => ForRows(new Clear { X = x }, x.Rows, x.Columns / 4);

    public override void Copy(Tensor x, Tensor y)
    {
        CheckShape(x.Rows == y.Rows && x.Columns == y.Columns);
        ForRows(new CopyRows { X = x, Y = y }, y.Rows, y.Columns / 4);
    }

    public override void MaskRows(Tensor x, Tensor mask)
    {
        CheckShape(x.Rows == mask.Rows);
        ForRows(new Mask { X = x, Values = mask }, x.Rows, x.Columns);
    }

    public override void WeightedSum(Tensor values, Tensor w, Tensor result)
    {
        CheckShape(values.Rows == w.Rows);
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

    struct Scatter : IRangeJob
    {
        public IdTensor Ids;
        public Tensor DY, DTable;

        public readonly void Execute(int start, int end)
        {
            var (first, last) = (start * ColumnBlock, Math.Min(end * ColumnBlock, DY.Columns));
            for (var row = 0; row < DY.Rows; row++)
            {
                float* dy = Row(DY, row), d = Row(DTable, ((int*)Ids.Address)[row]);
                for (var j = first; j < last; j += Lanes.Width)
                    Lanes.Store(Lanes.Load(d + j, last - j) + Lanes.Load(dy + j, last - j), d + j, last - j);
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

    struct Mask : IRangeJob
    {
        public Tensor X, Values;

        public readonly void Execute(int start, int end)
        {
            var n = X.Columns;
            for (var row = start; row < end; row++)
            {
                var x = Row(X, row);
                var mask = new Vector<float>(*Row(Values, row));
                for (var j = 0; j < n; j += Lanes.Width)
                    Lanes.Store(mask * Lanes.Load(x + j, n - j), x + j, n - j);
            }
        }
    }
}
