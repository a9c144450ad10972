using System.Diagnostics;
using System.Text.Json;

namespace VBiLstm.Metrics;

/// <summary>
/// timing.jsonl: about once a second one JSON object a line with the step, seconds since this process began to train, samples/s since the line before, and the
/// process's memory in bytes. It stands beside metrics.jsonl because no two runs have the same times.
/// </summary>
sealed class TimingLog : IDisposable
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    readonly AppendedFile _file;
    readonly Stopwatch _clock = Stopwatch.StartNew();
    TimeSpan _written;
    long _samples, _step;

    /// <param name="path">Appended to.</param>
    /// <param name="warn">Told of what cannot be written.</param>
    public TimingLog(string path, Action<string>? warn = null) => _file = new AppendedFile(path, warn);

    /// <summary>Counts a step.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="samples">Sequences of this one.</param>
    /// <returns>Samples/s and bytes of memory where a line was due, else null.</returns>
    public (double SamplesPerSecond, long MemoryBytes)? Add(long step, int samples)
    {
        (_step, _samples) = (step, _samples + samples);
        return _clock.Elapsed - _written < Interval ? null : WriteLine();
    }

    (double SamplesPerSecond, long MemoryBytes) WriteLine()
    {
        var now = _clock.Elapsed;
        var (rate, memory) = (_samples / (now - _written).TotalSeconds, Environment.WorkingSet);
        (_samples, _written) = (0, now);
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteNumber("step", _step);
            json.WriteNumber("seconds", Math.Round(now.TotalSeconds, 3));
            json.WriteNumber("samples_per_second", Math.Round(rate, 3));
            json.WriteNumber("memory_bytes", memory);
            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        _file.Append(line.GetBuffer().AsSpan(0, (int)line.Length));
        return (rate, memory);
    }

    public void Dispose()
    {
        if (_samples > 0)
            WriteLine();
        _file.Dispose();
    }
}
