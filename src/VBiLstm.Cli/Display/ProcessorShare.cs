using System.Diagnostics;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Cli.Display;

/// <summary>Whether a training's threads had processors to run on.</summary>
/// <param name="device">Whose threads.</param>
sealed class ProcessorShare(CpuDevice device)
{
    // Less says nothing: start-up, and files, take their part of a short run.
    static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(30);

    const double Enough = 0.7;

    readonly Stopwatch _clock = Stopwatch.StartNew();
    readonly TimeSpan _before = Environment.CpuUsage.TotalTime;

    /// <summary>A sentence where they had not; null where they had, or the run was short.</summary>
    public string? Tell()
    {
        if (_clock.Elapsed < LeastTime)
            return null;
        var share = (Environment.CpuUsage.TotalTime - _before) / _clock.Elapsed / device.Threads;
        return share < Enough
            ? $"{device.Threads} threads had a processor for {share:P0} of the time: others use this machine too, or this job may use fewer. "
                + "A smaller --threads may be as fast."
            : null;
    }
}
