using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Devices.Cpu;
using VBiLstm.Preparation;
using VBiLstm.Runs;
using VBiLstm.Training;

namespace VBiLstm.Tests.Data;

public class DataIdentityTests
{
    static readonly RunConfiguration Run = new()
    {
        Model = new ModelConfiguration
        {
            OutputDistribution = OutputDistribution.Categorical,
            VocabularySize = 3,
            EmbeddingSize = 4,
            LstmUnits = 6,
            MlpUnits = 5,
            LatentUnits = 3,
        },
        Data = new DataConfiguration { CarryState = false },
        Training = new TrainingConfiguration { BatchSize = 4, Steps = 3, EvaluateEvery = 0 },
    };

    static DataSplits Texts(int[]? train = null, string[]? vocabulary = null, SpeechScale? speech = null)
    {
        static TokenStream Of(int[] ids) => new(ids, 3, 5, carriesState: false, TaskUnit.BitsPerCharacter, "text");
        return new DataSplits(Of(train ?? [0, 1, 2, 0, 1, 2, 2, 1]), Of([0, 1, 2]), Of([2, 1, 0]), "made here")
        {
            Vocabulary = vocabulary ?? ["a", "b", "c"],
            Speech = speech,
        };
    }

    public static TheoryData<string, int[]?, string[]?> Others => new()
    {
        { "the contents of the train split", [0, 1, 2, 0, 1, 2, 2, 0], null },
        { "the train split has 1 sequences of 5", [0, 1, 2, 0, 1, 2], null },
        { "the train split has 2 sequences of 8", [0, 1, 2, 0, 1, 2, 2, 1, 0], null },
        { "the vocabulary differs in 2 texts, the first with id 1: 'c' where 'b' was", null, ["a", "c", "b"] },
        { "the vocabulary has 2 texts where 3 were", null, ["a", "b"] },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void Other_data_are_refused_by_name_of_what_differs(string difference, int[]? train, string[]? vocabulary)
    {
        using var data = Texts();
        using var others = Texts(train, vocabulary);
        var message = Assert.Throws<DataException>(() => data.Identify().Check(others.Identify(), "data/new", "runs/a")).Message;
        Assert.Contains(difference, message, StringComparison.Ordinal);
        Assert.Contains("data/new holds other data than runs/a", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_are_known_by_their_values()
    {
        static DataSplits Of(float value)
            => new(ScriptedFrames.OfValues([0, 1, value], [0, 1]), ScriptedFrames.OfValues([0, 1]), ScriptedFrames.OfValues([0, 1]), "made here");
        using var data = Of(2);
        using var same = Of(2);
        using var others = Of(3);
        data.Identify().Check(same.Identify(), "data/new", "runs/a");
        var message = Assert.Throws<DataException>(() => data.Identify().Check(others.Identify(), "data/new", "runs/a")).Message;
        Assert.Contains("the contents of the train split", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_contents_are_the_same_data_wherever_they_come_from()
    {
        using var data = Texts();
        using var same = Texts() with { Source = "elsewhere", Description = "moved" };
        data.Identify().Check(same.Identify(), "elsewhere", "runs/a");
        Assert.Equal(data.Identify().Sha256, same.Identify().Sha256);
        using var louder = Texts(speech: new SpeechScale(8000, 0, 2));
        Assert.Contains("scale", Assert.Throws<DataException>(() => data.Identify().Check(louder.Identify(), "x", "y")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_s_own_data_claim_no_source_and_no_preset_and_a_resumed_run_wants_the_same()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        var run = new RunFolder(folder.At("run"));
        using (var data = Texts())
        using (var trainer = new Trainer(Run with { Preset = "digits" }, data, device, run))
            Assert.Equal(TrainingOutcome.Completed, trainer.Run(cancellation: TestContext.Current.CancellationToken));
        var saved = CheckpointFolder.Read(run.Last, withMoments: true);
        Assert.Equal((DataConfiguration.InMemory, RunConfiguration.NoPreset), (saved.State.Configuration.Data.Source, saved.State.Configuration.Preset));
        Assert.Equal((DataConfiguration.InMemory, RunConfiguration.NoPreset),
            (ConfigurationFile.Read(run.Configuration).Data.Source, ConfigurationFile.Read(run.Configuration).Preset));
        Assert.Contains("a program gave this run its data",
            Assert.Throws<DataException>(() => DataSource.Open(saved.State.Configuration.Data, 1)).Message, StringComparison.Ordinal);
        Assert.Equal(["a", "b", "c"], saved.Data!.Vocabulary);

        using var others = Texts([0, 1, 2, 0, 1, 2, 2, 0]);
        Assert.Contains("train split",
            Assert.Throws<DataException>(() => new Trainer(saved.State.Configuration, others, device, run, saved)).Message, StringComparison.Ordinal);
        using var again = Texts();
        using (var trainer = new Trainer(saved.State.Configuration with { Training = Run.Training with { Steps = 5 } }, again, device, run, saved))
            Assert.Equal(TrainingOutcome.Completed, trainer.Run(cancellation: TestContext.Current.CancellationToken));
    }
}
