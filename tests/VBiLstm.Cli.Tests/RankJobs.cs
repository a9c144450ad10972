using System.Diagnostics;
using VBiLstm.Tests;

namespace VBiLstm.Cli.Tests;

/// <summary>Jobs of several ranks under the launchers of Open MPI and MPICH.</summary>
static class RankJobs
{
    public const string OpenMpi = "mpirun.openmpi --oversubscribe --bind-to none", Mpich = "mpiexec.mpich";

    public const string Small = "--threads 1 --set lstm_units=6 mlp_units=5 latent_units=3 batch_size=48 shards=4 learning_rate_schedule=constant "
        + "checkpoint_every=5 evaluate_every=10";

    // Slow: a few steps, one evaluation.
    public const string Soft = "train --device soft --products library --data images --set lstm_units=6 mlp_units=5 latent_units=3 batch_size=48 "
        + "shards=2 learning_rate_schedule=constant checkpoint_every=3 evaluate_every=5";

    public static void NeedsLauncher(string launcher)
    {
        var name = launcher.Split(' ')[0];
        var found = Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, name)));
        Assert.SkipUnless(found, $"{name} is not installed; Debian's packages are openmpi-bin and mpich.");
    }

    // Root is asked twice by Open MPI, which waits a second for what is left of a job that failed; bash, so that a script can say exec and be signalled as the
    // launcher.
    public static Process Start(Executable program, string script)
    {
        var path = program.At($"{Guid.NewGuid():N}.sh");
        var executable = Path.Combine(AppContext.BaseDirectory, "vbilstm");
        const string openMpi = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_odls_base_sigkill_timeout=0";
        File.WriteAllText(path, $"export {openMpi} V={executable}\n{script}\n");
        return program.StartScript(path, []);
    }

    public static (int Code, string Output, string Error) Run(Executable program, string script)
    {
        using var process = Start(program, script);
        return Executable.Finish(process);
    }

    /// <summary>A command line of one process, which no launcher starts.</summary>
    public static (int Code, string Output, string Error) RunOne(Executable program, string line) => program.Run(line.Split(' '));

    public static (int Code, string Output, string Error) Succeed((int Code, string Output, string Error) result)
    {
        Assert.True(result.Code == 0, result.Error + result.Output);
        return result;
    }
}
