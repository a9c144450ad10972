using BenchmarkDotNet.Attributes;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>One time step of an LSTM without channel: its product and its cell, forward, and the element-wise halves alone. B is 32.</summary>
public class LstmStepSuite : IDisposable
{
    const int B = 32;

    CpuDevice _device = null!;
    Arena _arena = null!;
    Tensor _gates, _h, _c, _tanhC, _nextH, _nextC, _dc;
    Weight _recurrent = null!;

    [Params(256, 1024)]
    public int H { get; set; }

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _device = new CpuDevice(Threads);
        _arena = Arena.Create(_device, "an LSTM step", arena =>
        {
            (_gates, _h, _c, _tanhC) = (arena.Take(B, 4 * H), arena.Take(B, H), arena.Take(B, H), arena.Take(B, H));
            (_nextH, _nextC, _dc) = (arena.Take(B, H), arena.Take(B, H), arena.Take(B, H));
            return arena.Take(H, 4 * H);
        }, out var weight);
        _recurrent = _device.CreateWeight(weight, WeightUse.Forward);
        _device.RefreshWeights([_recurrent]);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _arena.Dispose();
        _device.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void ProductAndCell()
    {
        _device.Multiply(_h, _recurrent, default, _gates, accumulate: false);
        _device.LstmCellForward(_gates, default, _c, default, _nextC, _tanhC, _nextH);
    }

    [Benchmark]
    public void CellForward() => _device.LstmCellForward(_gates, default, _c, default, _nextC, _tanhC, _nextH);

    [Benchmark]
    public void CellBackward() => _device.LstmCellBackward(_gates, _c, _tanhC, _h, default, default, _dc);
}
