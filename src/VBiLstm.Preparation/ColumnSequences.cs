using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VBiLstm.Columns;
using VBiLstm.Data;
using VBiLstm.Data.Prepared;

namespace VBiLstm.Preparation;

/// <summary>
/// The sequences in the columns of a file. A row is a sequence where its values are lists (of frames, of the numbers of a frame, flat, or of tokens); it is a
/// step where they are single numbers, or lists beside a column of sequences, whose rows stand together; without such a column the file is one sequence, or
/// one stream of tokens.
/// </summary>
sealed class ColumnSequences : NumberSequences
{
    static readonly string[] SequenceNames = ["sequence", "sequence_id", "sequenceid", "seq", "seq_id", "series", "series_id", "unique_id", "episode",
        "episode_id", "episode_index"];

    readonly ColumnFile _file;
    readonly PreparedKind _kind;
    readonly List<Column> _values;
    readonly Column? _sequence;
    readonly bool _isRowSequence;

    /// <exception cref="DataException">Its columns are not those of frames or tokens, or nobody can know which ones are; the message names them.</exception>
    [SetsRequiredMembers]
    public ColumnSequences(ColumnFile file, PreparedKind kind, ColumnChoice choice)
    {
        (_file, _kind) = (file, kind);
        try
        {
            _sequence = choice.Sequence is { } said ? ColumnNames.Get(file, "--sequence", said) : null;
            if (_sequence is { Depth: > 0 } or { Content: ColumnContent.Other })
                throw new DataException($"{file.Name}: --sequence is {Printable.Text(_sequence.Name)}, {_sequence.Type}; it must be a column of "
                    + "numbers or texts.");
            _values = choice.Values.Count > 0 ? [.. choice.Values.Select(name => ColumnNames.Get(file, "--values", name))] : Infer();
            Check();
            _sequence ??= _values[0].Depth == 0 || (kind == PreparedKind.Frames && _values[0].Depth == 1 && choice.FrameSize is null) ? SequenceByName() : null;
            _isRowSequence = _values[0].Depth > 0 && _sequence is null;
            if (_sequence is null && _values[0].Depth == 0 && choice.Values.Count == 0)
                CheckOneSequence();
            if (kind == PreparedKind.Frames && _values[0].Depth == 1 && _isRowSequence)
                FrameSize = choice.FrameSize ?? choice.ModelFrameSize ?? throw new DataException(
                    $"{file.Name}, column {Printable.Text(_values[0].Name)}: lists of numbers. If a row is a "
                    + "whole sequence, say how many numbers are a frame with --frame-size (1 for a series of single values); if it is one frame of a "
                    + $"sequence, say which column tells the sequences apart with --sequence. {ColumnNames.List(file)}");
            if (kind == PreparedKind.Frames && _values[0].Depth == 0)
                FrameSize = _values.Count;
        }
        catch
        {
            file.Dispose();
            throw;
        }

        Dimensions = kind == PreparedKind.Frames ? 3 : _isRowSequence || _sequence is not null ? 2 : 1;
        var values = $"column{(_values.Count > 1 ? "s" : "")} {string.Join(", ", _values.Select(column => Printable.Text(column.Name)))}";
        Reading = _isRowSequence ? $"a row is a sequence, in {values}"
            : _sequence is not null ? $"a row is a step of the sequence in column {Printable.Text(_sequence.Name)}, its values in {values}"
            : kind == PreparedKind.Frames ? $"a row is a step, the file one sequence, its values in {values}" : $"a row is a token, in {values}";
    }

    List<Column> Infer()
    {
        var candidates = _file.Columns.Where(column => column != _sequence && !ColumnNames.IsIndex(column)).ToList();
        var isList = (Column column) => column.Depth > 0 && (_kind == PreparedKind.Frames ? column.IsNumbers
            : column is { Content: ColumnContent.WholeNumbers, Depth: 1 });
        var lists = candidates.Where(isList).ToList();
        if (lists.Count == 1)
            return lists;
        if (lists.Count > 1)
            throw ColumnNames.Ambiguous(_file, lists, "hold lists of numbers");
        if (_sequence is null && SequenceByName() is { } sequence)
            candidates.Remove(sequence);
        if (_kind == PreparedKind.Tokens)
        {
            var whole = candidates.Where(column => column is { Content: ColumnContent.WholeNumbers, Depth: 0 }).ToList();
            return whole.Count == 1 ? whole
                : whole.Count > 1 ? throw ColumnNames.Ambiguous(_file, whole, "hold whole numbers")
                : throw new DataException($"{_file.Name}: no column holds whole numbers, so token ids. {ColumnNames.List(_file)}");
        }

        if (candidates.Count == 0 || candidates.Any(column => !column.IsNumbers))
            throw ColumnNames.Ambiguous(_file, candidates.Count == 0 ? _file.Columns : candidates, "are not all numbers");

        // A number of the step, of the file or of the sequence beside what was measured.
        return candidates.Select(column => column.Content).Distinct().Count() == 1 ? candidates
            : throw ColumnNames.Ambiguous(_file, candidates, "are whole numbers and reals");
    }

    // What was said as much as what was inferred.
    void Check()
    {
        foreach (var column in _values)
        {
            var isUsable = _kind == PreparedKind.Frames ? column.IsNumbers : column is { Content: ColumnContent.WholeNumbers, Depth: < 2 };
            if (!isUsable || column == _sequence)
                throw new DataException($"{_file.Name}, column {Printable.Text(column.Name)}: {column.Type}, where "
                    + (column == _sequence ? "values should stand; it is --sequence already."
                        : _kind == PreparedKind.Frames ? "numbers should stand; convert it, for instance: df['x'] = df['x'].astype('float32')."
                        : "whole numbers, or lists of them, should stand; convert it, for instance: df['x'] = df['x'].astype('int32')."));
        }

        if (_values.Count > 1 && (_kind == PreparedKind.Tokens || _values.Any(column => column.Depth > 0)))
            throw ColumnNames.Ambiguous(_file, _values,
                _kind == PreparedKind.Tokens ? "are several, and a step has one token" : "are several, one of them of lists");
        if (_sequence is not null && _values[0].Depth > (_kind == PreparedKind.Frames ? 1 : 0))
            throw new DataException($"{_file.Name}, column {Printable.Text(_values[0].Name)}: {_values[0].Type}, so that each row is a sequence; "
                + "leave out --sequence.");
    }

    Column? SequenceByName()
    {
        var named = _file.Columns.Where(column => column is { Depth: 0, Content: not ColumnContent.Other } && !(_values ?? []).Contains(column)
            && SequenceNames.Contains(column.Name, StringComparer.OrdinalIgnoreCase)).ToList();
        return named.Count < 2 ? named.FirstOrDefault()
            : throw new DataException($"{_file.Name}: columns {string.Join(" and ", named.Select(column => Printable.Text(column.Name)))} could tell the "
                + "sequences apart; say which one does with --sequence.");
    }

    // Nobody forgot to say what tells the sequences apart where nothing could; a stream of tokens is read as numpy's array is.
    void CheckOneSequence()
    {
        if (_values.All(column => column.Content == ColumnContent.Reals)
            || (_kind == PreparedKind.Tokens && _file.Columns.Count(column => !ColumnNames.IsIndex(column)) == 1))
            return;
        throw new DataException($"{_file.Name}: nothing says which rows are one sequence; say which column tells the sequences apart with --sequence, or, if "
            + $"all rows are one, name the values with --values. {ColumnNames.List(_file)}");
    }

    public override IEnumerable<ReadOnlyMemory<double>> Units() => _isRowSequence ? Rows() : _sequence is not null ? Steps(_sequence) : Whole();

    IEnumerable<ReadOnlyMemory<double>> Rows()
    {
        foreach (var group in _file.Read(_values))
        {
            var values = group.Values[0];
            for (var row = 0; row < group.Rows; row++)
            {
                var (begin, end) = Range(values, row, group.FirstRow + row);
                if (begin == end)
                    throw At(group.FirstRow + row, "an empty list, and a sequence has one step at least; take the row out");
                if (_kind == PreparedKind.Frames && _values[0].Depth == 1 && (end - begin) % FrameSize != 0)
                    throw At(group.FirstRow + row, $"{end - begin} numbers, which are no whole frames of {FrameSize} (--frame-size)");
                Check(values.Numbers.AsSpan(begin, end - begin), group.FirstRow + row, _values[0]);
                yield return values.Numbers.AsMemory(begin, end - begin);
            }
        }
    }

    // Of a row's values among the numbers; lists of lists are frames.
    (int Begin, int End) Range(ColumnValues values, int row, long place)
    {
        var (begin, end) = (values.Starts[0][row], values.Starts[0][row + 1]);
        if (values.Starts.Count == 1)
            return (begin, end);
        var frames = values.Starts[1];
        for (var frame = begin; frame < end; frame++)
            CheckFrame(frames[frame + 1] - frames[frame], place);
        return (frames[begin], frames[end]);
    }

    void CheckFrame(int size, long row)
    {
        if (size == 0)
            throw At(row, "an empty frame; take it out");
        if (FrameSize != 0 && size != FrameSize)
            throw At(row, $"a frame of {size} numbers where those before have {FrameSize}; all frames have one size");
        FrameSize = size;
    }

    IEnumerable<ReadOnlyMemory<double>> Steps(Column sequence)
    {
        var seen = new HashSet<object>();
        var steps = new List<double>();
        object? current = null;
        foreach (var group in _file.Read([.. _values, sequence]))
        {
            var keys = group.Values[^1];
            for (var row = 0; row < group.Rows; row++)
            {
                object key = sequence.IsNumbers ? keys.Numbers[row] : keys.Texts[row];
                if (!key.Equals(current))
                {
                    if (current is not null)
                        yield return steps.ToArray();
                    if (!seen.Add(key))
                        throw new DataException($"{_file.Name}, column {Printable.Text(sequence.Name)}, row {group.FirstRow + row} (from 0 on): sequence "
                            + $"{Printable.Text(Convert.ToString(key, CultureInfo.InvariantCulture)!)} again, behind another one; the rows of a sequence must "
                            + $"stand together, for instance: df.sort_values('{Printable.Text(sequence.Name)}', kind='stable').");
                    steps.Clear();
                    current = key;
                }

                AppendStep(steps, group, row);
            }
        }

        if (current is not null)
            yield return steps.ToArray();
    }

    IEnumerable<ReadOnlyMemory<double>> Whole()
    {
        var steps = new List<double>();
        var token = new double[1];
        foreach (var group in _file.Read(_values))
        {
            for (var row = 0; row < group.Rows; row++)
            {
                if (_kind == PreparedKind.Frames)
                {
                    AppendStep(steps, group, row);
                    continue;
                }

                Check(group.Values[0].Numbers.AsSpan(row, 1), group.FirstRow + row, _values[0]);
                token[0] = group.Values[0].Numbers[row];
                yield return token;
            }
        }

        if (steps.Count > 0)
            yield return steps.ToArray();
    }

    void AppendStep(List<double> steps, ColumnGroup group, int row)
    {
        for (var column = 0; column < _values.Count; column++)
        {
            var values = group.Values[column];
            var (begin, end) = _values[column].Depth == 0 ? (row, row + 1) : Range(values, row, group.FirstRow + row);
            if (_values[column].Depth > 0)
                CheckFrame(end - begin, group.FirstRow + row);
            Check(values.Numbers.AsSpan(begin, end - begin), group.FirstRow + row, _values[column]);
            steps.AddRange(values.Numbers.AsSpan(begin, end - begin));
        }
    }

    void Check(ReadOnlySpan<double> numbers, long row, Column column)
    {
        foreach (var number in numbers)
            if (!IsUsable(number, _kind))
                throw new DataException($"{_file.Name}, column {Printable.Text(column.Name)}, row {row} (from 0 on): "
                    + $"{number.ToString(CultureInfo.InvariantCulture)} where {Expected(_kind)} should stand.");
    }

    DataException At(long row, string what) => new($"{_file.Name}, column {Printable.Text(_values[0].Name)}, row {row} (from 0 on): {what}.");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
    }
}
