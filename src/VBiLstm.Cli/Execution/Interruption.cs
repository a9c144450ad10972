using System.Runtime.InteropServices;

namespace VBiLstm.Cli.Execution;

/// <summary>
/// Ctrl-C, SIGTERM, SIGHUP and what batch systems send before they kill (SIGUSR1, SIGUSR2, SIGXCPU) as a cancellation, and so a limit of time. More signals do
/// not spoil the save that follows; a third Ctrl-C ends a process that no longer answers.
/// </summary>
sealed class Interruption : IDisposable
{
    const int CtrlCsThatEnd = 3;

    readonly CancellationTokenSource _source = new();
    readonly List<PosixSignalRegistration> _registrations = [];
    readonly TaskCompletionSource _ended = new();
    readonly bool _endsOnReturn;
    int _ctrlCs;

    /// <param name="after">Cancels when so much time has passed; null for never.</param>
    public Interruption(TimeSpan? after = null)
        : this(after, OperatingSystem.IsWindows())
    {
    }

    // When its console is closed, the user logs off or the machine shuts down, Windows ends a program as soon as the handler returns, and after some seconds
    // whatever it does.
    internal Interruption(TimeSpan? after, bool endsOnReturn)
    {
        _endsOnReturn = endsOnReturn;
        foreach (var signal in Signals())
            _registrations.Add(PosixSignalRegistration.Create(signal, Handle));
        if (after is { } limit)
            _source.CancelAfter(limit);
    }

    public CancellationToken Token => _source.Token;

    // A signal's number is what the registration takes where it has no name for it; these are Linux's and macOS's.
    static IEnumerable<PosixSignal> Signals()
    {
        PosixSignal[] everywhere = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        int[] numbers = OperatingSystem.IsWindows() ? [] : OperatingSystem.IsMacOS() ? [30, 31, 24] : [10, 12, 24];
        return [.. everywhere, .. numbers.Select(number => (PosixSignal)number)];
    }

    internal void Handle(PosixSignalContext context)
    {
        if (context.Signal == PosixSignal.SIGINT && Interlocked.Increment(ref _ctrlCs) >= CtrlCsThatEnd)
            return;
        context.Cancel = true;
        _source.Cancel();
        if (_endsOnReturn && context.Signal != PosixSignal.SIGINT)
            _ended.Task.Wait();
    }

    public void Dispose()
    {
        _ended.TrySetResult();
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }
}
