using Parquet;
using Parquet.Schema;

namespace VBiLstm.Columns;

/// <summary>A table as a file of Parquet: columns that have a value in every row, Snappy, 2^20 rows a group.</summary>
public sealed class ParquetTable
{
    const int GroupRows = 1 << 20;
    readonly List<(DataField Field, int Rows, Func<ParquetRowGroupWriter, DataField, Range, Task> Write)> _columns = [];

    /// <summary>Adds a column of texts.</summary>
    public void Add(string name, string[] texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        _columns.Add((new DataField<string>(name, false), texts.Length, (group, field, rows) => group.WriteAsync(field, texts[rows])));
    }

    /// <summary>Adds a column of whole numbers.</summary>
    public void Add(string name, int[] numbers) => AddNumbers(name, numbers);

    /// <summary>Adds a column of reals.</summary>
    public void Add(string name, double[] numbers) => AddNumbers(name, numbers);

    /// <summary>Writes the table; an old file stays whole until the new one is.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, stream => Write(stream).GetAwaiter().GetResult());

    void AddNumbers<T>(string name, T[] numbers) where T : struct
    {
        ArgumentNullException.ThrowIfNull(numbers);
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
