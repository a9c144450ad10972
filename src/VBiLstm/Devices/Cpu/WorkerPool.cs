using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>A piece of work over a range of indices; an unmanaged struct, so that handing it to threads allocates nothing.</summary>
interface IRangeJob
{
    void Execute(int start, int end);
}

/// <summary>
/// Persistent threads that spin for some microseconds between jobs and then park. One caller at a time; a job must not run another one.
/// Where other programs use the machine too, a thread may not be running when there is work for it: its caller does itself what the thread has not begun,
/// and threads that keep it waiting in the middle of their work get none for a while.
/// </summary>
sealed unsafe class WorkerPool : IDisposable
{
    const int SpinsBeforeYield = 400, SpinsBeforePark = 4000;

    // A thread is late where the caller waits for it twice as long as its own part took, and 300 us. It pauses for 4 times what was waited, twice as long
    // each time where it is late again before as much time has passed.
    const int PatienceFactor = 2, ShortestPause = 4, LongestPause = 256;
    static readonly long Patience = Stopwatch.Frequency * 300 / 1_000_000;

    [ThreadStatic]
    static int t_number;

    // Those that get work come first.
    readonly Worker[] _workers;
    ExceptionDispatchInfo? _failure;
    int _pending, _active, _pauseFactor = ShortestPause;
    long _pause, _pauseEnd;

    /// <param name="threads">Number of threads, the caller's included.</param>
    public WorkerPool(int threads)
    {
        Threads = _active = threads;
        _workers = new Worker[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
            _workers[i] = new Worker(this, i + 1);
    }

    public int Threads { get; }

    /// <summary>Number of the calling thread among those of the pool whose job it runs: 0 is the caller of <see cref="Run"/>.</summary>
    public static int CurrentThread => t_number;

    /// <summary>
    /// Splits [0, count) into at most <see cref="Threads"/> contiguous parts with boundaries at multiples of <paramref name="grain"/>,
    /// runs them and returns when all are done. A job's exception is rethrown here after all parts ended.
    /// </summary>
    public void Run<TJob>(in TJob job, int count, int grain) where TJob : unmanaged, IRangeJob
    {
        if (count <= 0)
            return;
        var grains = (count - 1) / grain + 1;
        if (_active < Threads && Stopwatch.GetTimestamp() >= _pauseEnd)
            _active = Threads;
        var parts = Math.Min(_active, grains);
        if (parts == 1)
        {
            job.Execute(0, count);
            return;
        }

        var begin = Stopwatch.GetTimestamp();
        fixed (TJob* pointer = &job)
        {
            Volatile.Write(ref _pending, parts - 1);
            for (var part = 1; part < parts; part++)
                _workers[part - 1].Start(&Invoke<TJob>, pointer, Boundary(part), Boundary(part + 1));
            try
            {
                job.Execute(0, Boundary(1));
                for (var part = parts - 1; part > 0; part--)
                {
                    if (!_workers[part - 1].TakeBack())
                        continue;
                    Interlocked.Decrement(ref _pending);
                    job.Execute(Boundary(part), Boundary(part + 1));
                }
            }
            finally
            {
                // The job stands on this stack: wait for every part, whatever happened in ours.
                Wait(begin);
            }
        }

        if (_failure is not null)
            Interlocked.Exchange(ref _failure, null)?.Throw();

        int Boundary(int part) => (int)Math.Min(count, (long)grains * part / parts * grain);
    }

    void Wait(long begin)
    {
        var spin = new SpinWait();
        while (Volatile.Read(ref _pending) != 0 && !spin.NextSpinWillYield)
            spin.SpinOnce();
        if (Volatile.Read(ref _pending) == 0)
            return;

        var waitBegin = Stopwatch.GetTimestamp();
        var lateFrom = waitBegin + PatienceFactor * (waitBegin - begin) + Patience;
        var isLate = false;
        while (Volatile.Read(ref _pending) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (isLate || Stopwatch.GetTimestamp() < lateFrom)
                continue;
            isLate = true;
            PutLateOnesLast();
        }

        if (isLate)
        {
            _pauseFactor = begin - _pauseEnd < _pause ? Math.Min(2 * _pauseFactor, LongestPause) : ShortestPause;
            var end = Stopwatch.GetTimestamp();
            _pause = _pauseFactor * (end - waitBegin);
            _pauseEnd = end + _pause;
        }
    }

    void PutLateOnesLast()
    {
        var late = 0;
        for (var i = _workers.Length - 1; i >= 0; i--)
        {
            if (!_workers[i].IsRunning)
                continue;
            late++;
            (_workers[i], _workers[^late]) = (_workers[^late], _workers[i]);
        }

        _active = Math.Max(1, _active - late);
    }

    static void Invoke<TJob>(void* job, int start, int end) where TJob : unmanaged, IRangeJob => Unsafe.AsRef<TJob>(job).Execute(start, end);

    /// <summary>Ends the threads; what they had of the machine is given back when this returns.</summary>
    public void Dispose()
    {
        foreach (var worker in _workers)
            worker.Stop();
        foreach (var worker in _workers)
            worker.Dispose();
    }

    sealed class Worker : IDisposable
    {
        readonly WorkerPool _pool;
        readonly int _number;
        readonly Thread _thread;
        readonly AutoResetEvent _wake = new(false);
        delegate*<void*, int, int, void> _invoke;
        void* _job;
        int _start, _end;
        int _state;

        const int Idle = 0, Ready = 1, Running = 2, Parked = 3, Stopping = 4;

        public Worker(WorkerPool pool, int number)
        {
            (_pool, _number) = (pool, number);
            _thread = new Thread(Loop) { IsBackground = true, Name = $"vbilstm worker {number}" };
            _thread.Start();
        }

        public void Start(delegate*<void*, int, int, void> invoke, void* job, int start, int end)
        {
            _invoke = invoke;
            _job = job;
            (_start, _end) = (start, end);
            Signal(Ready);
        }

        /// <summary>Whether the thread is in the middle of its work.</summary>
        public bool IsRunning => Volatile.Read(ref _state) == Running;

        /// <summary>Takes back work that the thread has not begun; false where it has.</summary>
        public bool TakeBack() => Interlocked.CompareExchange(ref _state, Idle, Ready) == Ready;

        public void Stop() => Signal(Stopping);

        public void Dispose()
        {
            _thread.Join();
            _wake.Dispose();
        }

        void Signal(int state)
        {
            if (Interlocked.Exchange(ref _state, state) == Parked)
                _wake.Set();
        }

        void Loop()
        {
            t_number = _number;
            while (WaitForWork() != Stopping)
            {
                // Otherwise the caller has taken it back.
                if (Interlocked.CompareExchange(ref _state, Running, Ready) != Ready)
                    continue;
                try
                {
                    _invoke(_job, _start, _end);
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref _pool._failure, ExceptionDispatchInfo.Capture(e), null);
                }

                // Cleared before the work is reported done, because the next job may come right after.
                Volatile.Write(ref _state, Idle);
                Interlocked.Decrement(ref _pool._pending);
            }
        }

        int WaitForWork()
        {
            for (var i = 0; i < SpinsBeforePark; i++)
            {
                var state = Volatile.Read(ref _state);
                if (state != Idle)
                    return state;
                if (i > SpinsBeforeYield)
                    Thread.Yield(); // to the caller, where it waits for this very processor
                Thread.SpinWait(8);
            }

            if (Interlocked.CompareExchange(ref _state, Parked, Idle) == Idle)
                _wake.WaitOne();
            return Volatile.Read(ref _state);
        }
    }
}
