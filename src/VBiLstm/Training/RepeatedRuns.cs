using System.Diagnostics;

namespace VBiLstm.Training;

/// <summary>The time of something that can be done again and again.</summary>
public static class RepeatedRuns
{
    const int MinimumRuns = 5;

    /// <summary>Warms up for about a third of the duration, then measures for the rest of it, at least five runs.</summary>
    /// <param name="run">What is done, to its end.</param>
    /// <param name="duration">How long, roughly.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <returns>How many runs were measured, and the seconds of the median one.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static (int Runs, double Seconds) Measure(Action run, TimeSpan duration, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        var begin = Stopwatch.GetTimestamp();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            run();
        }
        while (Stopwatch.GetElapsedTime(begin) < duration / 3);

        var times = new List<double>();
        while (times.Count < MinimumRuns || Stopwatch.GetElapsedTime(begin) < duration)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = Stopwatch.GetTimestamp();
            run();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return (times.Count, StepBenchmark.Median(times));
    }
}
