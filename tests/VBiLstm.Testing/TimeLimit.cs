using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace VBiLstm.Tests;

/// <summary>
/// How long a test waits for what must come, or for what hangs: so many seconds on an idle machine, and longer in the measure in which this one is slower
/// or busier.
/// </summary>
public static class TimeLimit
{
    // What the work below takes on an idle core of AMD Zen 4; where it takes less, nothing is shortened.
    static readonly TimeSpan ReferenceTime = TimeSpan.FromMilliseconds(20);
    const int Multiplications = 20_000_000;
    static readonly TimeSpan MeasuredFor = TimeSpan.FromSeconds(20);
    static readonly Lock Measuring = new();

    static (long At, double Factor)? _measured;

    /// <summary>The limit, at least so many seconds.</summary>
    public static TimeSpan Of(double seconds) => TimeSpan.FromSeconds(seconds * Factor());

    static double Factor()
    {
        lock (Measuring)
        {
            if (_measured is not { } last || Stopwatch.GetElapsedTime(last.At) > MeasuredFor)
                _measured = last = (Stopwatch.GetTimestamp(), Math.Max(1, Math.Max(Slowness(), Load())));
            return last.Factor;
        }
    }

    static double Slowness()
    {
        var clock = Stopwatch.StartNew();
        GC.KeepAlive(Multiply(Multiplications));
        return clock.Elapsed / ReferenceTime;
    }

    // Each waits for the one before; compiled fully at once, or the first would take longest.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static ulong Multiply(int count)
    {
        var value = 1ul;
        for (var i = 0; i < count; i++)
            value = value * 6364136223846793005 + 1442695040888963407;
        return value;
    }

    // Threads that want a processor, over the last minute; told by Linux only.
    static double Load()
        => !OperatingSystem.IsLinux() ? 1
            : double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture) / Environment.ProcessorCount;
}
