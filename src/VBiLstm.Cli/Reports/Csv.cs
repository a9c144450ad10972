using System.Text;

namespace VBiLstm.Cli.Reports;

/// <summary>Tables as CSV files (RFC 4180, with newlines alone): fields with commas, quotes or ends of lines stand in quotes.</summary>
static class Csv
{
    /// <summary>Writes a table; an old file stays whole until the new one is.</summary>
    public static void Write(string path, IEnumerable<string> columns, IEnumerable<IEnumerable<string>> rows) => AtomicFile.Write(path, stream =>
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        text.WriteLine(string.Join(',', columns.Select(Field)));
        foreach (var row in rows)
            text.WriteLine(string.Join(',', row.Select(Field)));
    });

    static string Field(string text) => text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
