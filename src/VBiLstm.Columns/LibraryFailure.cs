using Parquet;
using VBiLstm.Data;

namespace VBiLstm.Columns;

/// <summary>What the formats' libraries throw at files that they cannot read, which is anything, as errors that a user understands.</summary>
static class LibraryFailure
{
    /// <summary>Runs what reads a file.</summary>
    /// <param name="what">The file, and the part of it that is read.</param>
    /// <param name="fix">What a user can do.</param>
    /// <param name="read">Calls the library.</param>
    /// <exception cref="DataException">It failed.</exception>
    public static T Told<T>(string what, string fix, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (DataException or OperationCanceledException))
        {
            throw new DataException($"{what} cannot be read{Reason(e)} {fix}", e);
        }
    }

    static readonly string[] NamesOfCode = ["System.", "`", "PureHDF", "Parquet.", "Apache", "Specified method", "..."];

    // Only what libraries say of files, in a sentence; not what the platform says of their mistakes, nor names of code.
    static string Reason(Exception e)
    {
        var speaks = e is ParquetException or IOException or NotSupportedException || e.GetType() == typeof(Exception);
        var text = e.Message.ReplaceLineEndings(" ").Split(". ")[0].TrimEnd('.', ' ');
        return !speaks || text.Length == 0 || NamesOfCode.Any(name => text.Contains(name, StringComparison.Ordinal))
            ? "; it is damaged, or of a kind that cannot be read here."
            : $": {Printable.Text(text)}.";
    }
}
