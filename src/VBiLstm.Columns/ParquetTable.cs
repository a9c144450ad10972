using Parquet;
using Parquet.Schema;

namespace VBiLstm.Columns;

/// <summary>A table as a file of Parquet: columns that have a value in every row, Snappy, 2^20 rows a group.</summary>
public sealed class ParquetTable
{
    const int GroupRows = 1 << 20;
    readonly List<(DataField Field, int Rows, Func<ParquetRowGroupWriter, DataField, Range, Task> Write)> _columns = [];

    /// <summary>Adds a column of texts, whole numbers or reals.</summary>
    /// <exception cref="ArgumentException">The array is of none of string, int and double.</exception>
    public void Add(string name, Array values)
    {
        ArgumentNullException.ThrowIfNull(values);
        switch (values)
        {
            case string[] texts:
                _columns.Add((new DataField<string>(name, false), texts.Length, (group, field, rows) => group.WriteAsync(field, texts[rows])));
                break;
            case int[] numbers:
                AddNumbers(name, numbers);
                break;
            case double[] numbers:
                AddNumbers(name, numbers);
                break;
            default:
                throw new ArgumentException($"{values.GetType()} is no column here.", nameof(values));
        }
    }

    /// <summary>Writes the table; an old file stays whole until the new one is.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, stream => Write(stream).GetAwaiter().GetResult());

    void AddNumbers<T>(string name, T[] numbers) where T : struct
    {
        _columns.Add((new DataField<T>(name), numbers.Length,
            (group, field, rows) => group.WriteAsync<T>(field, numbers.AsMemory(rows))));
    }

    async Task Write(Stream stream)
    {
        var schema = new ParquetSchema(_columns.Select(column => column.Field));
        var writer = await ParquetWriter.CreateAsync(schema, stream);
        await using (writer)
        {
            var rows = _columns[0].Rows;
            for (var first = 0; first < rows; first += GroupRows)
            {
                using var group = writer.CreateRowGroup();
                foreach (var (field, _, write) in _columns)
                    await write(group, field, first..Math.Min(rows, first + GroupRows));
            }
        }
    }
}
