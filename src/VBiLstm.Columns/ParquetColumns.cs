using Parquet;
using Parquet.Meta;
using Parquet.Schema;
using VBiLstm.Data;

namespace VBiLstm.Columns;

/// <summary>A file of Apache Parquet.</summary>
sealed class ParquetColumns : ColumnFile
{
    // Of one column in one row group: 2 GiB of numbers.
    const long MostValues = 1L << 28;

    const string Fix = "Get it again, or write it again, for instance: pandas.read_parquet('FILE').to_parquet('OUT.parquet').";

    readonly GuardedStream _stream;
    readonly ParquetReader _reader;
    readonly Dictionary<Column, Leaf> _leaves = new(ReferenceEqualityComparer.Instance);

    public ParquetColumns(GuardedStream stream, string name) : base(name)
    {
        _stream = stream;
        try
        {
            ParquetDirectory.Check(stream, name, Fix);
            _reader = LibraryFailure.Told($"{name}, as Parquet,", Fix, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
            if (_reader.Metadata?.Schema.FirstOrDefault(element => element.LogicalType?.FLOAT16 is not null) is { } half)
                throw new DataException($"{name}, column {Printable.Text(half.Name)}: reals of 16 bits, which cannot be read from Parquet; write them as 32, "
                    + "for instance: df['x'] = df['x'].astype('float32').");
            Columns = LibraryFailure.Told($"{name}, as Parquet,", Fix, () => _reader.Schema.Fields.Select(Describe).ToList());
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file begins as Parquet does, or as one whose directory is encrypted.</summary>
    public static new bool IsOne(ReadOnlySpan<byte> head) => head.StartsWith("PAR1"u8) || head.StartsWith("PARE"u8);

    public override IEnumerable<ColumnGroup> Read(IReadOnlyList<Column> columns)
    {
        var first = 0L;
        for (var group = 0; group < _reader.RowGroupCount; group++)
        {
            using var reader = LibraryFailure.Told($"{Name}, row group {group},", Fix, () => _reader.OpenRowGroupReader(group));
            if (reader.RowCount is < 0 or > MostValues)
                throw new DataException($"{Name}, row group {group}: {reader.RowCount:N0} rows; {MostValues:N0} can be read at once. Write it again in smaller "
                    + "groups, for instance: to_parquet('OUT.parquet', row_group_size=1000000).");
            yield return new ColumnGroup(first, (int)reader.RowCount, [.. columns.Select(column => Read(column, _leaves[column], reader, first))]);
            first += reader.RowCount;
        }
    }

    Column Describe(Field field)
    {
        var (levels, inner) = (new List<int>(), field);
        var repetitions = 0;
        while (inner is ListField list)
        {
            if (list.MaxRepetitionLevel > repetitions)
                levels.Add(list.MaxDefinitionLevel);
            (repetitions, inner) = (list.MaxRepetitionLevel, list.Item);
        }

        if (inner is not DataField data)
            return Describe(field.Name, ColumnContent.Other, levels.Count, inner.SchemaType == SchemaType.Map ? "map" : "structure");
        if (data.MaxRepetitionLevel > repetitions)
            levels.Add(data.MaxDefinitionLevel);
        var (content, type) = Content(data);
        var column = Describe(field.Name, content, levels.Count, type);
        _leaves[column] = new Leaf(data, levels);
        return column;
    }

    static (ColumnContent Content, string Type) Content(DataField field)
    {
        var (logical, converted) = (field.SchemaElement?.LogicalType, field.SchemaElement?.ConvertedType);
        if (logical?.TIME is not null || converted is ConvertedType.TIME_MILLIS or ConvertedType.TIME_MICROS)
            return (ColumnContent.Other, "time");
        if (logical?.DECIMAL is not null || converted is ConvertedType.DECIMAL)
            return (ColumnContent.Other, "decimal");
        if (logical?.DATE is not null || converted is ConvertedType.DATE)
            return (ColumnContent.Other, "date");
        if (field is DateTimeDataField)
            return (ColumnContent.Other, "timestamp");
        if (field.ClrType == typeof(float) || field.ClrType == typeof(double))
            return (ColumnContent.Reals, "reals");
        if (field.ClrType == typeof(bool))
            return (ColumnContent.WholeNumbers, "truth values");
        if (field.ClrType == typeof(sbyte) || field.ClrType == typeof(byte) || field.ClrType == typeof(short) || field.ClrType == typeof(ushort)
            || field.ClrType == typeof(int) || field.ClrType == typeof(uint) || field.ClrType == typeof(long) || field.ClrType == typeof(ulong))
            return (ColumnContent.WholeNumbers, "whole numbers");
        var isText = field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>);
        return isText ? (ColumnContent.Texts, "texts") : (ColumnContent.Other, logical?.UUID is not null ? "UUID" : "bytes");
    }

    ColumnValues Read(Column column, Leaf leaf, ParquetRowGroupReader reader, long first)
    {
        var type = leaf.Field.ClrType;
        if (column.Content == ColumnContent.Texts)
        {
            var (texts, starts) = Raw<ReadOnlyMemory<char>>(column, leaf, reader, first);
            return new ColumnValues([], Array.ConvertAll(texts, text => text.ToString()), starts);
        }

        if (type == typeof(double))
        {
            var (numbers, starts) = Raw<double>(column, leaf, reader, first);
            return new ColumnValues(numbers, [], starts);
        }

        if (type == typeof(float))
            return Numbers<float>(column, leaf, reader, first, value => value);
        if (type == typeof(bool))
            return Numbers<bool>(column, leaf, reader, first, value => value ? 1 : 0);
        if (type == typeof(sbyte))
            return Numbers<sbyte>(column, leaf, reader, first, value => value);
        if (type == typeof(byte))
            return Numbers<byte>(column, leaf, reader, first, value => value);
        if (type == typeof(short))
            return Numbers<short>(column, leaf, reader, first, value => value);
        if (type == typeof(ushort))
            return Numbers<ushort>(column, leaf, reader, first, value => value);
        if (type == typeof(int))
            return Numbers<int>(column, leaf, reader, first, value => value);
        if (type == typeof(uint))
            return Numbers<uint>(column, leaf, reader, first, value => value);
        var whole = type == typeof(long) ? Numbers<long>(column, leaf, reader, first, value => value)
            : Numbers<ulong>(column, leaf, reader, first, value => value);
        CheckWhole(column, whole.Numbers);
        return whole;
    }

    ColumnValues Numbers<T>(Column column, Leaf leaf, ParquetRowGroupReader reader, long first, Converter<T, double> convert) where T : struct
    {
        var (values, starts) = Raw<T>(column, leaf, reader, first);
        return new ColumnValues(Array.ConvertAll(values, convert), [], starts);
    }

    (T[] Values, int[][] Starts) Raw<T>(Column column, Leaf leaf, ParquetRowGroupReader reader, long first) where T : struct
    {
        var what = $"{Name}, column {Printable.Text(column.Name)}, rows from {first} (from 0 on),";
        var count = LibraryFailure.Told(what, Fix, () => reader.GetMetadata(leaf.Field)?.MetaData?.NumValues ?? 0);
        if (count is < 0 or > MostValues)
            throw new DataException($"{what} hold {count:N0} values; {MostValues:N0} can be read at once. Write the file again in smaller groups, "
                + "for instance: to_parquet('OUT.parquet', row_group_size=1000000).");
        if (count * sizeof(double) > _stream.Most)
            throw new DataException($"{what} hold {count:N0} values, more than {GuardedStream.MostExpansion:N0} times the file's size; it is damaged, "
                + "or holds nothing else than the same value.");
        var (values, definitions, repetitions) = (new T[count], leaf.Field.MaxDefinitionLevel > 0 ? new int[count] : null,
            leaf.Levels.Count > 0 ? new int[count] : null);
        _stream.Restart();
        LibraryFailure.Told(what, FixOf(column), () =>
        {
            reader.ReadRawAsync(leaf.Field, values.AsMemory(), Levels(definitions), Levels(repetitions)).AsTask().GetAwaiter().GetResult();
            return 0;
        });
        return leaf.Levels.Count == 0
            ? (Scalars(column, leaf, values, definitions, reader.RowCount, first), [])
            : Lists(column, leaf, values, definitions!, repetitions!, reader.RowCount, first);
    }

    static Memory<int>? Levels(int[]? levels) => levels is null ? (Memory<int>?)null : levels.AsMemory();

    // What its library does not read, its other writers write without being asked.
    static string FixOf(Column column) => column.Depth == 0 ? Fix
        : "Lists in data pages of version 2 cannot be read; write it with those of version 1, which is the default of pandas and pyarrow.";

    T[] Scalars<T>(Column column, Leaf leaf, T[] values, int[]? definitions, long rows, long first)
    {
        if (values.Length != rows)
            throw Damaged(column, first, $"{values.Length:N0} values in {rows:N0} rows");
        if (definitions?.AsSpan().IndexOfAnyExcept(leaf.Field.MaxDefinitionLevel) is >= 0 and var missing)
            throw NoValue(column, first + missing);
        return values;
    }

    // Dremel's levels: a repetition level says which list goes on, a definition level how much of what is around a value is there.
    (T[] Values, int[][] Starts) Lists<T>(Column column, Leaf leaf, T[] values, int[] definitions, int[] repetitions, long rows, long first)
    {
        var depth = leaf.Levels.Count;
        var starts = Enumerable.Range(0, depth).Select(_ => new List<int>()).ToArray();
        var (row, used) = (-1L, 0);
        for (var i = 0; i < definitions.Length; i++)
        {
            var (repetition, definition) = (repetitions[i], definitions[i]);
            if (repetition == 0)
                row++;
            if (row < 0 || repetition < 0 || repetition > depth || definition < 0 || definition > leaf.Field.MaxDefinitionLevel)
                throw Damaged(column, first, "its levels are none of lists");
            var isThere = true;
            for (var level = repetition; level < depth && isThere; level++)
            {
                starts[level].Add(level + 1 < depth ? starts[level + 1].Count : used);
                isThere = definition >= leaf.Levels[level];
                if (definition < leaf.Levels[level] - 1)
                    throw NoValue(column, first + row);
            }

            if (!isThere)
                continue;
            if (definition < leaf.Field.MaxDefinitionLevel)
                throw NoValue(column, first + row);
            used++;
        }

        if (row + 1 != rows)
            throw Damaged(column, first, $"lists of {row + 1:N0} rows in {rows:N0} rows");
        for (var level = 0; level < depth; level++)
            starts[level].Add(level + 1 < depth ? starts[level + 1].Count : used);
        return (used == values.Length ? values : values[..used], [.. starts.Select(level => level.ToArray())]);
    }

    private protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stream.Dispose();
    }

    /// <summary>The values of a column.</summary>
    /// <param name="Field">Of the values.</param>
    /// <param name="Levels">Of each list around them from outside in: the definition level from which on it has an element.</param>
    sealed record Leaf(DataField Field, IReadOnlyList<int> Levels);
}
