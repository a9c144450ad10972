using BenchmarkDotNet.Attributes;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Benchmarks.Suites;

/// <summary>Products x W with W packed, and xᵀ dy: thin ones of the loops and batched ones, rows × inputs × outputs.</summary>
public class GemmSuite : IDisposable
{
    CpuDevice _device = null!;
    DeviceMemory _memory = null!;
    Tensor _x, _y, _w, _dw;
    Weight _weight = null!;

    [Params("32x256x1280", "32x1024x4096", "50x2176x4096", "32x256x1024", "896x1024x1024", "1600x1024x4096")]
    public string Shape { get; set; } = "";

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var sizes = Shape.Split('x').Select(int.Parse).ToArray();
        var (rows, inputs, outputs) = (sizes[0], sizes[1], sizes[2]);
        _device = new CpuDevice(Threads);
        _memory = _device.Allocate(sizeof(float) * ((long)rows * inputs + (long)rows * outputs + 2L * inputs * outputs), "the operands");
        _x = new Tensor(_memory.Address, rows, inputs, inputs);
        _y = new Tensor(_x.Address + sizeof(float) * (nint)_x.Count, rows, outputs, outputs);
        _w = new Tensor(_y.Address + sizeof(float) * (nint)_y.Count, inputs, outputs, outputs);
        _dw = new Tensor(_w.Address + sizeof(float) * (nint)_w.Count, inputs, outputs, outputs);
        _weight = _device.CreateWeight(_w, WeightUse.Forward);
        _device.RefreshWeights([_weight]);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _memory.Dispose();
        _device.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void WeightGradient() => _device.WeightGradients([new WeightGradient(_x, _dw)], _y, default);

    [Benchmark]
    public void Multiply() => _device.Multiply(_x, _weight, default, _y, accumulate: false);
}
