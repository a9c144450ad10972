using System.Text;

namespace VBiLstm.Cli;

/// <summary>
/// Standard output or standard error where they cannot be written any more (a full disk under a log, a terminal that is gone, a closed descriptor): what is printed
/// is lost, the work goes on.
/// </summary>
sealed class StandardStream(TextWriter inner) : TextWriter
{
    /// <summary>Why it could not be written; null where it could.</summary>
    public string? Failure { get; private set; }

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Attempt(() => inner.Write(value));

    public override void Write(string? value) => Attempt(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Attempt(() => inner.Write(buffer, index, count));

    public override void WriteLine(string? value) => Attempt(() => inner.WriteLine(value));

    public override void Flush() => Attempt(inner.Flush);

    void Attempt(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Failure ??= e.Message;
        }
    }
}
