using System.Text;
using Spectre.Console;

namespace VBiLstm.Cli.Execution;

/// <summary>
/// Standard output or standard error where they cannot be written any more (a full disk under a log, a terminal that is gone, a closed descriptor): what is
/// printed is lost, the work goes on.
/// </summary>
sealed class StandardStream(TextWriter inner) : TextWriter, IAnsiConsoleOutput
{
    /// <summary>Why it could not be written; null where it could.</summary>
    public string? Failure { get; private set; }

    public override Encoding Encoding => inner.Encoding;

    TextWriter IAnsiConsoleOutput.Writer => this;

    bool IAnsiConsoleOutput.IsTerminal => !Console.IsOutputRedirected;

    int IAnsiConsoleOutput.Width => TerminalSize(() => Console.BufferWidth, 80);

    int IAnsiConsoleOutput.Height => TerminalSize(() => Console.WindowHeight, 24);

    void IAnsiConsoleOutput.SetEncoding(Encoding encoding)
    {
    }

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

    static int TerminalSize(Func<int> size, int otherwise)
    {
        try
        {
            return size() is var found and > 0 ? found : otherwise;
        }
        catch (IOException)
        {
            return otherwise;
        }
    }
}
