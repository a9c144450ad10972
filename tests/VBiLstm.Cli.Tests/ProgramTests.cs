using System.Globalization;
using System.Text.Json;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>What a user does with the program, with real files and exit codes.</summary>
public class ProgramTests
{
    static readonly string[] SmallModel = ["--set", "lstm_units=16", "mlp_units=16", "latent_units=4", "batch_size=20"];

    static string[] Train(params string[] more) => ["train", .. more, .. SmallModel];

    [Fact]
    public void A_model_that_reads_the_future_is_labelled_so_and_draws_nothing()
    {
        using var program = new Executable();
        var trained = program.Run(Train("--steps", "4", "--run", "both", "--set", "model.kind=bilstm"));
        Assert.True(trained.Code == 0, trained.Error);
        Assert.Contains("reads the future: not a sequence likelihood", trained.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(program.At("runs/both/samples.png")));
        using var evaluation = JsonDocument.Parse(program.Run("evaluate", "runs/both", "--json").Output);
        Assert.False(evaluation.RootElement.GetProperty("is_bound").GetBoolean());
        foreach (var arguments in new string[][] { ["sample", "runs/both"], ["evaluate", "runs/both", "--prior-mode"] })
        {
            var (code, _, error) = program.Run(arguments);
            Assert.Equal(2, code);
            Assert.Contains("reads the future", error, StringComparison.Ordinal);
        }
    }

    const int SigInt = 2, SigTerm = 15;

    [Theory]
    [InlineData(SigInt)]
    [InlineData(SigTerm)]
    public void Ctrl_c_saves_says_how_to_resume_and_the_resumed_run_has_the_same_bits(int signal)
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("Signals are sent with kill, which Windows lacks.");
        if (Executable.Ignores(signal))
            Assert.Skip($"Signal {signal} is ignored by every process started from here, as it is by a shell's background jobs.");
        using var program = new Executable();
        string[] constantRate = ["--set", "learning_rate_schedule=constant"];

        // So many steps that the signal comes before the last one on any machine.
        using (var process = program.Start(Train([.. constantRate, "--steps", "1000000", "--run", "part"])))
        {
            Executable.WaitForLines(program.At("runs/part/metrics.jsonl"), 5);
            Executable.Signal(process, signal);
            var (code, output, _) = Executable.Finish(process);
            Assert.Equal(130, code);
            Assert.Contains($"--resume {Path.Combine("runs", "part")}", output, StringComparison.Ordinal);
        }

        var steps = StepsBeyond(program, "part");
        Assert.Equal(0, program.Run("train", "--resume", "runs/part", "--steps", steps).Code);
        Assert.Equal(0, program.Run(Train([.. constantRate, "--steps", steps, "--run", "whole"])).Code);
        AssertSameRun(program, "whole", "part");
    }

    [Fact]
    public void A_killed_run_resumes_from_its_last_checkpoint_with_the_same_bits()
    {
        using var program = new Executable();
        string[] often = ["--set", "checkpoint_every=2", "learning_rate_schedule=constant"];
        using (var process = program.Start(Train([.. often, "--steps", "1000000", "--run", "part"])))
        {
            Executable.WaitForLines(program.At("runs/part/metrics.jsonl"), 6);
            process.Kill();
            process.WaitForExit();
        }

        var steps = StepsBeyond(program, "part");
        Assert.Equal(0, program.Run("train", "--resume", "runs/part", "--steps", steps).Code);
        Assert.Equal(0, program.Run(Train([.. often, "--steps", steps, "--run", "whole"])).Code);
        AssertSameRun(program, "whole", "part");
    }

    [Fact]
    public void Full_disk_fails_with_code_1_and_keeps_the_old_checkpoint()
    {
        using var program = new Executable();
        Assert.Equal(0, program.Run(Train("--steps", "3", "--run", "a")).Code);

        // A file where the checkpoint's folder must go fails like a disk that takes no more files.
        File.WriteAllText(program.At("runs/a/checkpoints/last.new"), "");
        var (code, _, error) = program.Run("train", "--resume", "runs/a", "--steps", "5");
        Assert.Equal(1, code);
        Assert.Contains("kept", error, StringComparison.Ordinal);
        File.Delete(program.At("runs/a/checkpoints/last.new"));
        Assert.Equal(0, program.Run("train", "--resume", "runs/a", "--steps", "5").Code);
    }

    public static TheoryData<string[], string> BadInput => new()
    {
        { ["train", "--preset", "digit"], "did you mean digits" },
        { ["train", "--set", "model.latent_unit=3"], "did you mean model.latent_units" },
        { ["train", "--set", "latent_units=0"], "model.latent_units is 0" },
        { ["train", "--set", "lstm_units=1000000"], "model.lstm_units" },
        { ["train", "--steps", "many"], "--steps is 'many'; expected a whole number" },
        { ["train", "--steps", "99999999999"], "--steps is '99999999999'; expected a whole number" },
        { ["train", "--epochs", "0,5"], "--epochs is '0,5'; expected a number" },
        { ["train", "--set", "training.epochs=0,5"], "training.epochs is '0,5'; expected a finite number of at least 0" },
        { ["sample", "runs/none", "--temperature", "1,5"], "expected a number" },
        { ["train", "--epochs", "1e15"], "are the most" },
        { ["train", "--set", "preset=../x"], "no preset" },
        { ["train", "--run", "../x"], "plain name" },
        { ["bench", "--time-steps", "1000000", "--set", "batch_size=1024"], "training.batch_size" },
        { ["bench", "--time-steps", "1000000", "--set", "batch_size=1024"], "Options: --time-steps." },
        { ["train", "--config", "nowhere.json"], "nowhere.json" },
        { ["train", "--data", "nowhere"], "no folder nowhere" },
        { ["train", "--run", "a/b"], "plain name" },
        { ["train", "--resume", "runs/none"], "no checkpoint" },
        { ["train", "--resume", "runs/none", "--preset", "digits"], "--resume" },
        { ["train", "--threads", "-1"], "--threads" },
        { ["train", "--simd", "333"], "--simd is 333; this processor has 128" },
        { ["bench", "--set", "output_distribution=categorical", "vocabulary_size=9"], "--time-steps" },
        { ["bench", "--time-steps", "0"], "--time-steps is 0" },
        { ["bench", "--seconds", "0"], "--seconds is 0" },
        { ["bench", "--preset", "digit"], "did you mean digits" },
        { ["verify", "--steps", "0"], "--steps is 0" },
        { ["verify", "--time-steps", "-1"], "--time-steps is -1" },
        { ["verify", "--device", "gpu"], "cpu, cuda" },
        { ["verify", "--preset", "digit"], "did you mean digits" },
        { ["profile"], "vbilstm bench measures the phases on the CPU" },
        { ["verify", "--against", "cudnn"], "with --device cuda or soft" },
        { ["train", "--precision", "fp32"], "--precision means nothing with --device cpu" },
        { ["train", "--device", "soft", "--threads", "2"], "--threads means nothing with --device soft" },
        { ["train", "--device", "soft", "--precision", "fp16"], "use tf32, bf16 or fp32" },
        { ["profile", "--budget", "--gpu", "h100-sxm5"], "did you mean h100-sxm" },
        { ["profile", "--budget", "--all-presets", "--preset", "digits"], "leave out --preset" },
        { ["profile", "--budget", "--gpu", "v100", "--time-steps", "0"], "--time-steps is 0" },
        { ["profile", "--ranks", "8"], "--ranks needs --budget" },
        { ["profile", "--json"], "--json needs --budget" },
        { ["profile", "--budget", "--ranks", "8"], "--ranks needs --gpu" },
        { ["profile", "--budget", "--all-presets", "--ranks", "8"], "--ranks is for one configuration; leave out --all-presets" },
        { ["profile", "--budget", "--gpu", "v100", "--network", "ib-400"], "--network needs --ranks" },
        { ["profile", "--budget", "--gpu", "v100", "--ranks", "0"], "--ranks is 0" },
        { ["profile", "--budget", "--gpu", "v100", "--ranks", "12"], "not whole nodes of 8 (the default); use --ranks-per-node 6, or --ranks 16" },
        { ["profile", "--budget", "--gpu", "v100", "--ranks", "16"], "16 ranks on 2 nodes need --network" },
        { ["profile", "--budget", "--gpu", "v100", "--ranks", "16", "--network", "ib400"], "--network is 'ib400'" },
        { ["profile", "--budget", "--gpu", "v100", "--ranks", "7", "--set", "batch_size=9"], "which 7 ranks cannot share out" },
        { ["profile", "--budget", "--gpu", "v100", "--ranks", "3", "--set", "shards=4"], "does not suit 3 ranks: use 1, 2, 4 ranks" },
        { ["train", "--on-non-finite", "ignore"], "stop, skip" },
        { ["train", "--set", "frame_size=5"], "model.frame_size=28" },
        { ["evaluate", "runs/none"], "no checkpoint" },
        { ["evaluate", "runs/none", "--split", "training"], "train" },
        { ["score", "runs/none", "--out", "scores.xlsx"], "--out is scores.xlsx; use a name that ends in .csv" },
        { ["score", "runs/none", "--split", "train", "--data", "a.npy"], "leave out --split or --data" },
        { ["sample", "runs/none", "--count", "0"], "--count is 0" },
        { ["trian"], "trian" },
        { ["data"], "command" },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public void Bad_input_gives_code_2_and_one_clear_line(string[] arguments, string part)
    {
        using var program = new Executable();
        var (code, _, error) = program.Run(arguments);
        Assert.Equal(2, code);
        Assert.Contains(part, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(program.At("runs")), "Nothing may be written.");
    }

    [Fact]
    public void A_name_that_is_taken_and_a_damaged_checkpoint_are_refused()
    {
        using var program = new Executable();
        Assert.Equal(0, program.Run(Train("--steps", "2", "--run", "a")).Code);
        var taken = program.Run(Train("--steps", "2", "--run", "a"));
        Assert.Equal(2, taken.Code);
        Assert.Contains("--resume", taken.Error, StringComparison.Ordinal);
        var finished = program.Run("train", "--resume", "runs/a");
        Assert.Equal(2, finished.Code);
        Assert.Contains("--steps", finished.Error, StringComparison.Ordinal);
        Assert.Contains("another run", program.Run("train", "--resume", "runs/a", "--seed", "9", "--steps", "4").Error, StringComparison.Ordinal);
        Assert.Contains("model.activation_clip was null, not 3",
            program.Run("train", "--resume", "runs/a", "--set", "model.activation_clip=3", "--steps", "4").Error, StringComparison.Ordinal);

        var weights = program.At("runs/a/checkpoints/best/weights.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var damaged = program.Run("evaluate", "runs/a");
        Assert.Equal(2, damaged.Code);
        Assert.Contains("weights.safetensors", damaged.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_on_a_gpu_tells_the_graph_s_nodes_and_the_memory_left()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        string[] sizes = ["--set", "lstm_units=8", "mlp_units=8", "latent_units=4", "batch_size=2", "--time-steps", "2", "--seconds", "0.1"];
        using var report = JsonDocument.Parse(program.Run(["bench", "--json", "--device", "soft", .. sizes]).Output);
        double Number(string name) => report.RootElement.GetProperty(name).GetDouble();
        Assert.True(Number("graph_nodes") > 0);
        Assert.InRange(Number("device_free_bytes"), 1, Number("device_total_bytes"));
        Assert.Contains("graph   0 nodes", program.Run(["bench", "--device", "soft", "--no-graph", .. sizes]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Early_starts_are_told_and_can_be_turned_off()
    {
        SoftwareGpuBuild.Require();
        string[] bench = ["bench", "--device", "soft", "--set", "lstm_units=8", "mlp_units=8", "latent_units=4", "batch_size=2", "--time-steps", "2",
            "--seconds", "0.1"];
        using var program = new Executable();
        Assert.Contains(", early starts)", program.Run(bench).Output, StringComparison.Ordinal);
        var without = program.Run([.. bench, "--no-early-start"]);
        Assert.Equal(0, without.Code);
        Assert.DoesNotContain("early", without.Output, StringComparison.Ordinal);
        var onCpu = program.Run("verify", "--device", "cpu", "--no-early-start");
        Assert.Equal(2, onCpu.Code);
        Assert.Contains("--no-early-start means nothing with --device cpu", onCpu.Error, StringComparison.Ordinal);
        Assert.Matches("(?m)^ok early starts +a kernel starts before", program.Run("doctor", "--device", "soft").Output);
        using var older = new Executable { Variables = { ["SOFTGPU_DRIVER_VERSION"] = "12020" } };
        Assert.Matches(@"(?m)^-- early starts +the driver is for CUDA 12\.2, older than 12\.3: .*slower", older.Run("doctor", "--device", "soft").Output);
    }

    [Fact]
    public void Bench_measures_rates_memory_and_every_phase()
    {
        using var program = new Executable();
        string[] sizes = ["--set", "lstm_units=16", "mlp_units=8", "latent_units=4", "batch_size=20", "alpha=0.1", "beta=0.1", "--seconds", "0.3"];
        using var report = JsonDocument.Parse(program.Run(["bench", "--json", "--threads", "1", "--simd", "128", .. sizes]).Output);
        double Number(string name) => report.RootElement.GetProperty(name).GetDouble();
        Assert.Equal(1, Number("threads"));
        Assert.Equal(128, Number("simd_bits"));
        Assert.Equal(28, Number("time_steps"));
        Assert.Equal(20 / Number("seconds_per_step"), Number("samples_per_second"), 1e-6);
        Assert.Equal(28 * Number("samples_per_second"), Number("tokens_per_second"), 1e-6);
        Assert.InRange(Number("share_of_peak"), 0, 1);
        Assert.Equal(Number("share_of_peak"), Number("gigaflops_per_second") / Number("peak_gigaflops_per_second"), 1e-9);

        // Values, gradients and two moments; packed forward and transposed, so at most twice the parameters but for padding.
        Assert.True(Number("parameter_bytes") >= 4 * 4 * Number("parameters"));
        Assert.True(Number("packed_weight_bytes") > 4 * Number("parameters"));
        Assert.True(Number("activation_bytes") > 0);
        var phases = report.RootElement.GetProperty("phase_seconds").EnumerateObject().ToList();
        Assert.Equal(["F2Noise", "F1", "F1BackwardLstm", "F2", "F3", "F4", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "Adam"],
            phases.Select(phase => phase.Name));
        Assert.All(phases, phase => Assert.True(phase.Value.GetDouble() > 0, phase.Name));
        Assert.False(Directory.Exists(program.At("runs")), "A benchmark leaves nothing behind.");

        var table = program.Run(["bench", "--set", "model.kind=lstm", .. sizes]).Output;
        Assert.Contains("samples/s", table, StringComparison.Ordinal);
        Assert.Contains("MB activations", table, StringComparison.Ordinal);
        Assert.DoesNotContain("B2", table, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bernoulli")]
    [InlineData("categorical")]
    [InlineData("gaussian")]
    public void Verify_compares_two_vector_widths(string distribution)
    {
        using var program = new Executable();
        string[] arguments = ["verify", "--simd", "128", "--threads", "2", "--steps", "2", "--set", "output_distribution=" + distribution];
        var (code, output, error) = program.Run(arguments);
        Assert.True(code == 0, output + error);
        Assert.Contains("cpu (2 threads, 128-bit)", output, StringComparison.Ordinal);
        Assert.Matches("B6 weight gradients +grad.forward_lstm.weight_b_tilde", output);
        Assert.Contains("agree: ", output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(program.Run([.. arguments, "--json"]).Output);
        Assert.True(report.RootElement.GetProperty("agrees").GetBoolean());
        Assert.All(report.RootElement.GetProperty("tensors").EnumerateArray(),
            tensor => Assert.InRange(tensor.GetProperty("tolerance_used").GetDouble(), 0, 1));
        Assert.False(Directory.Exists(program.At("runs")), "A comparison leaves nothing behind.");
    }

    [Fact]
    public void Verify_says_what_diverges_and_ends_with_code_1()
    {
        // Weights that overflow at once are not finite on both sides, which is no agreement.
        using var program = new Executable();
        var (code, output, _) = program.Run("verify", "--steps", "2", "--set", "output_initialisation=1e38");
        Assert.Equal(1, code);
        Assert.Contains("DISAGREE", output, StringComparison.Ordinal);
        Assert.Contains("!! ∞", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Profile_counts_phases_and_the_papers_models()
    {
        using var program = new Executable();
        string[] small = ["--set", "lstm_units=16", "mlp_units=16", "latent_units=4", "batch_size=4"];
        var onGpu = program.Run(["profile", "--budget", "--gpu", "a100-40", "--time-steps", "10", .. small]);
        Assert.True(onGpu.Code == 0, onGpu.Error);
        Assert.Contains("ms TF32", onGpu.Output, StringComparison.Ordinal);
        Assert.Contains("--precision tf32, products of few rows by the kernels:", onGpu.Output, StringComparison.Ordinal);
        Assert.Matches(@"F3 forward loop +90 +9\.00", onGpu.Output);
        Assert.Matches(@"F3 forward loop +50 +5\.00", onGpu.Output);
        Assert.Matches(@"at least +", onGpu.Output);
        Assert.Contains("with --precision bf16", onGpu.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("measured", onGpu.Output, StringComparison.Ordinal);

        var here = program.Run(["profile", "--budget", "--threads", "1", .. small]).Output;
        Assert.Contains("ms measured", here, StringComparison.Ordinal);
        Assert.Contains("cpu (1 thread", here, StringComparison.Ordinal);

        var models = program.Run("profile", "--budget", "--all-presets", "--gpu", "v100").Output;
        foreach (var name in new[] { "blizzard", "timit", "seq-mnist", "imdb", "ptb-char" })
            Assert.Contains(name, models, StringComparison.Ordinal);
        Assert.DoesNotContain("ms TF32", models, StringComparison.Ordinal);
        Assert.DoesNotContain("ms bf16", models, StringComparison.Ordinal);
        Assert.DoesNotContain("early starts", models, StringComparison.Ordinal);
        Assert.Matches(@"early starts \| +ms bf16 with them (.*\n)*\| timit .*\|",
            program.Run("profile", "--budget", "--all-presets", "--gpu", "h100-sxm", "--markdown").Output);

        using var report = JsonDocument.Parse(program.Run(["profile", "--budget", "--gpu", "a100-40", "--time-steps", "10", "--json", .. small]).Output);
        var (float32, bf16, library) = (report.RootElement, report.RootElement.GetProperty("bf16"), report.RootElement.GetProperty("bf16_library"));
        double Step(JsonElement budget, string name) => budget.GetProperty("step").GetProperty(name).GetDouble();
        Assert.True(Step(float32, "seconds_tf32") > Step(float32, "least_seconds_tf32"));
        Assert.True(Step(library, "seconds_bf16") > Step(bf16, "seconds_bf16"));
        var tf32 = report.RootElement.GetProperty("tf32");
        Assert.True(Step(float32, "seconds_tf32") > Step(tf32, "seconds_tf32"));
        Assert.Equal((90, 50, 50), (Kernels(float32), Kernels(tf32), Kernels(bf16)));
        Assert.True(Memory(bf16, "parameter_bytes") > Memory(float32, "parameter_bytes"));
        Assert.True(Memory(bf16, "activation_bytes") > Memory(float32, "activation_bytes"));

        static int Kernels(JsonElement budget) => budget.GetProperty("phases").GetProperty("F3").GetProperty("kernels").GetInt32();
        static long Memory(JsonElement budget, string name) => budget.GetProperty("memory").GetProperty(name).GetInt64();
    }

    [Fact]
    public void Profile_says_what_ranks_cost_and_gain()
    {
        using var program = new Executable();
        string[] arguments = ["profile", "--budget", "--gpu", "h100-sxm", "--time-steps", "6", "--ranks", "16", "--network", "ib-400",
            "--set", "lstm_units=16", "mlp_units=16", "latent_units=4", "batch_size=64"];
        var text = program.Run(arguments);
        Assert.True(text.Code == 0, text.Error);
        Assert.Contains("step    B 4, T 6", text.Output, StringComparison.Ordinal);
        Assert.Contains("ranks   16 on 2 nodes, 4 sequences each (batch 64 over all); NVLink 450 GB/s, network 50 GB/s a GPU, 80 % of both assumed",
            text.Output, StringComparison.Ordinal);
        Assert.Matches(@"sum +0\.1 MB a step, .* in nodes, .* between them\), all exposed", text.Output);
        Assert.Matches(@"weak .* % of 16 GPUs alone", text.Output);
        Assert.Matches(@"strong +a batch of 64: .* of perfect", text.Output);
        Assert.Matches(@"a batch of 4: .* on one GPU, over 4 instead .*: no gain", text.Output);
        Assert.Contains("Strong scaling of small batches gains little", text.Output, StringComparison.Ordinal);

        using var report = JsonDocument.Parse(program.Run([.. arguments, "--json"]).Output);
        var ranks = report.RootElement.GetProperty("ranks");
        double Number(string name) => ranks.GetProperty(name).GetDouble();
        Assert.Equal((4, 64), (report.RootElement.GetProperty("batch_size").GetInt32(), Number("batch_size")));
        Assert.Equal([8, 2], ranks.GetProperty("levels").EnumerateArray().Select(level => level.GetProperty("ranks").GetInt32()));
        Assert.Equal(2.0 * 15 / 16 * Number("sum_bytes"), Number("exchanged_bytes"));
        Assert.Equal(report.RootElement.GetProperty("step").GetProperty("seconds_tf32").GetDouble(), Number("step_seconds")); // by the library, the default
        Assert.Equal(Number("step_seconds") / (Number("step_seconds") + Number("exposed_seconds")), Number("weak_scaling"), 1e-12);
        Assert.Equal(Number("one_gpu_seconds") / (Number("step_seconds") + Number("exposed_seconds")) / 16, Number("strong_scaling"), 1e-12);

        var alone = program.Run("profile", "--budget", "--gpu", "v100", "--ranks", "1", "--time-steps", "6").Output;
        Assert.Contains("ranks   1 on 1 node, 32 sequences each", alone, StringComparison.Ordinal);
        Assert.Contains("sum     none", alone, StringComparison.Ordinal);
    }

    [Fact]
    public void Profile_shows_what_a_gpu_measures_beside_what_another_would()
    {
        SoftwareGpuBuild.Require();
        using var program = new Executable();
        var beside = program.Run("profile", "--budget", "--gpu", "a100-40", "--device", "soft", "--time-steps", "4",
            "--set", "lstm_units=16", "mlp_units=16", "latent_units=4", "batch_size=4").Output;
        Assert.Matches(@"ms TF32 +ms measured", beside);
        Assert.Contains("Software GPU", beside, StringComparison.Ordinal);
    }

    [Fact]
    public void A_narrower_vector_width_gives_the_same_figures_but_for_rounding()
    {
        using var program = new Executable();
        Assert.Equal(0, program.Run(Train("--steps", "12", "--run", "narrow", "--simd", "128")).Code);
        double Value(params string[] more)
        {
            using var evaluation = JsonDocument.Parse(program.Run(["evaluate", "runs/narrow", "--json", .. more]).Output);
            return evaluation.RootElement.GetProperty("value").GetDouble();
        }

        Assert.Equal(Value(), Value("--simd", "128"), 1e-3);
    }

    // Some more than an interrupted run has done.
    static string StepsBeyond(Executable program, string run)
        => (File.ReadAllLines(program.At($"runs/{run}/metrics.jsonl")).Length + 20).ToString(CultureInfo.InvariantCulture);

    static void AssertSameRun(Executable program, string expected, string actual)
    {
        foreach (var file in new[] { "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors", "samples.png" })
            Assert.Equal(File.ReadAllBytes(program.At($"runs/{expected}/{file}")), File.ReadAllBytes(program.At($"runs/{actual}/{file}")));
    }
}
