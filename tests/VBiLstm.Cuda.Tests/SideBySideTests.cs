using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Cuda.Tests;

/// <summary>Several devices in one process.</summary>
[Collection(nameof(AloneOnTheGpu))]
public class SideBySideTests
{
    static readonly int[] Lengths = [5, 5, 5, 9, 9, 9, 2, 2, 2, 5];

    static CudaDevice Open(int ordinal, CudaRecurrence recurrence = CudaRecurrence.Automatic) => new(Gpu.Options(recurrence) with { Ordinal = ordinal });

    static float[] Train(Device device, ModelKind kind) => SmallTraining.Train(device, kind, Lengths);

    [Fact]
    public void Two_gpus_train_side_by_side_with_the_bits_of_two_separate_runs() => OnTwoGpus((first, second) =>
    {
        var expected = (Train(first, ModelKind.VariationalBiLstm), Train(second, ModelKind.BiLstm));

        // On two threads, each of which then takes the other device.
        for (var round = 0; round < 4; round++)
        {
            var results = new float[2][];
            var turn = round % 2;
            Together(() => results[turn] = Train(turn == 0 ? first : second, turn == 0 ? ModelKind.VariationalBiLstm : ModelKind.BiLstm),
                () => results[1 - turn] = Train(turn == 0 ? second : first, turn == 0 ? ModelKind.BiLstm : ModelKind.VariationalBiLstm));
            Assert.Equal(expected.Item1, results[0]);
            Assert.Equal(expected.Item2, results[1]);
        }
    });

    [Fact]
    public void One_thread_may_use_two_gpus_in_turn() => OnTwoGpus((first, second) =>
    {
        using var onFirst = first.Allocate(4 * sizeof(float), "values");
        using var onSecond = second.Allocate(4 * sizeof(float), "values");
        var (a, b) = (new Tensor(onFirst.Address, 1, 4, 4), new Tensor(onSecond.Address, 1, 4, 4));
        for (var round = 0; round < 3; round++)
        {
            first.Upload(new float[] { 1, 2, 3, 4 + round }, a);
            second.Upload(new float[] { 5, 6, 7, 8 + round }, b);
            first.Add(a, a, a);
            second.Add(b, b, b);
            var (x, y) = (new float[4], new float[4]);
            first.Download(a, x);
            second.Download(b, y);
            Assert.Equal([2, 4, 6, 8 + 2 * round], x);
            Assert.Equal([10, 12, 14, 16 + 2 * round], y);
        }
    });

    [Fact]
    public void A_step_may_be_given_back_after_its_device()
    {
        var device = Open(0, CudaRecurrence.Cudnn);
        var configuration = SmallTraining.Configuration();
        var parameters = new ModelParameters(device, configuration.Model, training: true);
        var step = new TrainingStep(device, parameters, 4, configuration.Training.BatchSize, configuration.Training);
        var readback = step.CreateMetricsReadback();
        for (var i = 0; i < 3; i++)
        {
            step.Load(RandomSequences.Batch(configuration.Model, 4, configuration.Training.BatchSize, i));
            step.Run(StepSettings.Of(configuration, i));
        }

        device.Dispose();
        using (var next = Open(0))
            Train(next, ModelKind.Lstm);
        readback.Dispose();
        step.Dispose();
        parameters.Dispose();
        device.Dispose();
    }

    [Fact]
    public void Devices_that_come_and_go_do_not_spoil_what_another_of_their_gpu_captures()
    {
        using var device = Open(0);
        var expected = Train(device, ModelKind.VariationalBiLstm);
        using var over = new CancellationTokenSource();
        Together(() =>
        {
            try
            {
                for (var round = 0; round < 10; round++)
                    Assert.Equal(expected, Train(device, ModelKind.VariationalBiLstm));
            }
            finally
            {
                over.Cancel();
            }
        }, () =>
        {
            while (!over.IsCancellationRequested)
                Open(0, CudaRecurrence.Cudnn).Dispose();
        });
    }

    static void OnTwoGpus(Action<CudaDevice, CudaDevice> run)
    {
        Assert.SkipUnless(Gpu.IsSoftware || CudaDevice.CountGpus(software: false) > 1, "This machine has one GPU.");
        using var first = Open(0);
        if (Gpu.IsSoftware)
            SoftwareGpu.Set("SOFTGPU_DEVICES", 2);
        try
        {
            using var second = Open(1);
            run(first, second);
        }
        finally
        {
            if (Gpu.IsSoftware)
                SoftwareGpu.Set("SOFTGPU_DEVICES", 1);
        }
    }

    static void Together(params ReadOnlySpan<Action> actions)
    {
        var tasks = new List<Task>();
        foreach (var action in actions)
            tasks.Add(Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        Task.WaitAll([.. tasks], TestContext.Current.CancellationToken);
    }
}
