using System.Globalization;
using System.Text.Json;

namespace VBiLstm.Metrics;

/// <summary>
/// metrics.jsonl: one JSON object a line with the step, the split and numbers. It holds no times, so the same seed gives the same bytes.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    readonly FileStream _file;
    readonly Utf8JsonWriter _json;

    /// <summary>Opens the log; lines of later steps than <paramref name="resumedStep"/>, and a torn last line, are cut off.</summary>
    public MetricsLog(string path, long resumedStep)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var kept = File.Exists(path) ? string.Concat(File.ReadLines(path).Where(line => Parse(line) is { } row && row.Step <= resumedStep).Select(line => line + "\n")) : "";
        AtomicFile.WriteText(path, kept);
        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
        _json = new Utf8JsonWriter(_file);
    }

    /// <summary>Appends a line. Numbers that JSON has no word for are written as text.</summary>
    public void Write(long step, string split, ReadOnlySpan<(string Name, double Value)> values)
    {
        _json.Reset(_file);
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
        _file.WriteByte((byte)'\n');
    }

    public void Flush() => _file.Flush(flushToDisk: true);

    /// <summary>The lines of a log that are whole.</summary>
    public static IReadOnlyList<MetricsRow> Read(string path)
        => File.Exists(path) ? [.. File.ReadLines(path).Select(Parse).OfType<MetricsRow>()] : [];

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
        _json.Dispose();
        _file.Dispose();
    }
}

/// <summary>One line of a log.</summary>
public sealed record MetricsRow(long Step, string Split, IReadOnlyDictionary<string, double> Values);
