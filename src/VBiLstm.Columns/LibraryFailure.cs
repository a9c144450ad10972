using System.Runtime.ExceptionServices;
using Parquet;
using VBiLstm.Data;

namespace VBiLstm.Columns;

/// <summary>What the formats' libraries throw at files that they cannot read, which is anything, as errors that a user understands.</summary>
static class LibraryFailure
{
    static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    static readonly string[] NamesOfCode = ["System.", "`", "PureHDF", "Parquet.", "Apache", "Specified method", "..."];

    /// <summary>Runs what reads a file.</summary>
    /// <param name="what">The file, and the part of it that is read.</param>
    /// <param name="fix">What a user can do.</param>
    /// <param name="read">Calls the library.</param>
    /// <param name="limit">How long it may take; null for as long as the largest part of a file takes on a slow disk.</param>
    /// <exception cref="DataException">It failed, or did not come to an end.</exception>
    public static T Told<T>(string what, string fix, Func<T> read, TimeSpan? limit = null)
    {
        try
        {
            return ToItsEnd(what, fix, read, limit ?? Longest);
        }
        catch (Exception e) when (e is not (DataException or OperationCanceledException))
        {
            throw new DataException($"{what} cannot be read{Reason(e)} {fix}", e);
        }
    }

    // Nothing else ends a library that a damaged file keeps at work: its thread is left to itself.
    static T ToItsEnd<T>(string what, string fix, Func<T> read, TimeSpan limit)
    {
        var result = default(T);
        ExceptionDispatchInfo? failure = null;
        void Run()
        {
            try
            {
                result = read();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }

        var thread = new Thread(Run) { IsBackground = true };
        thread.Start();
        if (!thread.Join(limit))
            throw new DataException($"{what} cannot be read: its library did not come to an end within {limit.TotalMinutes:G3} minutes; it is damaged. {fix}");
        failure?.Throw();
        return result!;
    }

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
