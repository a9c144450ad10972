using VBiLstm.Columns;
using VBiLstm.Data;

namespace VBiLstm.Preparation;

/// <summary>Columns as a user names them.</summary>
static class ColumnNames
{
    const int Listed = 20;

    /// <summary>The column of that name.</summary>
    /// <param name="file">That has it.</param>
    /// <param name="option">That named it.</param>
    /// <param name="name">As the file spells it.</param>
    /// <exception cref="DataException">There is none, or two; the message lists what there is.</exception>
    public static Column Get(ColumnFile file, string option, string name)
        => file.Columns.Where(column => column.Name == name).ToList() switch
        {
            [var one] => one,
            [] => throw new DataException($"{file.Name}: {option}: there is no column {Printable.Text(name)}. {List(file)}"),
            _ => throw new DataException($"{file.Name}: {option}: there are several columns {Printable.Text(name)}; rename them."),
        };

    /// <summary>Whether a column is the index that pandas wrote beside the columns.</summary>
    public static bool IsIndex(Column column)
        => column.Name.StartsWith("__index_level_", StringComparison.Ordinal) && column.Name.EndsWith("__", StringComparison.Ordinal);

    /// <summary>That nobody can know which columns are meant.</summary>
    public static DataException Ambiguous(ColumnFile file, IReadOnlyList<Column> candidates, string why)
        => new($"{file.Name}: columns {string.Join(", ", candidates.Take(Listed).Select(column => Printable.Text(column.Name)))}"
            + $"{(candidates.Count > Listed ? ", …" : "")} {why}; say which hold the values with --values. {List(file)}");

    /// <summary>What a file holds, in a sentence.</summary>
    public static string List(ColumnFile file)
        => $"It has: {string.Join(", ", file.Columns.Take(Listed).Select(column => $"{Printable.Text(column.Name)} ({column.Type})"))}"
            + (file.Columns.Count > Listed ? $", and {file.Columns.Count - Listed} more." : ".");
}
