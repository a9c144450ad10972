using System.Buffers;
using System.Buffers.Binary;
using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;
using Apache.Arrow.Memory;
using Apache.Arrow.Types;
using VBiLstm.Data;
using Array = System.Array;

namespace VBiLstm.Columns;

/// <summary>A file of Apache Arrow's IPC: the file form, which Feather is from version 2 on, or the stream form, which Hugging Face's data sets have.</summary>
sealed class ArrowColumns : ColumnFile
{
    const uint StreamMark = 0xffff_ffff;
    const string Fix = "Get it again, or write it again, for instance: pandas.read_feather('FILE').to_feather('OUT.feather').";

    readonly GuardedStream _stream;
    readonly ArrowStreamReader _reader;
    readonly Dictionary<Column, int> _indices = new(ReferenceEqualityComparer.Instance);
    readonly bool _isStream;
    readonly LimitedMemory _memory;
    bool _isRead;

    public ArrowColumns(GuardedStream stream, string name, ReadOnlySpan<byte> head) : base(name)
    {
        (_stream, _isStream, _memory) = (stream, IsStream(head), new LimitedMemory(stream.Most));
        var isFirstVersion = head.StartsWith("FEA1"u8);
        try
        {
            if (isFirstVersion)
                throw new DataException($"{name} is Feather of version 1; write it again: pandas.read_feather('FILE').to_feather('OUT.feather').");
            _reader = Open();
            Columns = LibraryFailure.Told($"{name}, as Arrow,", Fix, () => _reader.Schema.FieldsList.Select(Describe).ToList());
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file begins as Arrow's files or streams do, or as the first version of Feather.</summary>
    public static new bool IsOne(ReadOnlySpan<byte> head) => head.StartsWith("ARROW1"u8) || head.StartsWith("FEA1"u8) || IsStream(head);

    // A mark, and the length of the schema's message.
    static bool IsStream(ReadOnlySpan<byte> head)
        => head.Length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(head) == StreamMark
            && BinaryPrimitives.ReadInt32LittleEndian(head[4..]) is > 0 and < 1 << 24;

    ArrowStreamReader Open()
    {
        _stream.Position = 0;
        _stream.Restart();
        return _isStream
            ? new ArrowStreamReader(_stream, _memory, new CompressionCodecFactory(), leaveOpen: true)
            : new ArrowFileReader(_stream, _memory, new CompressionCodecFactory(), leaveOpen: true);
    }

    public override IEnumerable<ColumnGroup> Read(IReadOnlyList<Column> columns)
    {
        if (_isRead)
            throw new InvalidOperationException("The batches stand one behind the other; they are read once.");
        _isRead = true;
        var first = 0L;
        while (true)
        {
            _stream.Restart();
            using var batch = LibraryFailure.Told($"{Name}, rows from {first} (from 0 on),", Fix, () => _reader.ReadNextRecordBatch());
            if (batch is null)
                yield break;
            if (batch.Length > _stream.Most)
                throw new DataException($"{Name}, rows from {first} (from 0 on): {batch.Length:N0} rows, more than fit the file's size; it is damaged. {Fix}");
            yield return LibraryFailure.Told($"{Name}, rows from {first} (from 0 on),", Fix,
                () => new ColumnGroup(first, batch.Length, [.. columns.Select(column => Read(column, batch.Column(_indices[column]), batch.Length, first))]));
            first += batch.Length;
        }
    }

    Column Describe(Field field, int index)
    {
        var (type, depth) = (field.DataType, 0);
        while (type is ListType or LargeListType or FixedSizeListType)
            (type, depth) = (((NestedType)type).Fields[0].DataType, depth + 1);
        if (type is DictionaryType dictionary)
            type = dictionary.ValueType;
        var (content, words) = type.TypeId switch
        {
            ArrowTypeId.Boolean => (ColumnContent.WholeNumbers, "truth values"),
            ArrowTypeId.Int8 or ArrowTypeId.UInt8 or ArrowTypeId.Int16 or ArrowTypeId.UInt16 or ArrowTypeId.Int32 or ArrowTypeId.UInt32 or ArrowTypeId.Int64
                or ArrowTypeId.UInt64 => (ColumnContent.WholeNumbers, "whole numbers"),
            ArrowTypeId.HalfFloat or ArrowTypeId.Float or ArrowTypeId.Double => (ColumnContent.Reals, "reals"),
            ArrowTypeId.String or ArrowTypeId.LargeString or ArrowTypeId.StringView => (ColumnContent.Texts, "texts"),
            ArrowTypeId.Decimal32 or ArrowTypeId.Decimal64 or ArrowTypeId.Decimal128 or ArrowTypeId.Decimal256 => (ColumnContent.Other, "decimal"),
            ArrowTypeId.Date32 or ArrowTypeId.Date64 => (ColumnContent.Other, "date"),
            ArrowTypeId.Struct => (ColumnContent.Other, "structure"),
            _ => (ColumnContent.Other, type.Name),
        };
        var column = Describe(field.Name, content, depth, words);
        _indices[column] = index;
        return column;
    }

    ColumnValues Read(Column column, IArrowArray array, int rows, long first)
    {
        if (array.Length != rows)
            throw Damaged(column, first, $"{array.Length:N0} values in {rows:N0} rows");

        // For each depth the places of the lists' begins; rows of the innermost values.
        var starts = new List<int[]>();
        var (begin, end) = (0, rows);
        while (array is ListArray or LargeListArray or FixedSizeListArray)
        {
            CheckValues(column, array, begin, end, starts, first);
            var (inner, offsets) = Offsets(array, begin, end);
            var origin = offsets[0];
            for (var i = 0; i + 1 < offsets.Length; i++)
                if (offsets[i + 1] < offsets[i] || offsets[i + 1] > inner.Length)
                    throw Damaged(column, first, "the ends of its lists lie outside of the values");
            (begin, end) = (origin, offsets[^1]);
            starts.Add(Array.ConvertAll(offsets, offset => offset - origin));
            array = inner;
        }

        CheckValues(column, array, begin, end, starts, first);
        if (column.Content == ColumnContent.Texts)
            return new ColumnValues([], Texts(array, begin, end), starts);
        var numbers = Numbers(array, begin, end);
        if (array is Int64Array or UInt64Array)
            CheckWhole(column, numbers);
        return new ColumnValues(numbers, [], starts);
    }

    static (IArrowArray Values, int[] Offsets) Offsets(IArrowArray array, int begin, int end) => array switch
    {
        ListArray list => (list.Values, list.ValueOffsets[begin..(end + 1)].ToArray()),
        LargeListArray large => (large.Values, Array.ConvertAll(large.ValueOffsets[begin..(end + 1)].ToArray(), offset => checked((int)offset))),
        _ => FixedOffsets((FixedSizeListArray)array, begin, end),
    };

    static (IArrowArray Values, int[] Offsets) FixedOffsets(FixedSizeListArray array, int begin, int end)
    {
        var size = ((FixedSizeListType)array.Data.DataType).ListSize;
        return (array.Values, [.. Enumerable.Range(begin, end - begin + 1).Select(place => checked((place + array.Offset) * size))]);
    }

    void CheckValues(Column column, IArrowArray array, int begin, int end, List<int[]> starts, long first)
    {
        if (begin < 0 || end > array.Length)
            throw Damaged(column, first, "the ends of its lists lie outside of the values");
        if (array.NullCount == 0)
            return;
        for (var place = begin; place < end; place++)
        {
            if (!array.IsNull(place))
                continue;
            var row = place - begin;
            for (var depth = starts.Count - 1; depth >= 0; depth--)
                row = ListOf(starts[depth], row);
            throw NoValue(column, first + row);
        }
    }

    // The last list that begins at a place or before it: those before it that begin there are empty.
    static int ListOf(int[] starts, int place)
    {
        var (list, behind) = (0, starts.Length);
        while (behind - list > 1)
        {
            var middle = (list + behind) / 2;
            (list, behind) = starts[middle] <= place ? (middle, behind) : (list, middle);
        }

        return list;
    }

    static string[] Texts(IArrowArray array, int begin, int end)
    {
        if (array is DictionaryArray dictionary)
        {
            var texts = Texts(dictionary.Dictionary, 0, dictionary.Dictionary.Length);
            return Array.ConvertAll(Numbers(dictionary.Indices, begin, end), index => texts[(int)index]);
        }

        return [.. Enumerable.Range(begin, end - begin).Select(place => array switch
        {
            StringArray text => text.GetString(place),
            LargeStringArray large => large.GetString(place),
            _ => ((StringViewArray)array).GetString(place),
        })];
    }

    static double[] Numbers(IArrowArray array, int begin, int end)
    {
        switch (array)
        {
            case DictionaryArray dictionary:
                var values = Numbers(dictionary.Dictionary, 0, dictionary.Dictionary.Length);
                return Array.ConvertAll(Numbers(dictionary.Indices, begin, end), index => values[(int)index]);
            case BooleanArray truths:
                return [.. Enumerable.Range(begin, end - begin).Select(place => truths.GetValue(place) == true ? 1.0 : 0)];
            case Int8Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case UInt8Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case Int16Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case UInt16Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case Int32Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case UInt32Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case Int64Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case UInt64Array numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            case HalfFloatArray numbers:
                return Numbers(numbers.Values[begin..end], value => (double)value);
            case FloatArray numbers:
                return Numbers(numbers.Values[begin..end], value => value);
            default:
                return ((DoubleArray)array).Values[begin..end].ToArray();
        }
    }

    static double[] Numbers<T>(ReadOnlySpan<T> values, Func<T, double> convert)
    {
        var numbers = new double[values.Length];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = convert(values[i]);
        return numbers;
    }

    private protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        _reader.Dispose();
        _stream.Dispose();
    }

    sealed class LimitedMemory(long most) : MemoryAllocator
    {
        protected override IMemoryOwner<byte> AllocateInternal(int length, out int bytesAllocated)
        {
            if (length < 0 || length > most)
                throw new InvalidDataException($"It promises {length:N0} bytes.");
            bytesAllocated = length;
            return MemoryPool<byte>.Shared.Rent(length);
        }
    }
}
