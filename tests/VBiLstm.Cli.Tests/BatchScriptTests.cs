using System.Diagnostics;
using VBiLstm.Checkpoints;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>The batch scripts of docs/cluster, with stand-ins for the batch systems' commands that write down what they are asked.</summary>
public class BatchScriptTests
{
    const int SigUsr1 = 10;

    static string Script(string name) => Path.Combine(Checkout.Root, "docs/cluster", name);

    static Executable WithBatchSystem()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Batch systems of this kind are Linux's.");
        var program = new Executable();
        Directory.CreateDirectory(program.At("bin"));
        void Write(string name, string text)
        {
            File.WriteAllText(program.At("bin/" + name), "#!/bin/bash\n" + text);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(program.At("bin/" + name), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        Write("vbilstm", $"echo $$ > pid; exec '{Path.Combine(AppContext.BaseDirectory, "vbilstm")}' \"$@\"\n");
        Write("srun", "exec \"$@\"\n");
        foreach (var command in new[] { "scontrol", "qsub" })
            Write(command, $"echo {command} \"$@\" >> asked\n");
        program.Variables["PATH"] = program.At("bin") + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        return program;
    }

    static string Asked(Executable program) => File.Exists(program.At("asked")) ? File.ReadAllText(program.At("asked")) : "";

    static readonly string[] Small = ["--set", "lstm_units=6", "mlp_units=5", "latent_units=3", "batch_size=100", "evaluate_every=0",
        "checkpoint_every=100000"];

    [Fact]
    public void Under_Slurm_a_job_saves_at_the_signal_is_queued_again_and_ends_when_the_run_is_finished()
    {
        using var program = WithBatchSystem();
        foreach (var (name, value) in new[] { ("SLURM_JOB_NAME", "my job"), ("SLURM_JOB_ID", "4711"), ("SLURM_ARRAY_TASK_ID", "3"),
            ("SLURM_CPUS_PER_TASK", "1") })
            program.Variables[name] = value;
        using (var job = program.StartScript(Script("slurm.sh"), ["--steps", "1000000", .. Small]))
        {
            Executable.WaitForLines(program.At("runs/my job-3/metrics.jsonl"), 5);
            using var training = Process.GetProcessById(int.Parse(File.ReadAllText(program.At("pid"))));
            Executable.Signal(training, SigUsr1);
            Assert.Equal(130, Executable.Finish(job).Code);
        }

        Assert.Equal("scontrol requeue 4711\n", Asked(program));
        var state = CheckpointFolder.Read(program.At("runs/my job-3"), withMoments: false).State;
        Assert.Equal((3, true), (state.Configuration.Seed, state.Step >= 5));

        foreach (var expected in new[] { $"continuing after step {state.Step:N0}", "is finished" })
        {
            using var job = program.StartScript(Script("slurm.sh"), ["--steps", $"{state.Step + 5}", .. Small]);
            var (code, output, error) = Executable.Finish(job);
            Assert.True(code == 0, error);
            Assert.Contains(expected, output, StringComparison.Ordinal);
        }

        Assert.Equal("scontrol requeue 4711\n", Asked(program));
    }

    [Fact]
    public void Under_Pbs_a_job_saves_by_the_clock_and_submits_itself_again()
    {
        using var program = WithBatchSystem();
        foreach (var (name, value) in new[] { ("PBS_O_WORKDIR", program.Folder), ("PBS_JOBNAME", "vbilstm"), ("STOP_AFTER", "2s"),
            ("ARGUMENTS", $"--threads 1 --steps 1000000 {string.Join(' ', Small)}") })
            program.Variables[name] = value;
        using (var job = program.StartScript(Script("pbs.sh"), []))
            Assert.Equal(130, Executable.Finish(job).Code);
        Assert.StartsWith("qsub -v STOP_AFTER=2s,RUN=vbilstm,ARGUMENTS=--threads 1", Asked(program), StringComparison.Ordinal);
        var step = CheckpointFolder.Read(program.At("runs/vbilstm"), withMoments: false).State.Step;
        program.Variables["ARGUMENTS"] = $"--threads 1 --steps {step} {string.Join(' ', Small)}";
        using (var job = program.StartScript(Script("pbs.sh"), []))
            Assert.Equal(0, Executable.Finish(job).Code);
        Assert.Single(Asked(program).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
