using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using VBiLstm.Checkpoints;
using VBiLstm.Mpi;
using VBiLstm.Mpi.Interop;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>Trainings of several ranks under the launchers of Open MPI and MPICH, where they are installed.</summary>
public class RankTests
{
    const string OpenMpi = "mpirun.openmpi --oversubscribe --bind-to none", Mpich = "mpiexec.mpich";

    static readonly string[] Files =
    [
        "configuration.json", "metrics.jsonl", "checkpoints/last/weights.safetensors", "checkpoints/last/optimizer.safetensors",
        "checkpoints/best/weights.safetensors",
    ];

    const string Small = "--threads 1 --set lstm_units=6 mlp_units=5 latent_units=3 batch_size=48 shards=4 learning_rate_schedule=constant checkpoint_every=5 "
        + "evaluate_every=10";

    static void NeedsLauncher(string launcher)
    {
        var name = launcher.Split(' ')[0];
        var found = Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, name)));
        Assert.SkipUnless(found, $"{name} is not installed; Debian's packages are openmpi-bin and mpich.");
    }

    // Root is asked twice by Open MPI; bash, so that a script can say exec and be signalled as the launcher.
    static Process Start(Executable program, string script)
    {
        var path = program.At($"{Guid.NewGuid():N}.sh");
        var executable = Path.Combine(AppContext.BaseDirectory, "vbilstm");
        File.WriteAllText(path, $"export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 V={executable}\n{script}\n");
        return program.StartScript(path, []);
    }

    static (int Code, string Output, string Error) Run(Executable program, string script)
    {
        using var process = Start(program, script);
        return Executable.Finish(process);
    }

    static (int Code, string Output, string Error) Succeed((int Code, string Output, string Error) result)
    {
        Assert.True(result.Code == 0, result.Error + result.Output);
        return result;
    }

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
        Succeed(Run(program, $"$V train {Small} --steps 23 --run one"));
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
        Succeed(Run(program, $"$V train {Small} --steps {steps} --run whole"));
        AssertSameRun(program, "whole", "parts");
    }

    [Fact]
    public void A_job_that_is_queued_again_on_other_ranks_keeps_its_shards()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        var job = $"$V train {Small.Replace("shards=4 ", "", StringComparison.Ordinal)} --run it --resume-or-start --steps";
        Succeed(Run(program, $"{OpenMpi} -n 4 {job} 7"));
        var continued = Succeed(Run(program, $"{OpenMpi} -n 2 {job} 14"));
        Assert.Contains("in 4 shards of 12", continued.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("training.shards was", continued.Error, StringComparison.Ordinal);
        Succeed(Run(program, $"{job} 20"));
        Succeed(Run(program, $"$V train {Small} --run whole --steps 20"));
        foreach (var file in Files.Where(file => file.Contains("last", StringComparison.Ordinal)))
            Assert.Equal(File.ReadAllBytes(program.At($"runs/whole/{file}")), File.ReadAllBytes(program.At($"runs/it/{file}")));
        Assert.Contains("training.shards was 4 and is 2", Succeed(Run(program, $"{job} 22 --set training.shards=2")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_killed_rank_ends_the_job_and_the_run_goes_on()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        var command = $"echo $$ > rank.$OMPI_COMM_WORLD_RANK; exec $V train {Shards(6)} --steps 1000000 --run it";
        using (var job = Start(program, $"exec {OpenMpi} -n 3 sh -c '{command}'"))
        {
            Executable.WaitForLines(program.At("runs/it/metrics.jsonl"), 8);
            Process.GetProcessById(RankProcess(program, 2)).Kill();
            Assert.NotEqual(0, Executable.Finish(job).Code);
        }

        var steps = CheckpointFolder.Read(program.At("runs/it"), withMoments: true).State.Step + 5;
        Succeed(Run(program, $"{OpenMpi} -n 3 $V train --threads 1 --resume runs/it --steps {steps}"));
    }

    [Fact]
    public void A_rank_that_hangs_ends_the_job_after_the_limit()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        var seconds = (int)TimeLimit.Of(seconds: 3).TotalSeconds;
        using var job = Start(program, $"exec {OpenMpi} -n 2 sh -c 'echo $$ > rank.$OMPI_COMM_WORLD_RANK; "
            + $"exec $V train {Small} --steps 1000000 --run it --rank-timeout {seconds}'");
        Executable.WaitForLines(program.At("runs/it/metrics.jsonl"), 8);
        using var hanging = Process.GetProcessById(RankProcess(program, 1));
        Executable.Signal(hanging, 19);
        var result = Executable.Finish(job);
        Executable.TrySignal(hanging, 9);
        Assert.NotEqual(0, result.Code);
        Assert.Contains("rank 0 of 2", result.Error, StringComparison.Ordinal);
        Assert.Contains($"waited {seconds} s for the other ranks", result.Error, StringComparison.Ordinal);
        Assert.True(CheckpointFolder.Exists(program.At("runs/it/checkpoints/last")));
    }

    // Slow: a few steps, one evaluation.
    const string Soft = "train --device soft --products library --data images --set lstm_units=6 mlp_units=5 latent_units=3 batch_size=48 shards=2 "
        + "learning_rate_schedule=constant checkpoint_every=3 evaluate_every=5";

    [Theory]
    [InlineData(OpenMpi)]
    [InlineData(Mpich)]
    public void Ranks_on_software_GPUs_leave_the_bytes_of_one_process(string launcher)
    {
        NeedsLauncher(launcher);
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        Succeed(Run(program, $"$V {Soft} --steps 5 --run one"));
        var result = Succeed(Run(program, $"SOFTGPU_SEED=3 {launcher} -n 2 $V {Soft} --steps 5 --run two"));
        Assert.Contains("graph, early starts, NCCL 2.27.4)", result.Output, StringComparison.Ordinal);
        AssertSameRun(program, "one", "two");
    }

    [Fact]
    public void Ranks_on_software_GPUs_that_are_killed_or_hang_end_the_job()
    {
        NeedsLauncher(OpenMpi);
        NeedsLauncher(Mpich);
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        var seconds = (int)TimeLimit.Of(seconds: 10).TotalSeconds;
        var command = $"exec $V {Soft.Replace("evaluate_every=5", "evaluate_every=0", StringComparison.Ordinal)} --steps 1000000 --rank-timeout {seconds}";
        using (var job = Start(program, $"exec {Mpich} -n 2 sh -c 'echo $$ > rank.$PMI_RANK; {command} --run killed'"))
        {
            Executable.WaitForLines(program.At("runs/killed/metrics.jsonl"), 4);
            Process.GetProcessById(RankProcess(program, 1)).Kill();
            Assert.NotEqual(0, Executable.Finish(job).Code);
        }

        Assert.True(CheckpointFolder.Exists(program.At("runs/killed/checkpoints/last")));
        using (var job = Start(program, $"exec {OpenMpi} -n 2 sh -c 'echo $$ > rank.$OMPI_COMM_WORLD_RANK; {command} --run hanging'"))
        {
            Executable.WaitForLines(program.At("runs/hanging/metrics.jsonl"), 4);
            using var hanging = Process.GetProcessById(RankProcess(program, 1));
            Executable.Signal(hanging, 19);
            var result = Executable.Finish(job);
            Executable.TrySignal(hanging, 9);
            Assert.NotEqual(0, result.Code);
            Assert.Contains($"waited {seconds} s for the other ranks", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_ranks_on_GPUs_cannot_do_together_is_refused_before_they_connect()
    {
        NeedsLauncher(OpenMpi);
        SoftwareGpuBuild.Require();
        using var program = new Executable().WithSmallImages();
        var inFloat32 = Soft.Replace("--products library", "--precision fp32", StringComparison.Ordinal);
        AssertRefused(2, "other kind of device on rank 1", $"sh -c 'test $OMPI_COMM_WORLD_RANK = 0 && exec $V {Soft}; exec $V train'");
        AssertRefused(2, "other precision on rank 1", $"sh -c 'test $OMPI_COMM_WORLD_RANK = 0 && exec $V {Soft}; exec $V {inFloat32}'");
        AssertRefused(3, "NCCL 2.15.5 is too old", $"env SOFTGPU_NCCL_VERSION=21505 $V {Soft}");
        var folder = Environment.GetEnvironmentVariable("VBILSTM_SOFTGPU") is { Length: > 0 } named ? named : Path.Combine(AppContext.BaseDirectory, "softgpu");
        Directory.CreateDirectory(program.At("softgpu"));
        foreach (var file in Directory.GetFiles(folder).Where(file => !Path.GetFileName(file).Contains("nccl", StringComparison.Ordinal)))
            File.CreateSymbolicLink(program.At($"softgpu/{Path.GetFileName(file)}"), file);
        AssertRefused(3, $"nccl was not found; tried {program.At("softgpu")}/libnccl.so.2", $"env VBILSTM_SOFTGPU={program.At("softgpu")} $V {Soft}");

        void AssertRefused(int expected, string message, string ranks)
        {
            var (code, _, error) = Run(program, $"{OpenMpi} -n 2 {ranks}");
            Assert.True(code == expected, $"{code}: {error}");
            Assert.Single(error.Split('\n'), line => line.Contains(message, StringComparison.Ordinal));
            Assert.False(Directory.Exists(program.At("runs")));
        }
    }

    static string Shards(int shards) => Small.Replace("shards=4", $"shards={shards}", StringComparison.Ordinal);

    static int RankProcess(Executable program, int rank)
        => int.Parse(File.ReadAllText(program.At($"rank.{rank}")), CultureInfo.InvariantCulture);

    [Fact]
    public void What_the_ranks_are_of_different_opinion_about_is_named()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        var (code, _, error) = Run(program, $"{OpenMpi} -n 2 sh -c 'exec $V train {Small} --seed $OMPI_COMM_WORLD_RANK --run it'");
        Assert.Equal(2, code);
        Assert.Contains("other configuration on rank 1", error, StringComparison.Ordinal);
        (code, _, error) = Run(program, $"{OpenMpi} -n 2 sh -c 'exec $V train {Small} --simd $((128 + 128 * $OMPI_COMM_WORLD_RANK)) --run it'");
        if (code == 2 && error.Contains("this processor has", StringComparison.Ordinal))
            return;
        Assert.Equal(2, code);
        Assert.Contains("other vector width on rank 1", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(program.At("runs/it")));
    }

    [Fact]
    public void What_fails_on_one_rank_is_told_once_with_its_exit_code()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        Succeed(Run(program, $"$V train {Small} --steps 2 --run taken"));
        AssertRefused(2, "runs/taken exists", $"{OpenMpi} -n 2 $V train {Small} --run taken");
        AssertRefused(2, "training.shards is 4, which does not suit 3 ranks: use 1, 2, 4 ranks", $"{OpenMpi} -n 3 $V train {Small} --run new");
        AssertRefused(2, "which 3 ranks cannot share out", $"{OpenMpi} -n 3 $V train --set batch_size=2 --run new");
        AssertRefused(2, "model.lstm_units", $"{OpenMpi} -n 2 $V train --set lstm_units=0 --run new");
        AssertRefused(2, "There is no checkpoint in runs/none", $"{OpenMpi} -n 2 $V train --resume runs/none");
        var elsewhere = $"{OpenMpi} -n 2 sh -c 'test $OMPI_COMM_WORLD_RANK = 0 || cd /; exec $V train --data here --run new {Small}'";
        File.WriteAllText(program.At("here"), "no folder");
        AssertRefused(2, "here", elsewhere);

        void AssertRefused(int expected, string message, string script)
        {
            var (code, _, error) = Run(program, script);
            Assert.True(code == expected, $"{code}: {error}");
            Assert.Single(error.Split('\n'), line => line.Contains("vbilstm: ", StringComparison.Ordinal) && line.Contains(message, StringComparison.Ordinal));
            Assert.False(Directory.Exists(program.At("runs/new")));
        }
    }

    [Fact]
    public void Another_MPI_than_the_launcher_s_is_refused()
    {
        NeedsLauncher(OpenMpi);
        NeedsLauncher(Mpich);
        using var program = new Executable();
        var (code, _, error) = Run(program, $"VBILSTM_MPI=libmpich.so.12 {OpenMpi} -n 2 $V train {Small} --run it");
        Assert.Equal(3, code);
        Assert.Contains("Open MPI's mpirun started 2 ranks, but libmpich.so.12 (MPICH) knows of 1", error, StringComparison.Ordinal);
        (code, _, error) = Run(program, $"VBILSTM_MPI=libnothing.so {OpenMpi} -n 2 $V train {Small} --run it");
        Assert.Equal(3, code);
        Assert.Contains("tried libnothing.so", error, StringComparison.Ordinal);
        (code, _, error) = Run(program, $"VBILSTM_MPI=libm.so.6 {OpenMpi} -n 2 $V train {Small} --run it");
        Assert.Equal(3, code);
        Assert.Contains("libm.so.6 has no MPI_Init_thread", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(program.At("runs")));
    }

    [Fact]
    public void Other_commands_are_for_one_process()
    {
        NeedsLauncher(OpenMpi);
        using var program = new Executable();
        var (code, _, error) = Run(program, $"{OpenMpi} -n 2 $V sample runs/it");
        Assert.Equal(2, code);
        Assert.Contains("vbilstm sample is for one process, and Open MPI's mpirun started 2", error, StringComparison.Ordinal);
        Succeed(Run(program, $"{OpenMpi} -n 2 $V train --help"));
        Succeed(Run(program, $"VBILSTM_MPI=off {OpenMpi} -n 2 sh -c '$V train {Small} --steps 2 --run $OMPI_COMM_WORLD_RANK'"));
        Assert.True(Directory.Exists(program.At("runs/0")) && Directory.Exists(program.At("runs/1")));
    }

    [Theory]
    [InlineData(OpenMpi, 2)]
    [InlineData(Mpich, 3)]
    public void Ranks_score_check_and_measure_together(string launcher, int ranks)
    {
        NeedsLauncher(launcher);
        using var program = new Executable();
        Succeed(Run(program, $"$V train {Small} --steps 5 --run it"));
        foreach (var options in new[] { "--importance-samples 2", "--split validation --prior-mode" })
            Assert.Equal(Succeed(Run(program, $"$V evaluate runs/it --json {options}")).Output,
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
        var train = $"$V train {Small} --steps";
        Succeed(Run(program, $"{Mpich} -n 1 {train} 7 --run parts : -n 1 -wdir $PWD/elsewhere {train} 7 --run parts"));
        var resume = "$V train --threads 1 --resume runs/parts --steps 12";
        Succeed(Run(program, $"{Mpich} -n 1 {resume} : -n 1 -wdir $PWD/elsewhere {resume}"));
        Assert.Empty(Directory.GetFileSystemEntries(program.At("elsewhere")));
        Succeed(Run(program, $"{train} 7 --run whole && $V train --threads 1 --resume runs/whole --steps 12"));
        AssertSameRun(program, "whole", "parts");
    }

    [Fact]
    public void Nodes_add_among_themselves_first()
    {
        NeedsLauncher(Mpich);
        Assert.SkipUnless(Environment.UserName == "root", "Only root can give ranks machine names of their own.");
        using var program = new Executable();
        Succeed(Run(program, $"$V train {Small} --steps 12 --run one"));
        var node = $"unshare --uts sh -c 'hostname node$((PMI_RANK / 2)); exec $V train {Small} --steps 12 --run nodes'";
        var result = Run(program, $"{Mpich} -n 4 {node}");
        Assert.SkipWhen(result.Error.Contains("unshare failed", StringComparison.Ordinal), "This container may not give ranks machine names of their own.");
        Assert.Contains("ranks   4 on 2 nodes (MPICH", Succeed(result).Output, StringComparison.Ordinal);
        Assert.Contains("sums within nodes of 2 first", result.Output, StringComparison.Ordinal);
        AssertSameRun(program, "one", "nodes");
    }

    [Theory]
    [InlineData("a a b b", 2)]
    [InlineData("a a a a b b b b", 4)]
    [InlineData("a b a b", 1)]
    [InlineData("a a a b b b", 1)]
    [InlineData("a a b", 1)]
    [InlineData("a a a a", 1)]
    [InlineData("a b", 1)]
    [InlineData("a a b b a a", 1)]
    public void Levels_are_of_equal_nodes_whose_ranks_follow_one_another(string nodes, int ranksPerNode)
        => Assert.Equal(ranksPerNode, MpiJob.RanksPerNode(nodes.Split(' ')));

    [Theory]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=1", "Open MPI's mpirun", 4, true)]
    [InlineData("PMI_SIZE=2", "mpiexec or srun (PMI)", 2, false)]
    [InlineData("SLURM_STEP_NUM_TASKS=8 PMIX_RANK=0", "srun", 8, true)]
    [InlineData("SLURM_NTASKS=8", null, 0, false)]
    [InlineData("PMI_SIZE=1", null, 0, false)]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 VBILSTM_MPI=off", null, 0, false)]
    public void A_launcher_is_known_by_what_it_leaves_in_the_environment(string variables, string? name, int ranks, bool speaksOpenMpi)
    {
        var environment = variables.Split(' ').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Equal(name is null ? null : new Launcher(name, ranks, speaksOpenMpi), Launcher.Detect(environment.GetValueOrDefault));
    }

    [Theory]
    [InlineData("mpicc.openmpi")]
    [InlineData("mpicc.mpich")]
    public void The_table_of_handles_is_the_library_s(string compiler)
    {
        NeedsLauncher(compiler);
        using var program = new Executable();
        File.WriteAllText(program.At("handles.c"), """
            #include <mpi.h>
            #include <stdint.h>
            #include <stdio.h>
            #ifdef OPEN_MPI
            #define SAME(handle, symbol) ((void*)(handle) == (void*)&symbol)
            #else
            #define SAME(handle, symbol) 0
            #endif
            int main(void)
            {
                printf("%llu %llu %d %d %d\n", (unsigned long long)(uintptr_t)MPI_COMM_WORLD, (unsigned long long)(uintptr_t)MPI_BYTE, MPI_THREAD_FUNNELED,
                    SAME(MPI_COMM_WORLD, ompi_mpi_comm_world), SAME(MPI_BYTE, ompi_mpi_byte));
                return 0;
            }
            """);
        var compile = $"{compiler} -Wno-pointer-to-int-cast -Wno-int-to-pointer-cast handles.c -o handles";
        var values = Succeed(Run(program, $"{compile} && ./handles")).Output.Trim().Split(' ');
        if (values[3] == "1" && values[4] == "1")
        {
            Assert.Equal($"{MpiInterface.OpenMpi(0, 0).Funneled}", values[2]);
            return;
        }

        Assert.Equal([$"{MpiInterface.Mpich.World}", $"{MpiInterface.Mpich.Byte}", $"{MpiInterface.Mpich.Funneled}"], values[..3]);
    }
}
