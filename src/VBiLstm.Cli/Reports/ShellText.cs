namespace VBiLstm.Cli.Reports;

/// <summary>Paths in advice that people paste into a shell.</summary>
static class ShellText
{
    /// <summary>The text as it is where a shell takes it so, else in quotes.</summary>
    public static string Quote(string text)
    {
        var plain = text.Length > 0 && text.All(c => char.IsLetterOrDigit(c) || "-_./\\:@+=,~".Contains(c, StringComparison.Ordinal));
        if (plain && !(text.Contains('\\', StringComparison.Ordinal) && !OperatingSystem.IsWindows()))
            return text;
        return OperatingSystem.IsWindows() ? $"\"{text}\"" : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
