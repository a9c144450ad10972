namespace VBiLstm.Training;

/// <summary>The time of something that can be done again and again.</summary>
static class RepeatedRuns
{
    /// <summary>However long one takes.</summary>
    internal const int MinimumRuns = 5;

    /// <summary>Warms up for about a third of the duration, then measures for the rest of it, at least five runs.</summary>
    /// <param name="run">What is done, to its end.</param>
    /// <param name="duration">How long, roughly.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <returns>How many runs were measured, and the seconds of the median one.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static (int Runs, double Seconds) Measure(Action run, TimeSpan duration, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        cancellation.ThrowIfCancellationRequested();
        var times = Times(run, TimeProvider.System.GetTimestamp(), duration / 3, duration, TimeProvider.System, wants =>
        {
            cancellation.ThrowIfCancellationRequested();
            return wants();
        });
        return (times.Count, StepBenchmark.Median(times));
    }

    /// <summary>Seconds of each run after the warm-up, at least five; both last until so long after the begin.</summary>
    /// <param name="run">What is done, to its end.</param>
    /// <param name="begin">The clock's time stamp then.</param>
    /// <param name="warmUp">How long runs are not measured; at least one is not.</param>
    /// <param name="end">How long runs are measured.</param>
    /// <param name="clock">Tells the time.</param>
    /// <param name="goesOn">Asked between runs with what this process wants.</param>
    internal static List<double> Times(Action run, long begin, TimeSpan warmUp, TimeSpan end, TimeProvider clock, Func<Func<bool>, bool> goesOn)
    {
        do
            run();
        while (goesOn(() => clock.GetElapsedTime(begin) < warmUp));

        var times = new List<double>();
        while (goesOn(() => times.Count < MinimumRuns || clock.GetElapsedTime(begin) < end))
        {
            var start = clock.GetTimestamp();
            run();
            times.Add(clock.GetElapsedTime(start).TotalSeconds);
        }

        return times;
    }
}
