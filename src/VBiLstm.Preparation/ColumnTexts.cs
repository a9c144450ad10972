using System.Diagnostics.CodeAnalysis;
using VBiLstm.Columns;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>The texts in a column of a file, one a row.</summary>
static class ColumnTexts
{
    /// <summary>The texts of a file of columns in the order of its rows; null where it is none.</summary>
    /// <exception cref="DataException">It has no column of texts or several, or a row without a text.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "What is returned owns the file.")]
    public static IEnumerable<string>? Read(SourceFile file, IReadOnlyList<string> values) => file.OpenColumns() is { } columns ? Rows(columns, values) : null;

    static IEnumerable<string> Rows(ColumnFile file, IReadOnlyList<string> values)
    {
        using (file)
        {
            var column = Choose(file, values);
            foreach (var group in file.Read([column]))
            {
                foreach (var (row, text) in group.Values[0].Texts.Index())
                {
                    if (text.Contains('\0'))
                        throw new DataException($"{file.Name}, column {Printable.Text(column.Name)}, row {group.FirstRow + row} (from 0 on): a NUL character; "
                            + "take it out.");
                    yield return text;
                }
            }
        }
    }

    static Column Choose(ColumnFile file, IReadOnlyList<string> values)
    {
        var found = values.Count > 0
            ? [.. values.Select(name => ColumnNames.Get(file, "--values", name))]
            : file.Columns.Where(column => column is { Content: ColumnContent.Texts, Depth: 0 } && !ColumnNames.IsIndex(column)).ToList();
        if (found.Count > 1)
            throw ColumnNames.Ambiguous(file, found, "are several, and a row has one text");
        if (found.Count == 0 || found[0] is not { Content: ColumnContent.Texts, Depth: 0 })
            throw new DataException($"{file.Name}: {(found.Count == 0 ? "no column holds" : $"column {Printable.Text(found[0].Name)} does not hold")} texts. "
                + ColumnNames.List(file));
        return found[0];
    }
}
