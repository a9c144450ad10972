using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;
using VBiLstm.Distributed;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Tests;
using VBiLstm.Tests.Distributed;
using VBiLstm.Training;

namespace VBiLstm.Cuda.Tests;

/// <summary>Ranks that are threads, each with a device of the same software GPU. Alone: a seed is the whole process's.</summary>
[CollectionDefinition(nameof(CudaRankTests), DisableParallelization = true)]
[Collection(nameof(CudaRankTests))]
public class CudaRankTests
{
    static void NeedsSoftwareGpu()
    {
        Assert.SkipUnless(Gpu.IsSoftware, "NCCL refuses ranks that share a GPU.");
        SoftwareGpuBuild.Require();
    }

    // What every rank has after an exchange of values of its own.
    static float[][] Exchange(Func<Device> create, int ranks, int ranksPerNode, int columns, Action<Device, int, Tensor, Tensor> exchange)
        => ThreadRanks.Run(ranks, among =>
        {
            using var device = create();
            device.Join(among);
            var results = new List<float>();
            for (var level = 0; level < among.Levels.Count; level++)
            {
                var size = among.Levels[level].Size;
                using var source = device.Allocate((long)size * columns * sizeof(float), "values");
                using var target = device.Allocate((long)size * columns * sizeof(float), "what is received");
                var (values, received) = (new Tensor(source.Address, size, columns, columns), new Tensor(target.Address, size, columns, columns));
                var random = new Random(100 * level + among.Rank);
                device.Upload([.. Enumerable.Range(0, size * columns).Select(_ => random.NextSingle())], values);
                exchange(device, level, values, received);
                var all = new float[received.Count];
                device.Download(received, all);
                results.AddRange(all);
            }

            device.Join(Communicator.Alone);
            return results.ToArray();
        }, ranksPerNode);

    // The last is several times what the software GPU has on its way at once.
    [Theory]
    [InlineData(3, 0, 1)]
    [InlineData(4, 2, 257)]
    [InlineData(2, 0, 100_001)]
    public void Bytes_go_where_they_go_between_cpus(int ranks, int ranksPerNode, int columns)
    {
        NeedsSoftwareGpu();
        foreach (var exchange in new Action<Device, int, Tensor, Tensor>[]
        {
            (device, level, values, received) => device.AllToAll(level, values, received),
            (device, level, values, received) => device.AllGather(level, values.RowRange(0, 1), received),
        })
            Assert.Equal(Exchange(() => new CpuDevice(1), ranks, ranksPerNode, columns, exchange),
                Exchange(() => Gpu.Create(CudaRecurrence.Kernels), ranks, ranksPerNode, columns, exchange));
    }

    static readonly RunConfiguration Run = new()
    {
        Seed = 5,
        Model = new ModelConfiguration { LstmUnits = 12, MlpUnits = 10, LatentUnits = 4, Alpha = 0.01, Beta = 0.01 },
        Data = new DataConfiguration { Binarisation = Binarisation.Stochastic },
        Training = new TrainingConfiguration { BatchSize = 8, Shards = 4, Steps = 3, LearningRate = 3e-3, EvaluateEvery = 0, CheckpointEvery = 3 },
    };

    static byte[][] Train(string folder, Func<Device> create, RunConfiguration configuration, int ranks, int ranksPerNode = 0)
    {
        var run = new RunFolder(folder);
        ThreadRanks.Run(ranks, among =>
        {
            using var data = SmallImages.Open(configuration.Data, configuration.Seed);
            using var device = create();
            device.Join(among);
            using (var trainer = new Trainer(configuration, data, device, among.Rank == 0 ? run : null))
                trainer.Run(cancellation: CancellationToken.None);
            device.Join(Communicator.Alone);
            return 0;
        }, ranksPerNode);
        return [.. new[] { "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors", "metrics.jsonl" }
            .Select(file => File.ReadAllBytes(Path.Combine(folder, file)))];
    }

    // Each trains a step call by call, one captured and launched, one launched again.
    [Fact]
    public void A_training_has_the_bytes_of_one_process()
    {
        NeedsSoftwareGpu();
        using var folder = new TemporaryFolder();
        var one = Train(folder.At("one"), () => Gpu.Create(), Run, 1);
        Assert.Equal(one, Train(folder.At("two"), () => Gpu.Create(), Run, 2));
        try
        {
            SoftwareGpu.Seed(3);
            Assert.Equal(one, Train(folder.At("nodes"), () => Gpu.Create(), Run, 4, ranksPerNode: 2));
            SoftwareGpu.Seed(7);
            Assert.Equal(one, Train(folder.At("no-graph"), () => Gpu.Create(graph: false), Run, 4));
        }
        finally
        {
            SoftwareGpu.Seed(0);
        }
    }

    [Fact]
    public void A_rank_with_one_shard_has_its_whole_step_in_one_graph()
    {
        NeedsSoftwareGpu();
        var (alone, several) = (Nodes(1, 1), Nodes(2, 1));

        // The terms behind the gradients, to every rank its slice, their sum, to all theirs, the terms back, the objective.
        Assert.Equal(1, alone.Graphs);
        Assert.Equal(1, several.Graphs);
        Assert.Equal(alone.Nodes + 7, several.Nodes);

        // Of several shards, one graph for all, and one for what follows.
        Assert.Equal(2, Nodes(2, 2).Graphs);

        static (int Graphs, int Nodes) Nodes(int ranks, int shards) => ThreadRanks.Run(ranks, among =>
        {
            var configuration = Run with { Training = Run.Training with { Shards = ranks * shards } };
            using var device = Gpu.Create(CudaRecurrence.Kernels);
            device.Join(among);
            using var parameters = new ModelParameters(device, configuration.Model, training: true, shards);
            parameters.Initialise(1);
            using var step = new TrainingStep(device, parameters, 3, 2, configuration.Training);
            step.Load(RandomSequences.Batch(configuration.Model, 3, 2, 1));
            for (var i = 0; i < 3; i++)
                for (var shard = 0; shard < shards; shard++)
                    step.Run(StepSettings.Of(configuration, i), shard);
            var nodes = device.GraphNodes.ToList();
            device.Join(Communicator.Alone);
            return (nodes.Count, nodes[0].Nodes);
        })[0];
    }

    [Fact]
    public void A_device_that_goes_without_leaving_ends_the_wait_of_the_others()
    {
        NeedsSoftwareGpu();
        var messages = ThreadRanks.Run(2, among =>
        {
            using var device = Gpu.Create(CudaRecurrence.Kernels);
            device.Join(among);
            Assert.True(among.Any(true));
            if (among.Rank == 1)
                return "";
            using var memory = device.Allocate(2 * sizeof(float), "values");
            using var target = device.Allocate(2 * sizeof(float), "what is received");
            device.AllToAll(0, new Tensor(memory.Address, 2, 1, 1), new Tensor(target.Address, 2, 1, 1));
            return Assert.ThrowsAny<DeviceException>(device.Synchronise).Message;
        });
        Assert.Contains("rank 1 of 2 has aborted the communicator", messages[0], StringComparison.Ordinal);
    }

    [Fact]
    public void An_old_NCCL_is_refused()
    {
        NeedsSoftwareGpu();
        ThreadRanks.Run(2, among =>
        {
            using var device = Gpu.Create(CudaRecurrence.Kernels);
            if (among.Rank == 0)
                SoftwareGpu.Set("SOFTGPU_NCCL_VERSION", 21501);
            Assert.True(among.Any(true));
            var message = Assert.Throws<CudaException>(() => device.Join(among)).Message;
            Assert.True(among.Any(true));
            SoftwareGpu.Set("SOFTGPU_NCCL_VERSION", 22704);
            Assert.Contains("NCCL 2.15.1 is too old", message, StringComparison.Ordinal);
            return 0;
        });
    }
}
