using System.Diagnostics.CodeAnalysis;
using VBiLstm.Data;

namespace VBiLstm.Columns;

/// <summary>A file of columns: Parquet, or Arrow's IPC in its file form (Feather, version 2) or its stream form. Rows are read a group at a time.</summary>
public abstract class ColumnFile : IDisposable
{
    const int MaximumDepth = 2;

    // Doubles hold every whole number up to here.
    const double LargestWholeNumber = 1L << 53;

    internal ColumnFile(string name) => Name = name;

    /// <summary>Named in errors.</summary>
    public string Name { get; }

    /// <summary>Of the file, in its order.</summary>
    public IReadOnlyList<Column> Columns { get; private protected init; } = [];

    /// <summary>Whether a file begins as one of these formats, also as one that is refused.</summary>
    /// <param name="head">The first 8 bytes, or all that there are.</param>
    public static bool IsOne(ReadOnlySpan<byte> head) => ParquetColumns.IsOne(head) || ArrowColumns.IsOne(head);

    /// <summary>Opens a file that <see cref="IsOne"/>.</summary>
    /// <param name="stream">The file, which can seek.</param>
    /// <param name="leaveOpen">Whether it is not disposed with what is returned.</param>
    /// <param name="name">Named in errors.</param>
    /// <param name="cancellation">Ends reading.</param>
    /// <exception cref="DataException">The file is damaged, or of a form that cannot be read.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "What is made owns the stream.")]
    public static ColumnFile Open(Stream stream, bool leaveOpen, string name, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Position = 0;
        var head = new byte[8];
        var length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        var isParquet = ParquetColumns.IsOne(head.AsSpan(0, length));
        var guarded = new GuardedStream(stream, leaveOpen, cancellation) { ChecksLengths = !isParquet };
        return isParquet ? new ParquetColumns(guarded, name) : new ArrowColumns(guarded, name, head.AsSpan(0, length));
    }

    /// <summary>Reads columns, a group of rows at a time.</summary>
    /// <param name="columns">Of <see cref="Columns"/>; none of them <see cref="ColumnContent.Other"/>.</param>
    /// <exception cref="DataException">The file is damaged, or a value is missing; the message names the column and the row.</exception>
    public abstract IEnumerable<ColumnGroup> Read(IReadOnlyList<Column> columns);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected abstract void Dispose(bool disposing);

    // Lists in lists in lists are no sequences.
    private protected static Column Describe(string name, ColumnContent content, int depth, string type)
        => new(name, depth > MaximumDepth ? ColumnContent.Other : content, depth,
            string.Concat(Enumerable.Repeat("list of ", depth)) + type);

    private protected DataException NoValue(Column column, long row)
        => new($"{Name}, column {Printable.Text(column.Name)}, row {row} (from 0 on): no value (null). Fill it or take the row out, for instance: "
            + "df.dropna() or df.fillna(0).");

    private protected void CheckWhole(Column column, ReadOnlySpan<double> numbers)
    {
        foreach (var number in numbers)
            if (Math.Abs(number) >= LargestWholeNumber)
                throw new DataException($"{Name}, column {Printable.Text(column.Name)}: {number:F0}, or a number near it, is a whole number of more than "
                    + "53 bits; write smaller numbers, or texts.");
    }

    private protected DataException Damaged(Column column, long firstRow, string reason)
        => new($"{Name}, column {Printable.Text(column.Name)}, rows from {firstRow} (from 0 on): {reason}; the file is damaged. Get it or write it again.");
}
