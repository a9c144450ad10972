namespace VBiLstm.Columns;

/// <summary>What the values of a column are.</summary>
public enum ColumnContent
{
    /// <summary>Whole numbers and truth values.</summary>
    WholeNumbers,

    /// <summary>Reals of 16, 32 or 64 bits.</summary>
    Reals,
    Texts,

    /// <summary>What can be neither frames nor tokens: times, decimals, structures, …</summary>
    Other,
}

/// <summary>A column of a file.</summary>
/// <param name="Name">As the file has it.</param>
/// <param name="Content">Of the innermost values.</param>
/// <param name="Depth">How many lists are around them: 0 where a row has one value, 1 for a list a row, 2 for a list of lists a row.</param>
/// <param name="Type">In words, for errors.</param>
public sealed record Column(string Name, ColumnContent Content, int Depth, string Type)
{
    /// <summary>Whether the values are numbers.</summary>
    public bool IsNumbers => Content is ColumnContent.WholeNumbers or ColumnContent.Reals;
}

/// <summary>Values of a column in some rows.</summary>
/// <param name="Numbers">The innermost values one behind the other, where they are numbers.</param>
/// <param name="Texts">The innermost values, where they are texts.</param>
/// <param name="Starts">
/// For each depth of lists: where each list begins in the next depth, or among the values, and where the last one ends.
/// </param>
public sealed record ColumnValues(double[] Numbers, string[] Texts, IReadOnlyList<int[]> Starts);

/// <summary>Rows that a file holds together: a row group of Parquet, a record batch of Arrow.</summary>
/// <param name="FirstRow">From 0 on.</param>
/// <param name="Rows">How many.</param>
/// <param name="Values">Of each column that was asked for.</param>
public sealed record ColumnGroup(long FirstRow, int Rows, IReadOnlyList<ColumnValues> Values);
