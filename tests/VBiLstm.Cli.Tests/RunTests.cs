using System.Globalization;
using System.Text;
using System.Text.Json;
using VBiLstm.Checkpoints;

namespace VBiLstm.Cli.Tests;

/// <summary>Runs among people and batch systems: begun, ended, moved, continued, in real processes.</summary>
public class RunTests
{
    static readonly string[] SmallModel = ["--threads", "1", "--set", "lstm_units=6", "mlp_units=5", "latent_units=3", "batch_size=100",
        "learning_rate_schedule=constant"];

    static string[] Train(params string[] more) => ["train", .. more, .. SmallModel];

    static (int Code, string Output, string Error) Succeed((int Code, string Output, string Error) result)
    {
        Assert.True(result.Code == 0, result.Error + result.Output);
        return result;
    }

    static long StepOf(Executable program, string checkpoint) => CheckpointFolder.Read(program.At(checkpoint), withMoments: true).State.Step;

    static void AssertSameRun(Executable program, string expected, string actual)
    {
        foreach (var file in new[] { "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors",
            "checkpoints/best/weights.safetensors" })
            Assert.Equal(File.ReadAllBytes(program.At($"runs/{expected}/{file}")), File.ReadAllBytes(program.At($"runs/{actual}/{file}")));
    }

    // A text of words as data, and the options that fit a model to it.
    static string[] PrepareSentences(Executable program, string name, string noun)
    {
        File.WriteAllText(program.At($"{name}.txt"),
            string.Concat(Enumerable.Range(0, 400).Select(i => $"the {noun} number{i % 9} runs {(i % 3 == 0 ? "far" : "home fast")} {i / 45}\n")));
        Succeed(program.Run("data", "prepare", "sentences", "--from", $"{name}.txt", "--out", name, "--vocabulary", "20"));
        return ["--preset", "imdb-small", "--set", "model.vocabulary_size=20"];
    }

    [Fact]
    public void A_job_that_is_queued_again_starts_continues_and_says_that_it_is_finished()
    {
        using var program = new Executable();
        string[] job = Train("--run", "my job", "--resume-or-start", "--steps", "1000000", "--set", "checkpoint_every=2", "evaluate_every=0");
        using (var process = program.Start(job))
        {
            Executable.WaitForLines(program.At("runs/my job/metrics.jsonl"), 7);
            process.Kill();
            process.WaitForExit();
        }

        string[] rest = Train("--run", "my job", "--resume-or-start", "--steps", "40", "--set", "checkpoint_every=2", "evaluate_every=0");
        var steps = StepOf(program, "runs/my job/checkpoints/last");
        rest[5] = $"{steps + 10}";
        var continued = Succeed(program.Run(rest));
        Assert.Contains($"continuing after step {steps}", continued.Output, StringComparison.Ordinal);
        Assert.Contains("gone", continued.Error, StringComparison.Ordinal);
        Assert.Contains("vbilstm evaluate 'runs/my job'", continued.Output, StringComparison.Ordinal);
        Assert.Contains("is finished", Succeed(program.Run(rest)).Output, StringComparison.Ordinal);
        Assert.Equal(steps + 10, StepOf(program, "runs/my job/checkpoints/last"));

        var other = program.Run([.. rest, "seed=7"]);
        Assert.Equal(2, other.Code);
        Assert.Contains("seed was 1, not 7", other.Error, StringComparison.Ordinal);
        Assert.Equal(2, program.Run(Train("--resume-or-start")).Code);
        Succeed(program.Run(Train("--run", "whole", "--steps", rest[5], "--set", "checkpoint_every=2", "evaluate_every=0")));
        AssertSameRun(program, "whole", "my job");
    }

    [Theory]
    [InlineData("none", "0")]
    [InlineData("best", "3")]
    public void A_run_that_ended_before_its_last_checkpoint_goes_on_as_the_message_about_its_name_advises(string run, string evaluateEvery)
    {
        using var program = new Executable();
        using (var process = program.Start(Train("--run", run, "--steps", "1000000", "--set", "checkpoint_every=500000", $"evaluate_every={evaluateEvery}")))
        {
            Executable.WaitForLines(program.At($"runs/{run}/metrics.jsonl"), 9);
            process.Kill();
            process.WaitForExit();
        }

        var taken = program.Run(Train("--run", run, "--steps", "4"));
        Assert.Equal(2, taken.Code);
        Assert.Contains($"vbilstm train --resume {Path.Combine("runs", run)}", taken.Error, StringComparison.Ordinal);
        Succeed(program.Run("train", "--resume", $"runs/{run}", "--steps", "30", "--threads", "1"));
        Assert.Equal(30, StepOf(program, $"runs/{run}/checkpoints/last"));
        Succeed(program.Run(Train("--run", "whole", "--steps", "30", "--set", "checkpoint_every=500000", $"evaluate_every={evaluateEvery}")));
        AssertSameRun(program, "whole", run);
    }

    [Fact]
    public void A_run_whose_last_checkpoint_is_damaged_goes_on_from_its_best_and_from_one_that_is_named()
    {
        using var program = new Executable();
        Succeed(program.Run(Train("--run", "whole", "--steps", "30", "--set", "checkpoint_every=500000", "evaluate_every=3")));
        File.Delete(program.At("runs/whole/checkpoints/last/weights.safetensors"));
        var (code, output, error) = program.Run("train", "--resume", "runs/whole", "--steps", "33", "--threads", "1");
        Assert.True(code == 0, error);
        Assert.Contains("weights.safetensors is missing", error, StringComparison.Ordinal);
        Assert.Contains("continuing after step 30", output, StringComparison.Ordinal);
        Succeed(program.Run("train", "--resume", "runs/whole/checkpoints/best/", "--steps", "36", "--threads", "1"));
    }

    const int SigUsr1 = 10, SigUsr2 = 12, SigXcpu = 24, SigTerm = 15;

    [Theory]
    [InlineData(SigUsr1)]
    [InlineData(SigUsr2)]
    [InlineData(SigXcpu)]
    public void What_batch_systems_send_saves_and_more_of_it_does_no_harm(int signal)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Other systems number their signals otherwise.");
        using var program = new Executable();
        using var process = program.Start(Train("--run", "job", "--steps", "1000000", "--set", "checkpoint_every=500000", "evaluate_every=0"));
        Executable.WaitForLines(program.At("runs/job/metrics.jsonl"), 5);
        Executable.Signal(process, signal);
        for (var i = 0; i < 20 && !process.HasExited; i++)
            Executable.TrySignal(process, i % 2 == 0 ? signal : SigTerm);
        var (code, output, _) = Executable.Finish(process);
        Assert.Equal(130, code);
        Assert.Contains("saved", output, StringComparison.Ordinal);
        Assert.True(StepOf(program, "runs/job/checkpoints/last") >= 5);
        Assert.False(File.Exists(program.At("runs/job/owner.json")));
    }

    [Fact]
    public void A_limit_of_time_ends_as_a_signal_does()
    {
        using var program = new Executable();
        var steps = 0L;

        // A busy machine may not come to the first step in two seconds.
        for (var seconds = 2; steps == 0; seconds *= 2)
        {
            Assert.True(seconds < 1000);
            var (code, output, _) = program.Run(Train("--run", $"job-{seconds}", "--steps", "1000000", "--stop-after", $"{seconds}s"));
            Assert.Equal(130, code);
            Assert.Contains("saved", output, StringComparison.Ordinal);
            steps = StepOf(program, $"runs/job-{seconds}/checkpoints/last");
        }

        foreach (var text in new[] { "", "soon", "0s", "-3h", "3", "1e9h", "2h3h" })
            Assert.Contains("--stop-after is", program.Run(Train("--stop-after", text)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_in_use_is_refused()
    {
        using var program = new Executable();
        using var process = program.Start(Train("--run", "job", "--steps", "1000000", "--set", "checkpoint_every=2", "evaluate_every=0"));
        try
        {
            Executable.WaitForLines(program.At("runs/job/metrics.jsonl"), 5);
            foreach (var arguments in new string[][] { ["train", "--resume", "runs/job"],
                Train("--run", "job", "--resume-or-start", "--set", "checkpoint_every=2", "evaluate_every=0") })
            {
                var (code, _, error) = program.Run(arguments);
                Assert.Equal(2, code);
                Assert.Contains($"in use by process {process.Id}", error, StringComparison.Ordinal);
            }

            // Readers are welcome, and see whole checkpoints.
            for (var i = 0; i < 5; i++)
                Succeed(program.Run("inspect", "runs/job/checkpoints/last"));
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    [Fact]
    public void Jobs_that_start_together_take_a_folder_each()
    {
        using var program = new Executable();
        var jobs = Enumerable.Range(1, 3).Select(seed => program.Start(Train("--steps", "5", "--seed", $"{seed}"))).ToList();
        foreach (var job in jobs)
            using (job)
                Succeed(Executable.Finish(job));
        var folders = Directory.GetDirectories(program.At("runs"));
        Assert.Equal(3, folders.Length);
        Assert.Equal([1L, 2, 3],
            folders.Select(folder => CheckpointFolder.Read(Path.Combine(folder, "checkpoints/last"), withMoments: false).State.Configuration.Seed).Order());
        Assert.All(folders, folder => Assert.Equal(6, File.ReadAllLines(Path.Combine(folder, "metrics.jsonl")).Length));
    }

    [Fact]
    public void A_text_goes_on_from_given_words_and_lines_of_other_texts_are_scored()
    {
        using var program = new Executable();
        var fitting = PrepareSentences(program, "d", "dog");
        Succeed(program.Run(["train", .. fitting, .. SmallModel[2..], "--data", "d", "--steps", "4", "--run", "r"]));
        string[] sample = ["sample", "runs/r", "--count", "3", "--steps", "5", "--start", "the dog"];
        var printed = Succeed(program.Run(sample)).Output;
        Assert.All(printed.TrimEnd('\n').Split('\n'), line => Assert.StartsWith("the dog", line, StringComparison.Ordinal));
        Assert.Equal(3, printed.Count(character => character == '\n'));
        Succeed(program.Run([.. sample, "--out", "texts.txt"]));
        Assert.Equal(printed, File.ReadAllText(program.At("texts.txt")));
        var warm = Succeed(program.Run([.. sample, "--temperature", "0.5", "1"])).Output;
        Assert.StartsWith("temperature 0.5\nthe dog", warm, StringComparison.Ordinal);
        Assert.EndsWith("temperature 1\n" + printed, warm, StringComparison.Ordinal);
        foreach (var (more, part) in new (string[], string)[] { (["--out", "a.png"], "use a name that ends in .txt"), (["--start", " "], "the text is empty"),
            (["--start-steps", "1"], "means nothing for text"), (["--columns", "2"], "means nothing for text") })
        {
            var (code, _, error) = program.Run([.. sample[..^2], .. more.Contains("--start") ? [] : sample[^2..], .. more]);
            Assert.Equal(2, code);
            Assert.Contains(part, error, StringComparison.Ordinal);
        }

        File.WriteAllText(program.At("lines.txt"), "the dog runs\n\nruns unheard of\n");
        Succeed(program.Run("score", "runs/r", "--data", "lines.txt"));
        Assert.Equal(["lines.txt,1,4", "lines.txt,2,1", "lines.txt,3,4"],
            File.ReadAllLines(program.At("scores.csv")).Skip(1).Select(line => string.Join(',', line.Split(',')[..3])));
    }

    [Fact]
    public void Frames_are_drawn_as_an_array_that_begins_as_the_given_one()
    {
        using var program = new Executable();
        foreach (var split in new[] { "train", "valid", "test" })
            File.WriteAllBytes(program.At($"{split}.npy"), Npy(split == "train" ? 12 : 2));
        Succeed(program.Run("data", "prepare", "frames", "--from", "train.npy", "valid.npy", "test.npy", "--out", "d"));
        Succeed(program.Run(Train("--data", "d", "--steps", "2", "--run", "r").Append("output_distribution=gaussian").Append("frame_size=2").ToArray()));
        Succeed(program.Run("sample", "runs/r", "--start", "test.npy", "--start-steps", "3", "--steps", "4", "--out", "drawn.npy"));
        var (drawn, given) = (File.ReadAllBytes(program.At("drawn.npy")), File.ReadAllBytes(program.At("test.npy")));
        var header = Encoding.ASCII.GetString(drawn, 10, 118);
        Assert.Contains("'shape': (2, 7, 2)", header, StringComparison.Ordinal);
        Assert.Equal(128 + 2 * 7 * 2 * 4, drawn.Length);
        Assert.Equal(given[^(5 * 2 * 4)..^(2 * 2 * 4)], drawn[(128 + 7 * 2 * 4)..(128 + 10 * 2 * 4)]);
        Assert.Contains("use a name that ends in .npy", program.Run("sample", "runs/r", "--out", "x.wav").Error, StringComparison.Ordinal);

        // Sequences of five frames of two values.
        static byte[] Npy(int count)
        {
            var text = Encoding.ASCII.GetBytes($"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 5, 2), }}\n");
            var values = Enumerable.Range(0, count * 10).SelectMany(i => BitConverter.GetBytes((float)Math.Sin(i)));
            return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, 0, .. text, .. values];
        }
    }

    [Fact]
    public void A_run_knows_its_data()
    {
        using var program = new Executable();
        var fitting = PrepareSentences(program, "d", "dog");
        string[] train = ["train", .. fitting, .. SmallModel[2..], "--data", "d", "--steps", "4", "--run", "r"];
        Succeed(program.Run(train));
        var drawn = Succeed(program.Run("sample", "runs/r", "--count", "3", "--steps", "5")).Output;

        // Elsewhere: said where, it is the same run.
        Directory.Move(program.At("d"), program.At("e f"));
        Assert.Equal(drawn, Succeed(program.Run("sample", "runs/r", "--count", "3", "--steps", "5")).Output);
        Assert.Equal(2, program.Run("evaluate", "runs/r").Code);
        Succeed(program.Run("evaluate", "runs/r", "--data", "e f"));
        Succeed(program.Run("train", "--resume", "runs/r", "--data", "e f", "--steps", "6"));

        // Others in its place: refused by name of what differs, everywhere.
        PrepareSentences(program, "d", "cat");
        foreach (var arguments in new string[][] { ["evaluate", "runs/r", "--data", "d"], ["train", "--resume", "runs/r", "--data", "d", "--steps", "8"],
            [.. train[..^1], "r", "--resume-or-start"] })
        {
            var (code, _, error) = program.Run(arguments);
            Assert.Equal(2, code);
            Assert.Contains("d holds other data than", error, StringComparison.Ordinal);
            Assert.Contains("'cat' where 'dog' was", error, StringComparison.Ordinal);
        }

        Assert.Equal(drawn.Length > 0, Succeed(program.Run("sample", "runs/r", "--count", "3", "--steps", "5")).Output.Length > 0);
    }

    [Fact]
    public void A_run_that_is_no_longer_finite_is_an_error_without_figures()
    {
        using var program = new Executable();
        var (code, output, error) = program.Run(Train("--steps", "1", "--run", "wild", "--set", "training.learning_rate=1e38"));
        Assert.Equal(1, code);
        Assert.Contains("not finite", error, StringComparison.Ordinal);
        Assert.DoesNotContain("nats per image", output, StringComparison.Ordinal);

        // A checkpoint of whatever origin that holds such a value.
        Succeed(program.Run(Train("--steps", "2", "--run", "a")));
        var read = CheckpointFolder.Read(program.At("runs/a/checkpoints/best"), withMoments: true);
        read.Weights[0].Values[0] = float.NaN;
        CheckpointFolder.Write(program.At("runs/a/checkpoints/best"), read.State, read.Data!, read.Weights, read.FirstMoments, read.SecondMoments);
        foreach (var arguments in new string[][] { ["evaluate", "runs/a", "--json"], ["evaluate", "runs/a", "--prior-mode"], ["sample", "runs/a"] })
        {
            (code, output, error) = program.Run(arguments);
            Assert.Equal((1, ""), (code, output));
            Assert.Contains(read.Weights[0].Name, error, StringComparison.Ordinal);
        }

        using var inspected = JsonDocument.Parse(Succeed(program.Run("inspect", "runs/a", "--json")).Output);
        Assert.Equal(JsonValueKind.Null, inspected.RootElement.GetProperty("parameters")[0].GetProperty("norm").ValueKind);
    }

    [Fact]
    public void A_comparison_records_the_run_that_diverged_and_goes_on()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("c.json"), """
            { "name": "c", "seeds": [1], "models": [ { "name": "good" }, { "name": "wild", "set": ["training.learning_rate=1e38"] }, { "name": "after" } ],
              "data": [ { "name": "digits", "preset": "digits", "set": ["lstm_units=6", "mlp_units=5", "latent_units=3", "batch_size=100",
                "training.steps=1"] } ] }
            """);
        foreach (var _ in new[] { "first", "again" })
        {
            var (code, output, error) = program.Run("compare", "c.json", "--threads", "1");
            Assert.Equal(1, code);
            Assert.Contains("(2 of 3 runs)", output, StringComparison.Ordinal);
            Assert.Contains("not finite", error, StringComparison.Ordinal);
        }

        Assert.Contains("not finite", File.ReadAllText(program.At("runs/c/report.html")), StringComparison.Ordinal);
        Assert.Equal(3, File.ReadAllLines(program.At("runs/c/results.csv")).Length);
        Assert.DoesNotContain("NaN", File.ReadAllText(program.At("runs/c/results.csv")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_whose_early_stopped_run_is_scored_again_gives_the_same_figure()
    {
        using var program = new Executable();
        File.WriteAllText(program.At("c.json"), """
            { "name": "c", "seeds": [1], "models": [ { "name": "m" } ],
              "data": [ { "name": "digits", "preset": "digits", "set": ["lstm_units=6", "mlp_units=5", "latent_units=3", "batch_size=100",
                "evaluate_every=2", "checkpoint_every=2", "early_stop=2", "learning_rate=0.3", "learning_rate_schedule=constant", "training.steps=400"] } ] }
            """);
        Succeed(program.Run("compare", "c.json", "--threads", "1"));
        var results = File.ReadAllText(program.At("runs/c/results.csv"));
        File.Delete(program.At("runs/c/runs/digits/m/seed-1/result.json")); // as a kill while scoring leaves it
        Succeed(program.Run("compare", "c.json", "--threads", "1"));
        Assert.Equal(results, File.ReadAllText(program.At("runs/c/results.csv")));

        var (code, _, error) = program.Run("train", "--resume", "runs/c/runs/digits/m/seed-1");
        Assert.Equal(2, code);
        Assert.Contains("stopped early", error, StringComparison.Ordinal);
        Assert.Contains("training.early_stop=0", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Output_that_cannot_be_written_ends_no_training_and_is_an_error_elsewhere()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("/dev/full is Linux's.");
        using var program = new Executable();
        var (code, _, error) = program.RunInShell("$V train --run a --steps 20 --set evaluate_every=1 lstm_units=6 mlp_units=5 "
            + "latent_units=3 batch_size=100 > /dev/full");
        Assert.Equal(0, code);
        Assert.Contains("standard output could not be written", error, StringComparison.Ordinal);
        Assert.Equal(20, StepOf(program, "runs/a/checkpoints/last"));
        Assert.Equal(1, program.RunInShell("$V evaluate runs/a > /dev/full").Code);
        Assert.Equal(1, program.RunInShell("$V evaluate runs/a --json > /dev/full").Code);
        Assert.Equal(0, program.RunInShell("$V train --resume runs/a --steps 25 > /dev/full 2> /dev/full").Code);
        Assert.Equal(0, program.RunInShell("$V train --resume runs/a --steps 30 >&- 2>&- <&-").Code);
        Assert.Equal(30, StepOf(program, "runs/a/checkpoints/last"));
        Assert.All(File.ReadAllLines(program.At("runs/a/metrics.jsonl")), line => Assert.StartsWith("{\"step\"", line, StringComparison.Ordinal));
    }

    public static TheoryData<string> Commands
        => ["train", "evaluate", "score", "sample", "export", "import", "inspect", "compare", "data prepare", "data info", "data get", "bench", "doctor",
            "verify", "profile"];

    [Theory]
    [MemberData(nameof(Commands))]
    public void No_argument_whatever_shows_a_stack_trace(string command)
    {
        using var program = new Executable();
        var help = program.Run(["help", .. command.Split(' ')]).Output;
        var options = help.Split('\n').Select(line => line.TrimStart()).Where(line => line.StartsWith("--", StringComparison.Ordinal))
            .Select(line => line.Split(' ', ',')[0]).Distinct().Where(option => option is not ("--help" or "--version")).ToList();
        Assert.NotEmpty(options);
        foreach (var value in new[] { "", "99999999999999999999", "-1", "\ud800\u0007", "1e308" })
        {
            var (code, output, error) = program.Run([.. command.Split(' '), .. options.SelectMany(option => new[] { option, value })]);
            AssertClean(code, output, error, $"{command} with '{value}' everywhere");
            if (options.Count > 8)
                continue; // one by one below, where it is quick
            foreach (var option in options)
            {
                (code, output, error) = program.Run([.. command.Split(' '), "nothing-of-this-name", option, value]);
                AssertClean(code, output, error, $"{command} {option} '{value}'");
            }
        }

        static void AssertClean(int code, string output, string error, string what)
        {
            Assert.True(code is 0 or 1 or 2 or 3, $"{what}: exit code {code.ToString(CultureInfo.InvariantCulture)}, {error}");
            Assert.DoesNotContain("   at ", error + output, StringComparison.Ordinal);
            Assert.DoesNotContain('\u0007', error + output);
        }
    }
}
