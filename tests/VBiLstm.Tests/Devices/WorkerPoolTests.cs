using System.Diagnostics;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Tests.Devices;

public class WorkerPoolTests
{
    unsafe struct Count : IRangeJob
    {
        public int* Visits;
        public int Grain;
        public int* Misaligned;

        public readonly void Execute(int start, int end)
        {
            if (start % Grain != 0)
                Interlocked.Increment(ref *Misaligned);
            for (var i = start; i < end; i++)
                Interlocked.Increment(ref Visits[i]);
        }
    }

    struct Throw : IRangeJob
    {
        public int At;

        public readonly void Execute(int start, int end)
        {
            if (At >= start && At < end)
                throw new InvalidOperationException($"at {At}");
        }
    }

    // Counts the parts that threads other than the caller run, which take so long.
    unsafe struct Wait : IRangeJob
    {
        public int Milliseconds, CallersMilliseconds;
        public int* Parts;

        public readonly void Execute(int start, int end)
        {
            if (WorkerPool.CurrentThread != 0)
                Interlocked.Increment(ref *Parts);
            Thread.Sleep(WorkerPool.CurrentThread == 0 ? CallersMilliseconds : Milliseconds);
        }
    }

    [Fact]
    public unsafe void A_thread_that_comes_late_gets_no_work_for_a_while()
    {
        using var pool = new WorkerPool(2);
        var watch = Stopwatch.StartNew();
        int parts;
        do
        {
            // Gives the other thread time to begin, then waits for it: far longer than the part took.
            parts = 0;
            pool.Run(new Wait { Milliseconds = 400, CallersMilliseconds = 20, Parts = &parts }, 2, 1);
        }
        while (parts == 0);
        var late = watch.Elapsed;
        pool.Run(new Wait { Milliseconds = 1, CallersMilliseconds = 1, Parts = &parts }, 2, 1);
        if (watch.Elapsed - late < TimeSpan.FromSeconds(1))
            Assert.Equal(1, parts);

        // It comes back.
        while (parts == 1)
            pool.Run(new Wait { Milliseconds = 1, CallersMilliseconds = 20, Parts = &parts }, 2, 1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public unsafe void Every_index_runs_exactly_once_at_multiples_of_the_grain(int threads)
    {
        using var pool = new WorkerPool(threads);
        var visits = new int[200];
        var misaligned = 0;
        fixed (int* pointer = visits)
        {
            for (var round = 0; round < 2000; round++)
            {
                var count = round % visits.Length;
                var grain = 1 + round % 9;
                Array.Clear(visits);
                pool.Run(new Count { Visits = pointer, Grain = grain, Misaligned = &misaligned }, count, grain);
                Assert.All(visits.Take(count), visit => Assert.Equal(1, visit));
                Assert.All(visits.Skip(count), visit => Assert.Equal(0, visit));
            }
        }

        Assert.Equal(0, misaligned);
    }

    // Another thread than the caller goes on only when the last index has run.
    unsafe struct WaitForLast : IRangeJob
    {
        public int* Runners;
        public int Count;

        public readonly void Execute(int start, int end)
        {
            for (var i = start; i < end; i++)
                Volatile.Write(ref Runners[i], 1 + WorkerPool.CurrentThread);
            var watch = Stopwatch.StartNew();
            while (WorkerPool.CurrentThread != 0 && Volatile.Read(ref Runners[Count - 1]) == 0 && watch.Elapsed < TimeSpan.FromSeconds(20))
                Thread.Sleep(1);
        }
    }

    [Fact]
    public unsafe void What_a_slow_thread_has_not_taken_the_others_do()
    {
        using var pool = new WorkerPool(2);
        var runners = stackalloc int[16];
        for (var round = 0; round < 20; round++)
        {
            new Span<int>(runners, 16).Clear();
            pool.Run(new WaitForLast { Runners = runners, Count = 16 }, 16, 1);
            Assert.Equal(1, runners[15]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void A_jobs_exception_reaches_the_caller_and_the_pool_works_on(int at)
    {
        using var pool = new WorkerPool(2);
        for (var round = 0; round < 20; round++)
        {
            var e = Assert.Throws<InvalidOperationException>(() => pool.Run(new Throw { At = at }, 10, 1));
            Assert.Equal($"at {at}", e.Message);
            pool.Run(new Throw { At = -1 }, 10, 1);
        }
    }

    [Fact]
    public async Task Workers_that_parked_wake_up_again()
    {
        using var pool = new WorkerPool(2);
        for (var round = 0; round < 5; round++)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
            pool.Run(new Throw { At = -1 }, 10, 1);
        }
    }
}
