using System.Text;
using VBiLstm.Data;
using VBiLstm.Preparation.Sources;

namespace VBiLstm.Preparation;

/// <summary>Reads text files line by line.</summary>
static class TextLines
{
    /// <summary>Characters of the longest line: more mean that the file is no text of lines.</summary>
    public const int MaximumCharacters = 1 << 24;

    /// <summary>
    /// The lines of a file without their ends. Newlines end them, a carriage return before one stays with its line; where the first end of line is a carriage
    /// return alone (old Macintosh texts) carriage returns end lines too.
    /// </summary>
    /// <exception cref="DataException">As <see cref="TextPieces.Read"/>, or a line longer than <see cref="MaximumCharacters"/>.</exception>
    public static IEnumerable<string> Read(SourceFile file, TextEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(file);
        var line = new StringBuilder();
        var (number, endsAtReturns, isKnown) = (1L, false, false);
        foreach (var piece in TextPieces.Read(file, encoding))
        {
            for (var start = 0; start < piece.Length;)
            {
                var rest = piece.Span[start..];
                if (!isKnown && rest.IndexOfAny('\r', '\n') is >= 0 and var first)
                    (isKnown, endsAtReturns) = (true, rest[first] == '\r' && (first + 1 == rest.Length || rest[first + 1] != '\n'));
                var end = endsAtReturns ? rest.IndexOfAny('\r', '\n') : rest.IndexOf('\n');
                line.Append(end < 0 ? rest : rest[..end]);
                if (line.Length > MaximumCharacters)
                    throw new DataException($"{file.Name}, line {number}: more than {MaximumCharacters:N0} characters; this is not a text of lines.");
                if (end < 0)
                    break;
                start += end + (endsAtReturns && rest[end] == '\r' && end + 1 < rest.Length && rest[end + 1] == '\n' ? 2 : 1);
                yield return line.ToString();
                line.Clear();
                number++;
            }
        }

        if (line.Length > 0)
            yield return line.ToString();
    }
}
