using VBiLstm.Configuration;
using VBiLstm.Training;

namespace VBiLstm.Cuda.Tests;

/// <summary>What a training will take of a GPU is known before. Alone: other tests take memory of the same GPU.</summary>
[CollectionDefinition(nameof(TrainingMemoryTests), DisableParallelization = true)]
[Collection(nameof(TrainingMemoryTests))]
public class TrainingMemoryTests
{
    [Theory]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.VariationalBiLstm)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.Lstm)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.BiLstm)]
    [InlineData(CudaRecurrence.Kernels, ModelKind.VariationalBiLstm)]
    public void Training_takes_what_was_measured(CudaRecurrence recurrence, ModelKind kind)
    {
        const int t = 9, b = 11;
        Assert.SkipUnless(Gpu.IsSoftware, "A real driver takes memory by the page and for its graphs.");
        var configuration = Preset.All[0].Configuration;
        configuration = configuration with
        {
            Model = configuration.Model with { Kind = kind, LstmUnits = 48, MlpUnits = 40, LatentUnits = 8 },
            Training = configuration.Training with { BatchSize = b },
        };
        using var device = Gpu.Create(recurrence);
        var memory = TrainingMemory.Measure(device, configuration.Model, t, b);
        Assert.Equal(recurrence == CudaRecurrence.Cudnn, memory.RecurrenceBytes > 0);
        var before = device.Memory.Free;
        using var benchmark = new StepBenchmark(device, configuration, t);
        for (var i = 0; i < 3; i++)
            benchmark.Run();
        var taken = before - device.Memory.Free;

        // Every allocation is rounded up to whole lines.
        Assert.InRange(taken, memory.Bytes, memory.Bytes + 8 * 512);
    }
}
