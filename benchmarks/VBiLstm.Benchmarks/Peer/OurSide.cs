using VBiLstm.Devices.Cpu;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>This project's training step.</summary>
sealed class OurSide : IOurSide
{
    readonly CpuDevice _device;
    readonly StepBenchmark _benchmark;

    public int Sequences { get; }

    public OurSide(StepSizes sizes, int threads)
    {
        (_device, Sequences) = (new CpuDevice(threads), sizes.Batch);
        _benchmark = new StepBenchmark(_device, sizes.Configuration, sizes.Steps);
    }

    /// <summary>Of a step.</summary>
    public long ActivationBytes => _benchmark.Step.Bytes;

    public double MeasurePeak() => _device.MeasurePeak();

    public float Step() => _benchmark.Run();

    /// <summary>The objective and, left on the device, the gradients; for the comparison with the other side.</summary>
    public float Differentiate() => _benchmark.Differentiate();

    public IReadOnlyList<Parameter> Layout => _benchmark.Parameters.Layout.All;

    public float[] Value(string name) => _device.Read(_benchmark.Parameters.Value(name));

    public float[] Gradient(string name) => _device.Read(_benchmark.Parameters.Gradient(name));

    /// <summary>ε, ε′ and m as drawn.</summary>
    public (float[] EpsilonZ, float[] EpsilonB, float[] Mask) Noise()
    {
        var step = _benchmark.Step;
        return (_device.Read(step.Find("eps_z")), _device.Read(step.Find("eps_b")), _device.Read(step.Find("skip_mask")));
    }

    public void Dispose()
    {
        _benchmark.Dispose();
        _device.Dispose();
    }
}
