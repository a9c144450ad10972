using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace VBiLstm.Devices.Cpu;

/// <summary>
/// Work over a range of indices, of which a thread does one piece or several; an unmanaged struct, so that handing it to threads allocates nothing.
/// </summary>
interface IRangeJob
{
    void Execute(int start, int end);
}

/// <summary>
/// Persistent threads that spin for some microseconds between jobs and then park. One caller at a time; a job must not run another one.
/// Each thread takes pieces of its own part and then of the others', because processors are not equally fast, least of all those shared with other programs.
/// Threads that keep the caller waiting in the middle of a piece get no work for a while.
/// </summary>
sealed unsafe class WorkerPool : IDisposable
{
    const int SpinsBeforeYield = 400, SpinsBeforePark = 4000;

    // The smallest piece of a part, unless its job wants larger ones.
    const int PiecesOfPart = 6;

    // Longs between two parts' ranges, which different threads write.
    const int RangeStride = 16;

    // A thread is late where the caller waits for it twice as long as its own part took, and 300 us. It pauses for 4 times what was waited, twice as long
    // each time where it is late again before as much time has passed.
    const int PatienceFactor = 2, ShortestPause = 4, LongestPause = 256;
    static readonly long Patience = Stopwatch.Frequency * 300 / 1_000_000;

    [ThreadStatic]
    static int t_number;

    // Those that get work come first.
    readonly Worker[] _workers;

    // For each part the grains that nobody has taken: the first in the upper half, the end in the lower one.
    readonly long[] _ranges;
    ExceptionDispatchInfo? _failure;
    int _pending, _active, _parts, _pauseFactor = ShortestPause;
    int _count, _grain, _smallestPiece;
    long _pause, _pauseEnd;

    /// <param name="threads">Number of threads, the caller's included.</param>
    public WorkerPool(int threads)
    {
        Threads = _active = threads;
        _workers = new Worker[threads - 1];
        _ranges = new long[(threads + 1) * RangeStride];
        for (var i = 0; i < _workers.Length; i++)
            _workers[i] = new Worker(this, i + 1);
    }

    public int Threads { get; }

    /// <summary>Number of the calling thread among those of the pool whose job it runs: 0 is the caller of <see cref="Run"/>.</summary>
    public static int CurrentThread => t_number;

    /// <summary>
    /// Splits [0, count) into at most <see cref="Threads"/> contiguous parts and those into pieces, all with boundaries at multiples of
    /// <paramref name="grain"/>, runs them and returns when all are done. A job's exception is rethrown here after all threads ended.
    /// </summary>
    /// <param name="job">What each thread runs for its pieces.</param>
    /// <param name="count">Length of the range.</param>
    /// <param name="grain">The smallest piece worth waking a thread for.</param>
    /// <param name="pieces">At most about so many pieces of a part: few where each costs the job something.</param>
    public void Run<TJob>(in TJob job, int count, int grain, int pieces = PiecesOfPart) where TJob : unmanaged, IRangeJob
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
        (_parts, _count, _grain, _smallestPiece) = (parts, count, grain, Math.Max(1, grains / (parts * pieces)));
        for (var part = 0; part < parts; part++)
            Range(part) = (long)grains * part / parts << 32 | (long)grains * (part + 1) / parts;
        fixed (TJob* pointer = &job)
        {
            Volatile.Write(ref _pending, parts - 1);
            for (var part = 1; part < parts; part++)
                _workers[part - 1].Start(&Invoke<TJob>, pointer, part);
            try
            {
                Invoke<TJob>(this, pointer, 0);
                for (var part = parts - 1; part > 0; part--)
                    if (_workers[part - 1].TakeBack())
                        Interlocked.Decrement(ref _pending);
            }
            finally
            {
                // The job stands on this stack: wait for every thread, whatever happened in ours.
                Wait(begin);
            }
        }

        if (_failure is not null)
            Interlocked.Exchange(ref _failure, null)?.Throw();
    }

    static void Invoke<TJob>(WorkerPool pool, void* job, int own) where TJob : unmanaged, IRangeJob
    {
        for (var i = 0; i < pool._parts; i++)
        {
            var part = (own + i) % pool._parts;
            while (pool.Take(part, fromEnd: i > 0, out var start, out var end))
                Unsafe.AsRef<TJob>(job).Execute(start, end);
        }
    }

    // Away from the array's length too, which all read.
    ref long Range(int part) => ref _ranges[(part + 1) * RangeStride];

    // Most of what is left, so that pieces get smaller towards the end: an owner from the beginning, the others from the end.
    bool Take(int part, bool fromEnd, out int start, out int end)
    {
        ref var range = ref Range(part);
        while (true)
        {
            var seen = Volatile.Read(ref range);
            var (first, last) = ((int)(seen >> 32), (int)seen);
            if (first >= last)
            {
                (start, end) = (0, 0);
                return false;
            }

            var taken = Math.Min(last - first, Math.Max(_smallestPiece, (last - first) * 3L / 4));
            var left = fromEnd ? (long)first << 32 | (last - taken) : (first + taken) << 32 | (uint)last;
            if (Interlocked.CompareExchange(ref range, left, seen) != seen)
                continue;
            var begin = fromEnd ? last - taken : first;
            start = (int)(begin * _grain);
            end = (int)Math.Min(_count, (begin + taken) * _grain);
            return true;
        }
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
        delegate*<WorkerPool, void*, int, void> _invoke;
        void* _job;
        int _part;
        int _state;

        const int Idle = 0, Ready = 1, Running = 2, Parked = 3, Stopping = 4;

        public Worker(WorkerPool pool, int number)
        {
            (_pool, _number) = (pool, number);
            _thread = new Thread(Loop) { IsBackground = true, Name = $"vbilstm worker {number}" };
            _thread.Start();
        }

        public void Start(delegate*<WorkerPool, void*, int, void> invoke, void* job, int part)
        {
            _invoke = invoke;
            _job = job;
            _part = part;
            Signal(Ready);
        }

        /// <summary>Whether the thread is in the middle of its work.</summary>
        public bool IsRunning => Volatile.Read(ref _state) == Running;

        /// <summary>Calls the thread off where it has not begun, which is too late where it has: false.</summary>
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
                // Otherwise the caller has called it off.
                if (Interlocked.CompareExchange(ref _state, Running, Ready) != Ready)
                    continue;
                try
                {
                    _invoke(_pool, _job, _part);
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
