using System.Text;

namespace VBiLstm.Cli.Execution;

/// <summary>
/// Lines for people, in which names from files may stand: whatever could move a cursor or clear a screen is shown as its number. Ends of lines, Windows's among
/// them, and tabs are as they are.
/// </summary>
sealed class EscapingWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Write(value.ToString());

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(string? value) => inner.Write(Escape(value ?? ""));

    public override void WriteLine(string? value) => inner.WriteLine(Escape(value ?? ""));

    public override void Flush() => inner.Flush();

    static string Escape(string text)
        => text.Any(c => char.IsControl(c) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.Format)
            ? Between("\r\n", text, lines => Between("\n", lines, line => Between("\t", line, Printable.Text)))
            : text;

    static string Between(string separator, string text, Func<string, string> escape) => string.Join(separator, text.Split(separator).Select(escape));
}
