using System.Text.Json.Nodes;
using VBiLstm.Checkpoints;
using VBiLstm.Configuration;
using VBiLstm.Data;
using VBiLstm.Model;

namespace VBiLstm.Tests.Checkpoints;

public class CheckpointFolderTests
{
    static readonly RunConfiguration Run = new() { Model = new ModelConfiguration { FrameSize = 2, LstmUnits = 3, MlpUnits = 4, LatentUnits = 2 } };

    static readonly DataIdentity Data = new()
    {
        Train = new SplitIdentity(3, 12, "aa"),
        Validation = new SplitIdentity(2, 8, "bb"),
        Test = new SplitIdentity(1, 4, "cc"),
        Vocabulary = ["<s>", "\n", "é"],
        Speech = new SpeechScale(8000, 0.1, 1 / 3.0),
    };

    static TrainingState State(long step) => new()
    {
        Configuration = Run,
        Step = step,
        BestBound = -12.5,
        BestStep = 3,
        SkippedSteps = 1,
        EvaluationsWithoutImprovement = 2,
    };

    static IReadOnlyList<NamedTensor> Tensors(float seed)
        => [.. new ParameterLayout(Run.Model).All.Select((parameter, i) => new NamedTensor(parameter.Name, parameter.Shape,
            [.. Enumerable.Range(0, parameter.Rows * parameter.Columns).Select(j => seed + i + j / 7f)]))];

    static void Write(string folder, long step, RunConfiguration? run = null)
        => CheckpointFolder.Write(folder, State(step) with { Configuration = run ?? Run }, Data, Tensors(step), Tensors(step + 1), Tensors(step + 2));

    [Fact]
    public void Everything_written_is_read()
    {
        using var folder = new TemporaryFolder();
        Write(folder.At("last"), 7);
        Write(folder.At("last"), 8);
        var read = CheckpointFolder.Read(folder.At("last"), withMoments: true);
        Assert.Equivalent(State(8) with { Program = read.State.Program, Files = read.State.Files, Checksum = read.State.Checksum }, read.State);
        Assert.Equivalent(Data, read.Data);
        Assert.Equivalent(Tensors(8), read.Weights);
        Assert.Equivalent(Tensors(9), read.FirstMoments);
        Assert.Equivalent(Tensors(10), read.SecondMoments);
        Assert.Equal(["last"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Empty(CheckpointFolder.Read(folder.At("last"), withMoments: false).FirstMoments);
    }

    [Fact]
    public void A_kill_at_any_stage_leaves_a_complete_checkpoint()
    {
        using var folder = new TemporaryFolder();
        var last = folder.At("last");
        Write(last, 1);
        void WriteAside(long step) => CheckpointFolder.WriteAside(last, State(step), Data, Tensors(step), Tensors(step), Tensors(step));
        long Step() => CheckpointFolder.Read(last, withMoments: true).State.Step;

        WriteAside(2);
        Assert.Equal(1, Step());
        CheckpointFolder.Retire(last);
        Assert.Equal(1, Step());

        // The next attempt starts from that debris.
        Write(last, 3);
        Assert.Equal(3, Step());
        Assert.Equal(["last"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_kill_while_the_files_are_written_does_not_harm_the_old_ones()
    {
        using var folder = new TemporaryFolder();
        Write(folder.At("last"), 1);
        Directory.CreateDirectory(folder.At("last.new"));
        File.WriteAllText(folder.At("last.new/weights.safetensors"), "half");
        Assert.Equal(1, CheckpointFolder.Read(folder.At("last"), withMoments: true).State.Step);
        Write(folder.At("last"), 2);
        Assert.Equal(2, CheckpointFolder.Read(folder.At("last"), withMoments: true).State.Step);
    }

    [Fact]
    public void A_disk_that_cannot_be_written_keeps_the_old_checkpoint_and_says_so()
    {
        using var folder = new TemporaryFolder();
        Write(folder.At("last"), 1);
        File.WriteAllText(folder.At("last.new"), "a file where the folder should go");
        var e = Assert.Throws<IOException>(() => Write(folder.At("last"), 2));
        Assert.Contains("kept", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, CheckpointFolder.Read(folder.At("last"), withMoments: true).State.Step);
    }

    [Fact]
    public void Another_models_tensors_are_refused_by_name_and_shape()
    {
        using var folder = new TemporaryFolder();
        var tensors = Tensors(0);
        void Refused(IReadOnlyList<NamedTensor> weights, params string[] parts)
        {
            CheckpointFolder.Write(folder.At("x"), State(1), Data, weights, tensors, tensors);
            var message = Assert.Throws<CheckpointException>(() => CheckpointFolder.Read(folder.At("x"), withMoments: true)).Message;
            Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }

        Refused([.. tensors.Skip(1)], tensors[0].Name, "missing");
        Refused([.. tensors, new NamedTensor("surplus", [1], [1])], "surplus");
        Refused([new NamedTensor(tensors[0].Name, [1, tensors[0].Values.Length], tensors[0].Values), .. tensors.Skip(1)], tensors[0].Name, "[2, 12]");
        Assert.Contains("no checkpoint", Assert.Throws<CheckpointException>(() => CheckpointFolder.Read(folder.At("nothing"), false)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Random_corruption_of_any_file_is_noticed()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("last");
        Write(path, 1);
        var original = Directory.GetFiles(path).ToDictionary(file => file, File.ReadAllBytes);
        var random = new Random(1);
        for (var i = 0; i < 1500; i++)
        {
            var (file, bytes) = original.ElementAt(random.Next(original.Count));
            var content = bytes.ToArray();
            if (random.Next(4) == 0)
                content = content[..random.Next(content.Length)];
            else
                content[random.Next(content.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(file, content);
            Assert.Throws<CheckpointException>(() => CheckpointFolder.Read(path, withMoments: true));
            File.WriteAllBytes(file, bytes);
        }
    }

    [Fact]
    public void Any_bit_of_the_state_that_flips_is_noticed()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("last");
        Write(path, 1);
        var state = Path.Combine(path, "state.json");
        var bytes = File.ReadAllBytes(state);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= (byte)(1 << i % 8);
            File.WriteAllBytes(state, bytes);
            Assert.Throws<CheckpointException>(() => CheckpointFolder.Read(path, withMoments: false));
            bytes[i] ^= (byte)(1 << i % 8);
        }
    }

    [Fact]
    public void Checkpoints_of_the_first_format_are_still_read()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("last");
        Write(path, 6);
        var file = Path.Combine(path, "state.json");
        var state = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        state["format"] = 1;
        state.Remove("checksum");
        state["files"]!.AsObject().Remove("data.json");
        File.WriteAllText(file, state.ToJsonString());
        File.Delete(Path.Combine(path, "data.json"));
        var read = CheckpointFolder.Read(path, withMoments: true);
        Assert.Equal(6, read.State.Step);
        Assert.Null(read.Data);
    }

    [Fact]
    public void Checkpoints_that_lack_a_key_keep_what_their_version_did()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("last");
        Write(path, 6, Run with { Model = Run.Model with { LogVarianceMin = -3, LogVarianceMax = 5 } });
        var file = Path.Combine(path, "state.json");
        var state = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        foreach (var key in new[] { "embedding_initialisation", "output_log_variance_min", "output_log_variance_max" })
            Assert.True(state["configuration"]!["model"]!.AsObject().Remove(key));
        state["format"] = 1;
        state.Remove("checksum");
        File.WriteAllText(file, state.ToJsonString());
        var model = CheckpointFolder.Read(path, withMoments: false).State.Configuration.Model;
        Assert.Equal((0.1, -3, 5), (model.EmbeddingInitialisation, model.OutputLogVarianceMin, model.OutputLogVarianceMax));

        File.WriteAllText(folder.At("configuration.json"), state["configuration"]!.ToJsonString());
        var begun = ConfigurationFile.Read(folder.At("configuration.json")).Model;
        Assert.Equal((0.1, -3, 5), (begun.EmbeddingInitialisation, begun.OutputLogVarianceMin, begun.OutputLogVarianceMax));
    }

    [Fact]
    public void Checkpoints_of_before_an_enumeration_was_a_key_are_read_and_a_value_that_it_does_not_have_is_named_with_the_key()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("last");
        Write(path, 6, Run with { Model = Run.Model with { SkipGradient = SkipGradientMode.Both, PriorInput = PriorInput.HX } });
        var file = Path.Combine(path, "state.json");
        var state = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        state["format"] = 1;
        state.Remove("checksum");
        var model = state["configuration"]!["model"]!.AsObject();
        foreach (var key in new[] { "prior_input", "reconstruction_variance", "recurrent_initialisation" })
            Assert.True(model.Remove(key));
        File.WriteAllText(file, state.ToJsonString());
        var read = CheckpointFolder.Read(path, withMoments: true).State.Configuration.Model;
        Assert.Equal((SkipGradientMode.Both, PriorInput.H, ReconstructionVariance.Learned, RecurrentInitialisation.Uniform),
            (read.SkipGradient, read.PriorInput, read.ReconstructionVariance, read.RecurrentInitialisation));

        model["prior_input"] = "h_y";
        File.WriteAllText(file, state.ToJsonString());
        var refused = Assert.Throws<CheckpointException>(() => CheckpointFolder.Read(path, withMoments: true));
        Assert.Contains("prior_input is 'h_y'; expected h, h_x.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_beside_a_trainer_sees_a_whole_checkpoint()
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("last");
        Write(path, 0);
        using var done = new CancellationTokenSource();
        var writer = Task.Run(() =>
        {
            for (var step = 1; !done.IsCancellationRequested; step++)
                Write(path, step);
        }, TestContext.Current.CancellationToken);
        for (var i = 0; i < 150; i++)
        {
            var read = CheckpointFolder.Read(path, withMoments: true);
            Assert.Equivalent(Tensors(read.State.Step), read.Weights);
            Assert.Equivalent(Tensors(read.State.Step + 2), read.SecondMoments);
        }

        await done.CancelAsync();
        await writer;
    }

    [Fact]
    public void The_newest_whole_checkpoint_is_found_and_damaged_ones_are_named()
    {
        using var folder = new TemporaryFolder();
        string[] places = [folder.At("last"), folder.At("best")];
        var warnings = new List<string>();
        Assert.Null(CheckpointFolder.ReadNewest(places, warnings.Add));
        Write(places[0], 5);
        Write(places[1], 7);
        Assert.Equal(7, CheckpointFolder.ReadNewest(places, warnings.Add)!.State.Step);
        Write(places[0], 7);
        Assert.Equal(places[0], CheckpointFolder.ReadNewest(places, warnings.Add)!.Folder);
        Assert.Empty(warnings);

        File.WriteAllText(Path.Combine(places[0], "weights.safetensors"), "");
        Assert.Equal(places[1], CheckpointFolder.ReadNewest(places, warnings.Add)!.Folder);
        Assert.Contains("last", Assert.Single(warnings), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(places[1], "state.json"), "{}");
        Assert.Throws<CheckpointException>(() => CheckpointFolder.ReadNewest(places, warnings.Add));
    }

    [Fact]
    public void An_fsync_that_fails_fails()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("/dev/full, which takes no fsync, is Linux's.");
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write);
        Assert.Contains("fsync of /dev/full", Assert.Throws<IOException>(() => DurableStorage.Flush(full)).Message, StringComparison.Ordinal);
        Assert.Contains("fsync of the folder", Assert.Throws<IOException>(() => DurableStorage.FlushFolder("/nowhere")).Message, StringComparison.Ordinal);
    }
}
