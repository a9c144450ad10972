using BenchmarkDotNet.Attributes;
using VBiLstm.Benchmarks.Peer;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>The whole training step of the presets.</summary>
public class TrainingStepSuite : IDisposable
{
    OurSide _side = null!;

    [Params("small-rows", "small-char", "paper-mnist-rows")]
    public string Preset { get; set; } = "";

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup() => _side = new OurSide(StepSizes.Presets[Preset], Threads);

    [GlobalCleanup]
    public void Dispose()
    {
        _side.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public float Step() => _side.Step();
}
