using System.Globalization;
using System.Text;

namespace VBiLstm.Cli.Tests;

/// <summary>What a terminal shows after a program's output, of which it knows ends of lines, movement up, erasure of a line and wrapping.</summary>
sealed class TerminalScreen(int width)
{
    readonly List<StringBuilder> _lines = [new()];
    int _row, _column;

    public IEnumerable<string> Lines => _lines.Select(line => line.ToString().TrimEnd());

    public TerminalScreen Show(string output)
    {
        for (var at = 0; at < output.Length; at++)
        {
            switch (output[at])
            {
                case '\r': _column = 0; break;
                case '\n': Move(_row + 1); break;
                case '\e': at = Escape(output, at + 1); break;
                default: Write(output[at]); break;
            }
        }

        return this;
    }

    // The last column is written before the line wraps: what follows decides.
    void Write(char character)
    {
        if (_column == width)
        {
            Move(_row + 1);
            _column = 0;
        }

        var line = _lines[_row];
        if (line.Length <= _column)
            line.Append(' ', _column + 1 - line.Length);
        line[_column++] = character;
    }

    int Escape(string output, int at)
    {
        if (output[at] != '[')
            return at;
        var end = at + 1;
        while (!char.IsAsciiLetter(output[end]))
            end++;
        var number = int.TryParse(output[(at + 1)..end], CultureInfo.InvariantCulture, out var parsed) ? parsed : (int?)null;
        switch (output[end])
        {
            case 'A': Move(Math.Max(0, _row - (number ?? 1))); break;
            case 'K' when number == 2: _lines[_row].Clear(); break;
            case 'K': _lines[_row].Length = Math.Min(_lines[_row].Length, _column); break;
        }

        return end;
    }

    void Move(int row)
    {
        _row = row;
        while (_lines.Count <= row)
            _lines.Add(new());
    }
}
