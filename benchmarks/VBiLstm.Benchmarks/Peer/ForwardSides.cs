using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using static TorchSharp.torch;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>TorchSharp's evaluation or draw of a batch.</summary>
sealed class TorchForwardSide(StepSizes sizes, int threads, What what) : TorchSide(sizes, threads, deferred: true)
{
    public override float Step()
    {
        if (what == What.Evaluate)
            return Score();
        Draw();
        return 0;
    }

    protected override LoopResults Loop(Tensor ax, Tensor qb, Tensor epsilonZ, Tensor epsilonB, Tensor mask) => throw new NotSupportedException();

    protected override void Backward(Tensor objective) => throw new NotSupportedException();
}

/// <summary>This project's evaluation of random sequences, as many as it scores side by side.</summary>
sealed class OurEvaluation : IOurSide
{
    readonly CpuDevice _device;
    readonly EvaluationBenchmark _benchmark;

    public OurEvaluation(StepSizes sizes, int threads)
    {
        _device = new CpuDevice(threads);
        _benchmark = new EvaluationBenchmark(_device, sizes.Configuration, sizes.Steps);
    }

    public int Sequences => _benchmark.Sequences;

    public double MeasurePeak() => _device.MeasurePeak();

    public float Step() => -(float)_benchmark.Run().Bound;

    public IReadOnlyList<Parameter> Layout => _benchmark.Parameters.Layout.All;

    public float[] Value(string name) => _device.Read(_benchmark.Parameters.Value(name));

    /// <summary>ε and ε′ as drawn.</summary>
    public (float[] EpsilonZ, float[] EpsilonB) Noise() => (_device.Read(_benchmark.Step.Find("eps_z")), _device.Read(_benchmark.Step.Find("eps_b")));

    public void Dispose()
    {
        _benchmark.Dispose();
        _device.Dispose();
    }
}

/// <summary>This project's draws of a batch.</summary>
sealed class OurSampling : IOurSide
{
    readonly CpuDevice _device;
    readonly StepSizes _sizes;
    readonly GenerationBenchmark _benchmark;

    public OurSampling(StepSizes sizes, int threads)
    {
        (_device, _sizes) = (new CpuDevice(threads), sizes);
        _benchmark = new GenerationBenchmark(_device, sizes.Configuration, sizes.Steps);
    }

    public int Sequences => _benchmark.Sequences;

    public double MeasurePeak() => _device.MeasurePeak();

    public float Step()
    {
        _benchmark.Run();
        return 0;
    }

    public IReadOnlyList<Parameter> Layout => _benchmark.Parameters.Layout.All;

    public float[] Value(string name) => _device.Read(_benchmark.Parameters.Value(name));

    /// <summary>o_T at the means of the latents, after the random batch's own sequences.</summary>
    public float[] LastOutput()
    {
        var (model, b) = (_sizes.Model, _sizes.Batch);
        using var prior = new PriorMode(_device, _benchmark.Parameters, b, sampled: false);
        var batch = RandomSequences.Batch(model, _sizes.Steps, b, _sizes.Configuration.Seed);
        prior.Reset(batch.RowIds);
        for (var t = 0; t < _sizes.Steps; t++)
        {
            if (model.IsCategorical)
                prior.Step(batch.Tokens.AsSpan(t * b, b), 1, t);
            else
                prior.Step(batch.Frames.AsSpan(t * b * model.FrameSize, b * model.FrameSize), 1, t);
        }

        var output = new float[b * VBiLstm.Model.Outputs.Output.Of(model).Width];
        prior.ReadOutput(output);
        return output;
    }

    public void Dispose()
    {
        _benchmark.Dispose();
        _device.Dispose();
    }
}
