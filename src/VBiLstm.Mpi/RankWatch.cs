using System.Runtime.InteropServices;

namespace VBiLstm.Mpi;

/// <summary>Ends the job where a rank waits too long for the others: launchers do not always see that one is gone, and none sees one that hangs.</summary>
sealed partial class RankWatch : IDisposable
{
    // What the launcher gets to end the job before this process ends itself.
    static readonly TimeSpan AbortTakes = TimeSpan.FromSeconds(5);

    const int DeviceFailure = 3;

    readonly TimeSpan _limit;
    readonly Action<int> _abort;
    readonly string _who;
    readonly Timer _timer;
    int _fired;

    /// <param name="limit">The longest wait.</param>
    /// <param name="who">This rank, for the message.</param>
    /// <param name="abort">Ends the job with an exit code; need not return.</param>
    public RankWatch(TimeSpan limit, string who, Action<int> abort)
    {
        (_limit, _who, _abort) = (limit, who, abort);
        _timer = new Timer(_ => Fire());
    }

    /// <summary>A wait for the others begins.</summary>
    public void Begin() => _timer.Change(_limit, Timeout.InfiniteTimeSpan);

    /// <summary>And ends.</summary>
    public void End() => _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    void Fire()
    {
        if (Interlocked.Exchange(ref _fired, 1) != 0)
            return;
        Console.Error.WriteLine($"vbilstm: {_who} waited {_limit.TotalSeconds:N0} s for the other ranks and ends the job; the newest checkpoint is whole. "
            + "--rank-timeout sets the limit.");
        new Thread(() => _abort(DeviceFailure)) { IsBackground = true }.Start();
        Thread.Sleep(AbortTakes);
        EndNow(DeviceFailure);
    }

    public void Dispose() => _timer.Dispose();

    // Without the exit handlers, which could wait for MPI themselves.
    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void EndNow(int code);
}
