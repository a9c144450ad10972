using System.Globalization;
using System.Text;
using System.Text.Json;

namespace VBiLstm.Metrics;

/// <summary>
/// metrics.jsonl: one JSON object a line with the step, the split and numbers. It holds no times, so the same seed gives the same bytes.
/// </summary>
sealed class MetricsLog : IDisposable
{
    readonly AppendedFile _file;
    readonly MemoryStream _line = new();
    readonly Utf8JsonWriter _json;

    /// <summary>Opens the log; lines of later steps than <paramref name="resumedStep"/>, and a torn last line, are cut off.</summary>
    /// <param name="path">The file.</param>
    /// <param name="resumedStep">Steps done.</param>
    /// <param name="evaluationIsPending">Whether the evaluation after that step is still to come, or to be done again.</param>
    /// <param name="warn">Told of lines that are missing, and of what cannot be written.</param>
    public MetricsLog(string path, long resumedStep, bool evaluationIsPending = false, Action<string>? warn = null)
    {
        try
        {
            CutOff(path, resumedStep, evaluationIsPending, warn);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warn?.Invoke($"{path} cannot be cut back to step {resumedStep} ({e.Message}); steps may stand in it twice.");
        }

        _file = new AppendedFile(path, warn);
        _json = new Utf8JsonWriter(_line);
    }

    /// <summary>Appends a line. Numbers that JSON has no word for are written as text.</summary>
    public void Write(long step, string split, ReadOnlySpan<(string Name, double Value)> values)
    {
        _line.SetLength(0);
        _json.Reset(_line);
        _json.WriteStartObject();
        _json.WriteNumber("step", step);
        _json.WriteString("split", split);
        foreach (var (name, value) in values)
        {
            if (double.IsFinite(value))
                _json.WriteNumber(name, value);
            else
                _json.WriteString(name, value.ToString(CultureInfo.InvariantCulture));
        }

        _json.WriteEndObject();
        _json.Flush();
        _line.WriteByte((byte)'\n');
        _file.Append(_line.GetBuffer().AsSpan(0, (int)_line.Length));
    }

    public void Flush() => _file.Flush();

    /// <summary>The lines of a log that are whole, one after the other; the file is not held in memory.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IEnumerable<MetricsRow> Read(string path)
        => File.Exists(path) ? Lines(path).Select(Parse).OfType<MetricsRow>() : [];

    static IEnumerable<string> Lines(string path)
    {
        using var log = new StreamReader(SharedFile.OpenRead(path));
        while (log.ReadLine() is { } line)
            yield return line;
    }

    // In place: a full disk is no hindrance, and no copy of a long log is held.
    static void CutOff(string path, long resumedStep, bool evaluationIsPending, Action<string>? warn)
    {
        if (!File.Exists(path))
        {
            if (resumedStep > 0)
                warn?.Invoke($"{path} is missing: the curves begin at step {resumedStep}.");
            return;
        }

        var (kept, position, steps) = (0L, 0L, 0L);
        using var file = SharedFile.OpenReadWrite(path);
        var line = new MemoryStream();
        for (int next; (next = file.ReadByte()) >= 0;)
        {
            position++;
            if (next != '\n')
            {
                line.WriteByte((byte)next);
                continue;
            }

            var row = Parse(Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length));
            line.SetLength(0);
            if (row is null || row.Step > resumedStep || (evaluationIsPending && row.Step == resumedStep && row.Split != "train"))
                continue;
            kept = position;
            if (row.Split == "train")
                steps++;
        }

        file.SetLength(kept);
        if (steps != resumedStep)
            warn?.Invoke($"{path} holds {steps} training steps where {resumedStep} are done: "
                + $"lines of it {(steps < resumedStep ? "were lost" : "stand twice")}, and its curves are not whole.");
    }

    static MetricsRow? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var values = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject())
                if (property.Name is not ("step" or "split"))
                    values[property.Name] = property.Value.ValueKind == JsonValueKind.Number ? property.Value.GetDouble() : double.NaN;
            return new MetricsRow(document.RootElement.GetProperty("step").GetInt64(), document.RootElement.GetProperty("split").GetString() ?? "", values);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _json.Dispose();
        _line.Dispose();
    }
}

/// <summary>One line of a log.</summary>
sealed record MetricsRow(long Step, string Split, IReadOnlyDictionary<string, double> Values);
