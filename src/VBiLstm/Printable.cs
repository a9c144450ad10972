using System.Globalization;
using System.Text;

namespace VBiLstm;

/// <summary>Texts that come from files (names, fields) as they may be printed: nothing in them can move a cursor, clear a screen or begin a new line.</summary>
static class Printable
{
    /// <summary>The text with control, format and separator characters as <c>\uXXXX</c>, halves of surrogate pairs as the replacement character.</summary>
    public static string Text(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var escaped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator)
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                escaped.Append(rune.ToString());
        }

        return escaped.ToString();
    }
}
