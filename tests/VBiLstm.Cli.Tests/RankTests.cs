using System.Text.Json.Nodes;
using VBiLstm.Checkpoints;
using VBiLstm.Tests;
using static VBiLstm.Cli.Tests.RankJobs;

namespace VBiLstm.Cli.Tests;

/// <summary>Trainings of several ranks under the launchers of Open MPI and MPICH, where they are installed.</summary>
public class RankTests
{
    static readonly string[] Files =
    [
        "configuration.json", "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors",
        "checkpoints/best/weights.safetensors",
    ];

    static void AssertSameRun(Executable program, string expected, string actual)
    {
        foreach (var file in Files)
            Assert.Equal(File.ReadAllBytes(program.At($"runs/{expected}/{file}")), File.ReadAllBytes(program.At($"runs/{actual}/{file}")));
    }

    [Theory]
    [InlineData(OpenMpi, "Open MPI")]
    [InlineData(Mpich, "MPICH")]
    public void Ranks_leave_the_bytes_of_one_process(string launcher, string library)
    {
        NeedsLauncher(launcher);
        using var program = new Executable();
        Succeed(RunOne(program, $"train {Small} --steps 23 --run one"));
        foreach (var ranks in new[] { 2, 4 })
        {
            var result = Succeed(Run(program, $"{launcher} -n {ranks} $V train {Small} --steps 23 --run ranks-{ranks}"));
            Assert.Contains($"ranks   {ranks} on 1 node ({library}", result.Output, StringComparison.Ordinal);

            // Open MPI's ranks write to a terminal, which .NET sets up with codes of its own.
            Assert.Single(result.Output.Split('\n'), line => line.Contains("model   ", StringComparison.Ordinal));
            AssertSameRun(program, "one", $"ranks-{ranks}");
        }
    }

    [Fact]
    public void Without_shards_every_rank_takes_one()
    {
        NeedsLauncher(Mpich);
        using var program = new Executable();
        var script = $"{Mpich} -n 3 $V train {Small.Replace("shards=4 ", "", StringComparison.Ordinal)} --steps 4 --run three";
        Assert.Contains("in 3 shards of 16", Succeed(Run(program, script)).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OpenMpi, Mpich)]
    [InlineData(Mpich, OpenMpi)]
    public void A_job_told_to_stop_is_saved_and_goes_on_on_other_ranks_of_another_MPI(string first, string second)
    {
        NeedsLauncher(first);
        NeedsLauncher(second);
        using var program = new Executable();
        using (var job = Start(program, $"exec {first} -n 2 $V train {Small} --steps 1000000 --run parts"))
        {
            Executable.WaitForLines(program.At("runs/parts/metrics.jsonl"), 3);
            Executable.Signal(job, 10);
            var stopped = Executable.Finish(job);

            // MPICH 4.0's launcher itself says 0 or 130, as it happens.
            Assert.True(stopped.Code == 130 || (first == Mpich && stopped.Code == 0), $"{stopped.Code}: {stopped.Error}{stopped.Output}");
            Assert.Contains("saved. Continue with: vbilstm train --resume runs/parts", stopped.Output, StringComparison.Ordinal);
        }

        var steps = CheckpointFolder.Read(program.At("runs/parts"), withMoments: true).State.Step + 12;
        Succeed(Run(program, $"{second} -n 4 $V train --threads 1 --resume runs/parts --steps {steps}"));
        Succeed(RunOne(program, $"train {Small} --steps {steps} --run whole"));
        AssertSameRun(program, "whole", "parts");
    }

    [Fact]
    public void A_job_that_is_queued_again_on_other_ranks_keeps_its_shards()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        var job = $"train {Small.Replace("shards=4 ", "", StringComparison.Ordinal)} --run it --resume-or-start --steps";
        Succeed(Run(program, $"{OpenMpi} -n 4 $V {job} 7"));
        var continued = Succeed(Run(program, $"{OpenMpi} -n 2 $V {job} 14"));
        Assert.Contains("in 4 shards of 12", continued.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("training.shards was", continued.Error, StringComparison.Ordinal);
        Succeed(RunOne(program, $"{job} 20"));
        Succeed(RunOne(program, $"train {Small} --run whole --steps 20"));
        foreach (var file in Files.Where(file => file.Contains("last", StringComparison.Ordinal)))
            Assert.Equal(File.ReadAllBytes(program.At($"runs/whole/{file}")), File.ReadAllBytes(program.At($"runs/it/{file}")));
        Assert.Contains("training.shards was 4 and is 2", Succeed(RunOne(program, $"{job} 22 --set training.shards=2")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OpenMpi)]
    [InlineData(Mpich)]
    public void Ranks_on_software_GPUs_leave_the_bytes_of_one_process(string launcher)
    {
        NeedsLauncher(launcher);
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        Succeed(RunOne(program, $"{Soft} --steps 5 --run one"));
        var result = Succeed(Run(program, $"SOFTGPU_SEED=3 {launcher} -n 2 $V {Soft} --steps 5 --run two"));
        Assert.Contains("graph, early starts, NCCL 2.27.4)", result.Output, StringComparison.Ordinal);
        AssertSameRun(program, "one", "two");
    }

    [Theory]
    [InlineData(OpenMpi, 2)]
    [InlineData(Mpich, 3)]
    public void Ranks_score_check_and_measure_together(string launcher, int ranks)
    {
        NeedsLauncher(launcher);
        using var program = new Executable();
        Succeed(RunOne(program, $"train {Small} --steps 5 --run it"));
        foreach (var options in new[] { "--importance-samples 2", "--split validation --prior-mode" })
            Assert.Equal(Succeed(RunOne(program, $"evaluate runs/it --json {options}")).Output,
                Plain(Succeed(Run(program, $"{launcher} -n {ranks} $V evaluate runs/it --json --threads 1 {options}")).Output));

        var verified = JsonNode.Parse(Plain(Succeed(Run(program, $"{launcher} -n {ranks} $V verify --threads 1 --steps 2 --json")).Output))!;
        Assert.True(verified["agrees"]!.GetValue<bool>());
        Assert.Equal(Enumerable.Range(0, ranks), verified["ranks"]!.AsArray().Select(rank => rank!["rank"]!.GetValue<int>()));

        var measured = JsonNode.Parse(Plain(Succeed(Run(program, $"{launcher} -n {ranks} $V bench --threads 1 --seconds 0.2 --time-steps 4 --json")).Output))!;
        Assert.Equal((ranks, ranks), (measured["ranks"]!.GetValue<int>(), measured["shards"]!.GetValue<int>()));
        Assert.True(measured["sum_bytes"]!.GetValue<long>() >= 4 * measured["parameters"]!.GetValue<long>());
        Assert.True(measured["phase_seconds"]!["RankSum"]!.GetValue<double>() > 0);

        var doctor = Succeed(Run(program, $"{launcher} -n {ranks} $V doctor")).Output;
        Assert.Single(doctor.Split('\n'), line => line.Contains($"ranks             {ranks} on 1 node", StringComparison.Ordinal));
        Assert.Equal(ranks, doctor.Split('\n').Count(line => line.StartsWith("   rank ", StringComparison.Ordinal)));
    }

    // The codes with which .NET sets up the terminal that Open MPI gives its ranks, and that terminal's ends of lines.
    static string Plain(string output) => output[Math.Max(0, output.IndexOf('{', StringComparison.Ordinal))..].Replace("\r", "", StringComparison.Ordinal);

    [Fact]
    public void Only_the_first_rank_needs_the_run_s_folder()
    {
        NeedsLauncher(Mpich);
        using var program = new Executable();
        Directory.CreateDirectory(program.At("elsewhere"));
        void RunBoth(string line) => Succeed(Run(program, $"{Mpich} -n 1 $V {line} : -n 1 -wdir $PWD/elsewhere $V {line}"));
        RunBoth($"train {Small} --steps 7 --run parts");
        RunBoth("train --threads 1 --resume runs/parts --steps 12");
        Assert.Empty(Directory.GetFileSystemEntries(program.At("elsewhere")));
        Succeed(RunOne(program, $"train {Small} --steps 7 --run whole"));
        Succeed(RunOne(program, "train --threads 1 --resume runs/whole --steps 12"));
        AssertSameRun(program, "whole", "parts");
    }

    [Fact]
    public void Nodes_add_among_themselves_first()
    {
        NeedsLauncher(Mpich);
        Assert.SkipUnless(Environment.UserName == "root", "Only root can give ranks machine names of their own.");
        using var program = new Executable();
        Succeed(RunOne(program, $"train {Small} --steps 12 --run one"));
        var node = $"unshare --uts sh -c 'hostname node$((PMI_RANK / 2)); exec $V train {Small} --steps 12 --run nodes'";
        var result = Run(program, $"{Mpich} -n 4 {node}");
        Assert.SkipWhen(result.Error.Contains("unshare failed", StringComparison.Ordinal), "This container may not give ranks machine names of their own.");
        Assert.Contains("ranks   4 on 2 nodes (MPICH", Succeed(result).Output, StringComparison.Ordinal);
        Assert.Contains("sums within nodes of 2 first", result.Output, StringComparison.Ordinal);
        AssertSameRun(program, "one", "nodes");
    }
}
