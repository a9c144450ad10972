using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Distributed;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Tests.Data;
using VBiLstm.Training;
using VBiLstm.Verification;

namespace VBiLstm.Tests.Distributed;

/// <summary>Several ranks train and score as one process with as many shards does, to the bit.</summary>
public class RankTests
{
    const int BatchSize = 16, Vocabulary = 11;

    // Of 53 sequences in 16 rows of four, number 30 is the third of row 7.
    const int Spoilt = 3;

    static readonly string[] Files =
    [
        "configuration.json", "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors",
        "checkpoints/best/weights.safetensors",
    ];

    public enum DataKind
    {
        Fixed,
        Ragged,
        Carried,

        /// <summary>Carried frames, of which training has an infinite one.</summary>
        Spoilt,
    }

    static RunConfiguration Run(DataKind data, int shards, ModelKind kind = ModelKind.VariationalBiLstm) => new()
    {
        Seed = 5,
        Model = new ModelConfiguration
        {
            Kind = kind,
            OutputDistribution = data == DataKind.Carried ? OutputDistribution.Categorical : OutputDistribution.Gaussian,
            Prior = kind == ModelKind.Srnn ? PriorKind.Learned : new ModelConfiguration().Prior,
            FrameSize = 2,
            VocabularySize = Vocabulary,
            EmbeddingSize = 6,
            LstmUnits = 9,
            MlpUnits = 7,
            LatentUnits = 3,
            OutputInitialisation = 0.5,
            Alpha = 0.01,
            Beta = 0.01,
            RecurrentDropout = 0.1,
            WeightNoise = 0.01,
        },
        Training = new TrainingConfiguration { BatchSize = BatchSize, Shards = shards, Steps = 14, EvaluateEvery = 5, CheckpointEvery = 4 },
    };

    // The last batch of an epoch is partial, and some ranks have nothing in it.
    static SequenceDataset Split(DataKind kind, int count, int seed)
    {
        var random = new Random(seed);
        if (kind == DataKind.Spoilt)
            return new ScriptedFrames([.. Enumerable.Range(0, count)
                .Select(i => new[] { [0.1f * (i % 9), 1], [seed == 1 && i == 30 ? float.PositiveInfinity : 0.5f, 0.2f], new[] { 0f, 0 } })])
            { Carries = true };
        return kind == DataKind.Carried
            ? new TokenStream([.. Enumerable.Range(0, 8 * count).Select(_ => random.Next(Vocabulary))], Vocabulary, 8, true, TaskUnit.BitsPerCharacter, "text")
            : new ScriptedFrames([.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, kind == DataKind.Fixed ? 5 : random.Next(2, 8))
                .Select(_ => new[] { random.NextSingle(), -random.NextSingle() }).ToArray())]);
    }

    static DataSplits Data(DataKind kind) => new(Split(kind, 53, 1), Split(kind, 21, 2), Split(kind, 9, 3), $"{kind} data");

    sealed class Observer(long cancelAfter, long cancelInEvaluation, CancellationTokenSource source) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == cancelAfter)
                source.Cancel();
        }

        public void OnEvaluating(long step, double share)
        {
            if (step == cancelInEvaluation)
                source.Cancel();
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    // Rank 0 has the folder; the rank that is told to asks to stop.
    static TrainingOutcome[] Train(string folder, DataKind data, RunConfiguration configuration, int ranks, bool resume = false, int ranksPerNode = 0,
        int cancellingRank = -1, long cancelAfter = 0, long cancelInEvaluation = 0)
    {
        var run = new RunFolder(folder);
        var checkpoint = resume ? CheckpointFolder.Read(run.Last, withMoments: true) : null;
        return ThreadRanks.Run(ranks, communicator =>
        {
            using var stop = new CancellationTokenSource();
            using var splits = Data(data);
            using var device = new CpuDevice(1);
            device.Join(communicator);
            using var trainer = new Trainer(configuration, splits, device, communicator.Rank == 0 ? run : null, checkpoint);
            return trainer.Run(communicator.Rank == cancellingRank ? new Observer(cancelAfter, cancelInEvaluation, stop) : null, stop.Token);
        }, ranksPerNode);
    }

    static void AssertSameRun(string expected, string actual)
        => Assert.All(Files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(expected, file)), File.ReadAllBytes(Path.Combine(actual, file))));

    [Theory]
    [InlineData(DataKind.Fixed, 4, new[] { 2, 4 })]
    [InlineData(DataKind.Fixed, 6, new[] { 3, 6 })]
    [InlineData(DataKind.Ragged, 4, new[] { 2, 4 })]
    [InlineData(DataKind.Ragged, 6, new[] { 3, 6 })]
    [InlineData(DataKind.Ragged, 8, new[] { 2, 4, 8 })]
    [InlineData(DataKind.Carried, 4, new[] { 2, 4 })]
    [InlineData(DataKind.Carried, 6, new[] { 3, 6 })]
    [InlineData(DataKind.Carried, 8, new[] { 2, 4, 8 })]
    public void Any_number_of_ranks_has_the_bits_of_one(DataKind data, int shards, int[] ranks)
    {
        using var folder = new TemporaryFolder();
        Train(folder.At("1"), data, Run(data, shards), 1);
        foreach (var size in ranks)
        {
            Assert.All(Train(folder.At($"{size}"), data, Run(data, shards), size), outcome => Assert.Equal(TrainingOutcome.Completed, outcome));
            AssertSameRun(folder.At("1"), folder.At($"{size}"));
        }
    }

    [Theory]
    [InlineData(ModelKind.ZForcing)]
    [InlineData(ModelKind.Lstm)]
    [InlineData(ModelKind.BiLstm)]
    [InlineData(ModelKind.Vrnn)]
    [InlineData(ModelKind.Srnn)]
    [InlineData(ModelKind.TwinNet)]
    public void So_have_all_models(ModelKind kind)
    {
        using var folder = new TemporaryFolder();
        var run = Run(DataKind.Ragged, 4, kind);
        Train(folder.At("1"), DataKind.Ragged, run, 1);
        Train(folder.At("4"), DataKind.Ragged, run, 4);
        AssertSameRun(folder.At("1"), folder.At("4"));
    }

    [Theory]
    [InlineData(4, 2, 4)]
    [InlineData(8, 4, 8)]
    [InlineData(8, 2, 8)]
    [InlineData(6, 2, 6)]
    [InlineData(12, 4, 12)]
    [InlineData(4, 2, 16)]
    public void So_have_nodes_that_add_first_among_themselves(int ranks, int ranksPerNode, int shards)
    {
        using var folder = new TemporaryFolder();
        var run = Run(DataKind.Ragged, shards);
        run = run with { Training = run.Training with { BatchSize = 48 } };
        Train(folder.At("1"), DataKind.Ragged, run, 1);
        Train(folder.At("nodes"), DataKind.Ragged, run, ranks, ranksPerNode: ranksPerNode);
        AssertSameRun(folder.At("1"), folder.At("nodes"));
    }

    [Theory]
    [InlineData(DataKind.Ragged)]
    [InlineData(DataKind.Carried)]
    public void One_rank_that_is_told_to_stop_stops_all_and_others_go_on(DataKind data)
    {
        using var folder = new TemporaryFolder();
        Train(folder.At("whole"), data, Run(data, 8), 1);
        var parts = folder.At("parts");
        Assert.All(Train(parts, data, Run(data, 8), 4, cancellingRank: 2, cancelAfter: 7), outcome => Assert.Equal(TrainingOutcome.Interrupted, outcome));
        Assert.Equal(7, CheckpointFolder.Read(parts, withMoments: true).State.Step);
        Assert.All(Train(parts, data, Run(data, 8), 8, resume: true, cancellingRank: 5, cancelInEvaluation: 10),
            outcome => Assert.Equal(TrainingOutcome.Interrupted, outcome));
        Assert.True(CheckpointFolder.Read(parts, withMoments: true).State.EvaluationIsPending);
        Assert.All(Train(parts, data, Run(data, 8), 2, resume: true), outcome => Assert.Equal(TrainingOutcome.Completed, outcome));
        AssertSameRun(folder.At("whole"), parts);
    }

    [Fact]
    public void All_stop_early_at_the_same_evaluation()
    {
        using var folder = new TemporaryFolder();
        var run = Run(DataKind.Fixed, 4);
        run = run with { Training = run.Training with { Steps = 200, LearningRate = 0.05, EvaluateEvery = 2, EarlyStop = 2 } };
        Assert.Equal([TrainingOutcome.StoppedEarly], Train(folder.At("1"), DataKind.Fixed, run, 1));
        Assert.All(Train(folder.At("4"), DataKind.Fixed, run, 4), outcome => Assert.Equal(TrainingOutcome.StoppedEarly, outcome));
        AssertSameRun(folder.At("1"), folder.At("4"));
    }

    [Fact]
    public void What_is_not_finite_on_one_rank_stops_all_with_its_name()
    {
        var messages = ThreadRanks.Run(4, communicator =>
        {
            using var data = Data(DataKind.Spoilt);
            using var device = new CpuDevice(1);
            device.Join(communicator);
            using var trainer = new Trainer(Run(DataKind.Spoilt, 4), data, device);
            var e = Assert.Throws<NonFiniteException>(() => trainer.Run(cancellation: CancellationToken.None));
            Assert.Equal((Spoilt, Spoilt - 1L), (e.Step, trainer.State.Step));
            return e.Message;
        });

        // What one process finds, which is no gradient: in their sum nothing tells the shards apart.
        using var data = Data(DataKind.Spoilt);
        using var device = new CpuDevice(1);
        using var one = new Trainer(Run(DataKind.Spoilt, 4), data, device);
        var expected = Assert.Throws<NonFiniteException>(() => one.Run(cancellation: CancellationToken.None));
        Assert.DoesNotContain("gradient", expected.Tensor, StringComparison.Ordinal);
        Assert.All(messages, message => Assert.Equal(expected.Message, message));
    }

    // Squares of gradients that float32 does not hold: the norm is finite, and the moments are not.
    [Fact]
    public void Moments_that_are_not_finite_are_found_by_all_ranks()
    {
        using var folder = new TemporaryFolder();
        var run = Run(DataKind.Fixed, 4);
        run = run with
        {
            Model = run.Model with { KlWeight = 1e25, Alpha = 0, Beta = 0 },
            Training = run.Training with { ClipNorm = 0, EvaluateEvery = 0, CheckpointEvery = 1 },
        };
        var messages = ThreadRanks.Run(4, communicator =>
        {
            using var data = Data(DataKind.Fixed);
            using var device = new CpuDevice(1);
            device.Join(communicator);
            using var trainer = new Trainer(run, data, device, communicator.Rank == 0 ? new RunFolder(folder.At("run")) : null);
            return Assert.Throws<NonFiniteException>(() => trainer.Run(cancellation: CancellationToken.None)).Message;
        });
        Assert.Equal(4, messages.Length);
        Assert.False(CheckpointFolder.Exists(new RunFolder(folder.At("run")).Last));
    }

    [Fact]
    public void A_skipped_step_is_skipped_by_all_and_its_states_are_forgotten()
    {
        using var folder = new TemporaryFolder();
        var run = Run(DataKind.Spoilt, 4);
        run = run with { Training = run.Training with { OnNonFinite = OnNonFinite.Skip } };
        Train(folder.At("1"), DataKind.Spoilt, run, 1);
        Train(folder.At("4"), DataKind.Spoilt, run, 4);
        AssertSameRun(folder.At("1"), folder.At("4"));
        var state = CheckpointFolder.Read(folder.At("4"), withMoments: true);
        Assert.Equal(run.Training.Steps / 4, state.State.SkippedSteps);
        Assert.All(state.CarriedState, tensor => Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value))));
    }

    // Bits that change in one machine's memory reach its moments and weights alone.
    [Theory]
    [InlineData(true, "other weights on rank 2")]
    [InlineData(false, "other Adam moments on rank 2")]
    public void Ranks_that_have_come_apart_write_no_checkpoint(bool weights, string difference)
    {
        using var folder = new TemporaryFolder();
        var run = Run(DataKind.Fixed, 4);
        var messages = ThreadRanks.Run(4, communicator =>
        {
            using var data = Data(DataKind.Fixed);
            using var device = new CpuDevice(1);
            device.Join(communicator);
            using var trainer = new Trainer(run, data, device, communicator.Rank == 0 ? new RunFolder(folder.At("run")) : null);
            var spoilt = (weights ? trainer.Parameters.Values : trainer.Parameters.FirstMoments).ColumnRange(3, 1);
            var spoiler = new Spoiler(6, () => device.Upload([0.75f], spoilt));
            return Assert.Throws<RanksDisagreeException>(() => trainer.Run(communicator.Rank == 2 ? spoiler : null, CancellationToken.None)).Message;
        });
        var message = Assert.Single(messages.Distinct());
        Assert.Contains(difference, message, StringComparison.Ordinal);
        Assert.Contains("step 8", message, StringComparison.Ordinal);
        Assert.Equal(4, CheckpointFolder.Read(new RunFolder(folder.At("run")).Last, withMoments: true).State.Step);
    }

    sealed class Spoiler(long afterStep, Action spoil) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == afterStep)
                spoil();
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }

    [Fact]
    public void A_checkpoint_that_only_the_first_rank_can_read_reaches_all()
    {
        using var folder = new TemporaryFolder();
        Train(folder.At("run"), DataKind.Carried, Run(DataKind.Carried, 4), 1);
        var expected = CheckpointFolder.Read(folder.At("run"), withMoments: true);
        var shared = ThreadRanks.Run(3, ranks => SharedCheckpoint.FromFirst(ranks, ranks.Rank == 0 ? expected : null));
        CheckpointFolder.Write(folder.At("again"), shared[2]!.State, shared[2]!.Data!, shared[2]!.Weights, shared[2]!.FirstMoments, shared[2]!.SecondMoments,
            shared[2]!.CarriedState);
        foreach (var file in new[] { "weights.safetensors", "optimizer.safetensors", "data.json", "state.json" })
            Assert.Equal(File.ReadAllBytes(folder.At($"run/checkpoints/last/{file}")), File.ReadAllBytes(folder.At($"again/{file}")));
        Assert.Equal(expected.Folder, shared[1]!.Folder);
        Assert.All(ThreadRanks.Run(3, ranks => SharedCheckpoint.FromFirst(ranks, null)), Assert.Null);
    }

    // Also by more ranks than there are shards or batches, and by numbers that do not suit the shards.
    [Theory]
    [InlineData(DataKind.Ragged, LatentMode.Sampled)]
    [InlineData(DataKind.Carried, LatentMode.Sampled)]
    [InlineData(DataKind.Carried, LatentMode.Mean)]
    public void Prior_mode_has_the_figures_of_one_process(DataKind kind, LatentMode mode)
    {
        EvaluationResult Score(Communicator ranks)
        {
            using var data = Split(kind, 21, 2);
            using var device = new CpuDevice(1);
            using var parameters = new ModelParameters(device, Run(kind, 4).Model, training: false);
            parameters.Initialise(7);
            using var prior = new PriorMode(device, parameters, (8 + ranks.Size - 1) / ranks.Size, sampled: mode == LatentMode.Sampled);
            return PriorModeScore.Evaluate(prior, data, mode, 8, ranks);
        }

        var one = Score(Communicator.Alone);
        foreach (var ranks in new[] { 2, 3, 8 })
            Assert.All(ThreadRanks.Run(ranks, Score),
                result => Assert.Equal(one, result with { KlPerLatent = one.KlPerLatent, LatentMeans = one.LatentMeans }));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void The_sum_over_the_ranks_is_found_right_and_a_network_that_changes_a_bit_is_found(int ranks)
    {
        var run = Run(DataKind.Fixed, ranks);
        run = run with { Training = run.Training with { BatchSize = 4 * ranks } };
        IReadOnlyList<RankDifference> Compare(Communicator communicator)
        {
            using var joined = new CpuDevice(1);
            joined.Join(communicator);
            using var alone = new CpuDevice(1);
            return RankComparison.Run(joined, alone, run, 5, 3, CancellationToken.None);
        }

        Assert.All(ThreadRanks.Run(ranks, Compare), found =>
        {
            Assert.Equal(ranks, found.Count);
            Assert.All(found, rank => Assert.Equal((0, ""), (rank.Different, rank.First)));
            Assert.All(found, rank => Assert.Equal(4 * new ParameterLayout(run.Model).Count, rank.Values));
        });

        // Of what rank 1 receives one value is another: its slice of the sum is wrong, everywhere.
        Assert.All(ThreadRanks.Run(ranks, communicator => Compare(new LossyRanks(communicator))), found => Assert.All(found, rank =>
        {
            Assert.True(rank.Different > 0);
            Assert.StartsWith("gradient ", rank.First, StringComparison.Ordinal);
        }));
    }

    sealed unsafe class LossyRanks(Communicator ranks) : RelayedRanks(ranks)
    {
        public override void AllToAll(nint values, nint received, long bytes)
        {
            base.AllToAll(values, received, bytes);
            if (Rank == 1)
                *(int*)received ^= 1 << 22;
        }
    }

    [Theory]
    [InlineData(DataKind.Ragged, 3)]
    [InlineData(DataKind.Carried, 1)]
    public void A_split_has_the_figures_of_one_process(DataKind kind, int importanceSamples)
    {
        EvaluationResult Score(Communicator ranks, int rows)
        {
            using var data = Split(kind, 21, 2);
            using var device = new CpuDevice(1);
            using var parameters = new ModelParameters(device, Run(kind, 4).Model, training: false);
            parameters.Initialise(7);
            using var step = new TrainingStep(device, parameters, data.MaximumLength, rows, training: null);
            return new Evaluator(step, BatchSize, ranks).Evaluate(data, importanceSamples: importanceSamples);
        }

        var one = Score(Communicator.Alone, 4);
        foreach (var ranks in new[] { 2, 3, 4, 7 })
            Assert.All(ThreadRanks.Run(ranks, communicator => Score(communicator, 4)), result =>
            {
                Assert.Equal(one.KlPerLatent, result.KlPerLatent);
                Assert.Equal(one.LatentMeans, result.LatentMeans);
                Assert.Equal(one with { KlPerLatent = [], LatentMeans = [] }, result with { KlPerLatent = [], LatentMeans = [] });
            });
    }

    [Fact]
    public void A_number_of_ranks_that_does_not_suit_the_shards_is_refused_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        var e = Assert.Throws<ConfigurationException>(() => Train(folder.At("run"), DataKind.Fixed, Run(DataKind.Fixed, 6), 4));
        Assert.Contains("1, 3, 6", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.At("run")));
    }
}
