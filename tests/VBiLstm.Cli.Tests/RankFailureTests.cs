using System.Diagnostics;
using System.Globalization;
using VBiLstm.Checkpoints;
using VBiLstm.Tests;
using static VBiLstm.Cli.Tests.RankJobs;

namespace VBiLstm.Cli.Tests;

/// <summary>Ranks that die, hang, are told different things or started by another MPI's launcher.</summary>
public class RankFailureTests
{
    static string Shards(int shards) => Small.Replace("shards=4", $"shards={shards}", StringComparison.Ordinal);

    static int RankProcess(Executable program, int rank)
        => int.Parse(File.ReadAllText(program.At($"rank.{rank}")), CultureInfo.InvariantCulture);

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
        Succeed(RunOne(program, $"train {Small} --steps 2 --run taken"));
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
}
