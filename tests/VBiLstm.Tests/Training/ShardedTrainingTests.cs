using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Metrics;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Tests.Data;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>Training whose batches are computed in shards learns what training with whole batches does.</summary>
public class ShardedTrainingTests
{
    const int BatchSize = 7, Vocabulary = 11;

    public enum DataKind
    {
        Fixed,
        Ragged,
        Carried,
    }

    static ModelConfiguration Model(DataKind kind, ModelKind model = ModelKind.VariationalBiLstm) => new()
    {
        Kind = model,
        OutputDistribution = kind == DataKind.Carried ? OutputDistribution.Categorical : OutputDistribution.Gaussian,
        FrameSize = 2,
        VocabularySize = Vocabulary,
        EmbeddingSize = 6,
        LstmUnits = 12,
        MlpUnits = 10,
        LatentUnits = 4,
        OutputInitialisation = 0.5,
        Alpha = 0.01,
        Beta = 0.01,
    };

    static RunConfiguration Run(DataKind kind, int shards) => new()
    {
        Seed = 5,
        Model = Model(kind),
        Training = new TrainingConfiguration { BatchSize = BatchSize, Shards = shards, Steps = 20, EvaluateEvery = 6, CheckpointEvery = 4 },
    };

    // No number of sequences is a whole number of batches.
    static SequenceDataset Split(DataKind kind, int count, int seed)
    {
        var random = new Random(seed);
        return kind == DataKind.Carried
            ? new TokenStream([.. Enumerable.Range(0, 10 * count).Select(_ => random.Next(Vocabulary))], Vocabulary, 10, true, TaskUnit.BitsPerCharacter,
                "text")
            : new ScriptedFrames([.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, kind == DataKind.Fixed ? 6 : random.Next(2, 9))
                .Select(_ => new[] { random.NextSingle(), -random.NextSingle() }).ToArray())]);
    }

    static DataSplits Data(DataKind kind) => new(Split(kind, 45, 1), Split(kind, 17, 2), Split(kind, 9, 3), $"{kind} data");

    sealed class CancelAfter(long step, CancellationTokenSource source) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == step)
                source.Cancel();
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    static Checkpoint Train(string folder, RunConfiguration configuration, DataKind kind, bool resume = false, int stopAfter = 0)
    {
        var run = new RunFolder(folder);
        using var stop = new CancellationTokenSource();
        using var data = Data(kind);
        using var device = new CpuDevice(2);
        using var trainer = new Trainer(configuration, data, device, run, resume ? CheckpointFolder.Read(run.Last, withMoments: true) : null);
        trainer.Run(new CancelAfter(stopAfter, stop), stop.Token);
        return CheckpointFolder.Read(run.Last, withMoments: true);
    }

    static readonly int[] Shards = [2, 3, 4, 7];

    public static TheoryData<DataKind, int> Cases
        => [.. Enum.GetValues<DataKind>().SelectMany(kind => Shards.Select(shards => new TheoryDataRow<DataKind, int>(kind, shards)))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_learns_what_whole_batches_do(DataKind kind, int shards)
    {
        using var folder = new TemporaryFolder();
        var (whole, sharded) = (Train(folder.At("whole"), Run(kind, 1), kind), Train(folder.At("sharded"), Run(kind, shards), kind));
        AssertClose(whole.Weights, sharded.Weights);
        Assert.Equal(kind == DataKind.Carried, sharded.CarriedState.Count > 0);
        AssertClose(whole.CarriedState, sharded.CarriedState);
        var rows = MetricsLog.Read(new RunFolder(folder.At("whole")).Metrics).Zip(MetricsLog.Read(new RunFolder(folder.At("sharded")).Metrics)).ToList();
        Assert.NotEmpty(rows);
        Assert.All(rows, pair =>
        {
            Assert.Equal((pair.First.Step, pair.First.Split), (pair.Second.Step, pair.Second.Split));
            Assert.All(pair.First.Values, value => Assert.Equal(value.Value, pair.Second.Values[value.Key], 1e-3 * (1 + Math.Abs(value.Value))));
        });
    }

    // Adam turns a gradient whose sign is a matter of rounding into a whole step; of 20 steps of 0.001 little is left in between.
    static void AssertClose(IReadOnlyList<NamedTensor> expected, IReadOnlyList<NamedTensor> actual)
    {
        Assert.Equal(expected.Select(tensor => tensor.Name), actual.Select(tensor => tensor.Name));
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.Equal(one.Shape, other.Shape);
            Assert.All(one.Values.Zip(other.Values), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        }
    }

    [Theory]
    [InlineData(DataKind.Ragged)]
    [InlineData(DataKind.Carried)]
    public void A_stopped_and_resumed_run_has_the_bits_of_an_uninterrupted_one(DataKind kind)
    {
        using var folder = new TemporaryFolder();
        Train(folder.At("whole"), Run(kind, 3), kind);
        Train(folder.At("parts"), Run(kind, 3), kind, stopAfter: 9);
        Assert.Equal(20, Train(folder.At("parts"), Run(kind, 3), kind, resume: true).State.Step);
        foreach (var file in new[] { "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder.At("whole"), file)), File.ReadAllBytes(Path.Combine(folder.At("parts"), file)));
    }

    [Fact]
    public void A_run_goes_on_with_another_number_of_shards()
    {
        using var folder = new TemporaryFolder();
        var whole = Train(folder.At("whole"), Run(DataKind.Carried, 1), DataKind.Carried);
        Train(folder.At("parts"), Run(DataKind.Carried, 4), DataKind.Carried, stopAfter: 9);
        AssertClose(whole.Weights, Train(folder.At("parts"), Run(DataKind.Carried, 2), DataKind.Carried, resume: true).Weights);
    }

    [Theory]
    [InlineData(DataKind.Ragged)]
    [InlineData(DataKind.Carried)]
    public void A_split_scores_as_with_whole_batches(DataKind kind)
    {
        using var data = Split(kind, 17, 2);
        using var device = new CpuDevice(1);
        using var parameters = new ModelParameters(device, Model(kind), training: false);
        parameters.Initialise(7);
        EvaluationResult Score(int rows)
        {
            using var step = new TrainingStep(device, parameters, data.MaximumLength, rows, training: null);
            return new Evaluator(step, BatchSize).Evaluate(data, importanceSamples: kind == DataKind.Carried ? 1 : 3);
        }

        var whole = Score(BatchSize);
        foreach (var rows in new[] { 4, 3, 1 })
        {
            var sharded = Score(rows);
            Assert.Equal(whole.Nll, sharded.Nll, 1e-9);
            Assert.Equal(whole.Kl, sharded.Kl, 1e-9);
            Assert.Equal(whole.ImportanceWeightedBound!.Value, sharded.ImportanceWeightedBound!.Value, 1e-9);
            Assert.Equal((whole.Tokens, whole.ActiveUnits), (sharded.Tokens, sharded.ActiveUnits));
            Assert.All(whole.KlPerLatent.Zip(sharded.KlPerLatent), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(6)]
    [InlineData(8)]
    public void Shards_without_a_sequence_are_refused(int shards)
    {
        var message = Assert.Throws<ConfigurationException>(() => Run(DataKind.Fixed, shards).Validate()).Message;
        Assert.Contains($"training.shards is {shards}", message, StringComparison.Ordinal);
        Assert.Contains("batch of 7", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_finite_in_one_shard_is_found()
    {
        var frames = Enumerable.Range(0, BatchSize)
            .Select(i => new[] { new[] { 0.1f * i, 1 }, [i == 3 ? float.PositiveInfinity : 0.5f, 0.2f], [0, 0] }).ToArray();
        using var data = new DataSplits(new ScriptedFrames(frames), Split(DataKind.Fixed, 5, 2), Split(DataKind.Fixed, 5, 3), "one infinite value");
        using var device = new CpuDevice(2);
        using var trainer = new Trainer(Run(DataKind.Fixed, 4), data, device);
        var e = Assert.Throws<NonFiniteException>(() => trainer.Run(cancellation: TestContext.Current.CancellationToken));
        Assert.Equal((1, "the NLL"), (e.Step, e.Term));
        Assert.DoesNotContain("the sum over the batch", e.Tensor, StringComparison.Ordinal);
        Assert.Equal(0, trainer.State.Step);
    }
}
