using BenchmarkDotNet.Attributes;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>Handing an empty job to all threads and waiting for them: what every operation of a time step pays.</summary>
public class BarrierSuite : IDisposable
{
    WorkerPool _pool = null!;

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup() => _pool = new WorkerPool(Threads);

    [GlobalCleanup]
    public void Dispose()
    {
        _pool.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void Run() => _pool.Run(new Nothing(), Threads, 1);

    readonly struct Nothing : IRangeJob
    {
        public void Execute(int start, int end)
        {
        }
    }
}
