using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;
using VBiLstm.Training;

namespace VBiLstm.Cuda.Tests;

/// <summary>What a training takes of a GPU is known before, and given back.</summary>
[Collection(nameof(AloneOnTheGpu))]
public class GivenBackTests
{
    // The descriptors of cuBLASLt are the device's: what a product's shape needs is planned once.
    static readonly string[] Kinds =
    [
        "graph", "graph_exec", "event", "stream", "module", "allocation", "host_allocation", "cublas", "cublaslt", "cudnn", "cudnn_descriptor",
    ];

    static string Alive() => string.Join(", ", Kinds.Select(kind => $"{SoftwareGpu.Alive(kind)} {kind}"));

    static readonly int[] Trained = [3, 3, 12, 12, 3, 12], Evaluated = [.. Enumerable.Range(1, 40)];

    [Theory]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.VariationalBiLstm)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.BiLstm)]
    [InlineData(CudaRecurrence.Kernels, ModelKind.Lstm)]
    public void Training_and_evaluating_forty_lengths_leaves_nothing(CudaRecurrence recurrence, ModelKind kind)
    {
        using var device = Gpu.Create(recurrence);
        var (free, alive) = (device.Memory.Free, Gpu.IsSoftware ? Alive() : "");
        for (var round = 0; round < 5; round++)
        {
            SmallTraining.Train(device, kind, Trained, Evaluated);
            if (Gpu.IsSoftware)
                Assert.Equal((free, alive), (device.Memory.Free, Alive()));
        }

        Assert.Empty(device.GraphNodes);

        // A driver keeps pages and what its libraries took at first use.
        const long drivers = 512 << 20;
        Assert.InRange(free - device.Memory.Free, -drivers, Gpu.IsSoftware ? 0 : drivers);
    }

    [Theory]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.VariationalBiLstm)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.Lstm)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.BiLstm)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.BiLstm, true)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.TwinNet)]
    [InlineData(CudaRecurrence.Cudnn, ModelKind.Srnn)]
    [InlineData(CudaRecurrence.Kernels, ModelKind.VariationalBiLstm)]
    public void Training_takes_what_was_measured_however_many_lengths_there_are(CudaRecurrence recurrence, ModelKind kind, bool equalLengths = false)
    {
        const int t = 21, b = 11;
        Assert.SkipUnless(Gpu.IsSoftware, "A real driver takes memory by the page and for its graphs.");
        var configuration = Preset.All[0].Configuration;
        configuration = configuration with
        {
            Model = configuration.Model with { Kind = kind, LstmUnits = 48, MlpUnits = 40, LatentUnits = 8 },
            Training = configuration.Training with { BatchSize = b },
        };
        using var device = Gpu.Create(recurrence);
        var memory = TrainingMemory.Measure(device, configuration.Model, t, b, equalLengths: equalLengths);
        Assert.Equal(recurrence == CudaRecurrence.Cudnn, memory.RecurrenceBytes > 0);
        var before = device.Memory.Free;
        using var parameters = new ModelParameters(device, configuration.Model, training: true);
        using var step = new TrainingStep(device, parameters, t, b, configuration.Training, equalLengths: equalLengths);
        foreach (var length in new[] { t, t, 1, 1, 8, 8, t - 1, t - 1 })
        {
            step.Load(RandomSequences.Batch(configuration.Model, length, b, length));
            step.Run(StepSettings.Of(configuration, 0));
        }

        // Every allocation is rounded up to whole lines.
        Assert.InRange(before - device.Memory.Free, memory.Bytes, memory.Bytes + 8 * 512);
    }

    [Theory]
    [InlineData(CudaRecurrence.Automatic)]
    [InlineData(CudaRecurrence.Cudnn)]
    [InlineData(CudaRecurrence.Kernels)]
    public void A_device_and_a_step_that_fail_half_way_leave_nothing(CudaRecurrence recurrence)
    {
        Assert.SkipUnless(Gpu.IsSoftware, "Only the software GPU can be told to fail.");

        // Keeps the context, with which everything would go.
        using var keeper = Gpu.Create(CudaRecurrence.Kernels);
        var failures = 0;
        for (var alive = AliveWithPlans(); ; failures++)
        {
            SoftwareGpu.Set("SOFTGPU_FAIL_ALLOCATION", failures + 1);
            try
            {
                using var device = Gpu.Create(recurrence);
                SmallTraining.Train(device, ModelKind.BiLstm, [4, 4, 4]);
                break;
            }
            catch (InsufficientMemoryException)
            {
            }
            catch (CudaDriverException)
            {
            }
            finally
            {
                SoftwareGpu.Set("SOFTGPU_FAIL_ALLOCATION", 0);
            }

            Assert.Equal(alive, AliveWithPlans());
        }

        // The device's seven, of which workspace and scratch of the branches' stream, parameters, activations, and of cuDNN for each of two directions its
        // copies and reserve, and one workspace. A trial of cuDNN, in one direction and in both, takes tensors, copies, reserve and workspace of its own.
        Assert.Equal(recurrence switch { CudaRecurrence.Automatic => 22, CudaRecurrence.Cudnn => 14, _ => 9 }, failures);

        static string AliveWithPlans() => $"{Alive()}, {SoftwareGpu.Alive("cublaslt_descriptor")} cublaslt_descriptor";
    }
}
