using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Evaluation;
using VBiLstm.Model;
using VBiLstm.Runs;
using VBiLstm.Tests.Data;
using VBiLstm.Training;

namespace VBiLstm.Tests.Training;

/// <summary>Windows of one long text, the state carried from each to the next.</summary>
public class CarriedStateTests
{
    const int Vocabulary = 11;

    static readonly RunConfiguration Run = new()
    {
        Seed = 5,
        Model = new ModelConfiguration
        {
            LstmUnits = 12,
            MlpUnits = 10,
            LatentUnits = 4,
            EmbeddingSize = 6,
            OutputDistribution = OutputDistribution.Categorical,
            VocabularySize = Vocabulary,
            OutputInitialisation = 0.5,
        },
        Training = new TrainingConfiguration { BatchSize = 4, Steps = 40, EvaluateEvery = 9, CheckpointEvery = 7 },
    };

    static TokenStream Text(int tokens, int window, bool carries = true, int seed = 1)
    {
        var random = new Random(seed);
        return new TokenStream([.. Enumerable.Range(0, tokens).Select(_ => random.Next(Vocabulary))], Vocabulary, window, carries,
            TaskUnit.BitsPerCharacter, "text");
    }

    static DataSplits Data() => new(Text(600, 10), Text(133, 10, seed: 2), Text(90, 10, seed: 3), "random text");

    static EvaluationResult Evaluate(ModelKind kind, TokenStream data, int batchSize, int importanceSamples = 0)
    {
        var model = Run.Model with { Kind = kind };
        using var device = new CpuDevice(1);
        using var parameters = new ModelParameters(device, model, training: false);
        parameters.Initialise(7);
        using var step = new TrainingStep(device, parameters, data.MaximumLength, batchSize, training: null);
        return new Evaluator(step).Evaluate(data, importanceSamples: importanceSamples);
    }

    [Fact]
    public void Without_a_channel_windows_score_as_the_whole_text_at_once()
    {
        var whole = Evaluate(ModelKind.Lstm, Text(140, 200), batchSize: 1);
        var windows = Evaluate(ModelKind.Lstm, Text(140, 10), batchSize: 1);
        Assert.Equal(139, whole.Tokens);
        Assert.Equal(139, windows.Tokens);
        Assert.Equal(whole.Bound * whole.Sequences, windows.Bound * windows.Sequences, 1e-4);
        var fresh = Evaluate(ModelKind.Lstm, Text(140, 10, carries: false), batchSize: 1);
        Assert.True(Math.Abs(fresh.Bound * fresh.Sequences - whole.Bound) > 1e-3, "without its state a window scores otherwise");
    }

    [Fact]
    public void Prior_mode_carries_its_state_too()
    {
        double Score(int window)
        {
            var data = Text(140, window);
            using var device = new CpuDevice(1);
            using var parameters = new ModelParameters(device, Run.Model with { Kind = ModelKind.Lstm }, training: false);
            parameters.Initialise(7);
            using var prior = new PriorMode(device, parameters, 1, sampled: true);
            var result = PriorModeScore.Evaluate(prior, data, LatentMode.Sampled);
            return result.Nll * result.Sequences;
        }

        Assert.Equal(Score(200), Score(10), 1e-4);
    }

    [Fact]
    public void Bits_per_character_are_nats_over_ln_2_and_all_predicted_characters()
    {
        var result = Evaluate(ModelKind.VariationalBiLstm, Text(140, 10), batchSize: 2);
        var (value, unit) = result.InTaskUnit(Run.Model);
        Assert.Equal((result.Nll + result.Kl) * result.Sequences / 139 / Math.Log(2), value, 1e-9);
        Assert.StartsWith("bits per character", unit, StringComparison.Ordinal);
    }

    [Fact]
    public void Importance_samples_of_windows_with_carried_state_are_refused()
        => Assert.Contains("carry_state",
            Assert.Throws<ConfigurationException>(() => Evaluate(ModelKind.VariationalBiLstm, Text(140, 10), 2, importanceSamples: 5)).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(3, false)]
    [InlineData(20, false)]
    [InlineData(27, false)]
    [InlineData(18, true)]
    public void An_interrupted_run_has_the_bits_of_a_whole_one(int interruptedAfter, bool evaluating)
    {
        using var folder = new TemporaryFolder();
        var (whole, parts) = (folder.At("whole"), folder.At("parts"));
        Train(whole, interruptedAfter: 0);
        Train(parts, interruptedAfter, evaluating);
        Assert.Equal(interruptedAfter, CheckpointFolder.Read(parts, withMoments: true).State.Step);
        Train(parts, interruptedAfter: 0, resume: true);
        foreach (var file in new[] { "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, file)), File.ReadAllBytes(Path.Combine(parts, file)));
    }

    [Fact]
    public void Evaluations_in_between_do_not_disturb_the_state()
    {
        float[] LastWeights(TrainingConfiguration training)
        {
            using var folder = new TemporaryFolder();
            Train(folder.At("run"), 0, configuration: Run with { Training = training });
            return CheckpointFolder.Read(folder.At("run"), withMoments: false).Weights[0].Values;
        }

        Assert.Equal(LastWeights(Run.Training), LastWeights(Run.Training with { EvaluateEvery = 0, CheckpointEvery = 0 }));
    }

    [Fact]
    public void A_skipped_step_forgets_the_states_so_that_the_next_begins_from_zero()
    {
        // Of 20 sequences in four rows of five, number 7 is the third of row 1.
        static ScriptedFrames Frames(int infinite)
            => new([.. Enumerable.Range(0, 20)
                .Select(i => new[] { [0.1f * (i % 9)], [i == infinite ? float.PositiveInfinity : 0.5f], new[] { 0.1f * (i % 7) } })])
            { Carries = true };

        Checkpoint After(int steps)
        {
            using var folder = new TemporaryFolder();
            using var data = new DataSplits(Frames(infinite: 7), Frames(infinite: -1), Frames(infinite: -1), "one infinite value");
            using var device = new CpuDevice(1);
            var configuration = Run with
            {
                Model = Run.Model with { OutputDistribution = OutputDistribution.Gaussian, FrameSize = 1 },
                Training = new TrainingConfiguration { BatchSize = 4, Steps = steps, OnNonFinite = OnNonFinite.Skip },
            };
            using var trainer = new Trainer(configuration, data, device, new RunFolder(folder.Path));
            trainer.Run(cancellation: TestContext.Current.CancellationToken);
            return CheckpointFolder.Read(folder.Path, withMoments: true);
        }

        var (before, skipped, next) = (After(2), After(3), After(4));
        Assert.Equal((0, 1, 1), (before.State.SkippedSteps, skipped.State.SkippedSteps, next.State.SkippedSteps));
        Assert.All(before.CarriedState, state => Assert.Contains(state.Values, value => value != 0));
        Assert.NotEmpty(skipped.CarriedState);
        Assert.All(skipped.CarriedState, state => Assert.All(state.Values, value => Assert.Equal(0, value)));
        Assert.All(next.CarriedState, state => Assert.Contains(state.Values, value => value != 0));
    }

    static void Train(string folder, int interruptedAfter, bool evaluating = false, bool resume = false, RunConfiguration? configuration = null)
    {
        using var stop = new CancellationTokenSource();
        var run = new RunFolder(folder);
        using var device = new CpuDevice(1);
        configuration ??= Run;
        using var trainer = resume
            ? new Trainer(configuration, Data(), device, run, CheckpointFolder.Read(run.Last, withMoments: true))
            : new Trainer(configuration, Data(), device, run);
        trainer.Run(new CancelAfter(interruptedAfter, evaluating, stop), stop.Token);
    }

    sealed class CancelAfter(long step, bool evaluating, CancellationTokenSource source) : ITrainingObserver
    {
        public void OnStep(in StepReport report)
        {
            if (report.Step == step && !evaluating)
                source.Cancel();
        }

        public void OnEvaluating(long evaluated, double share)
        {
            if (evaluated == step && evaluating)
                source.Cancel();
        }

        public void OnEvaluation(EvaluationReport report)
        {
        }
    }
}
