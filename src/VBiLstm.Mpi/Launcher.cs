using System.Globalization;

namespace VBiLstm.Mpi;

/// <summary>What started this process as one of several, as its environment tells.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Ranks">How many processes it started.</param>
/// <param name="SpeaksOpenMpi">Whether it is Open MPI's, or speaks the protocol that Open MPI prefers.</param>
public sealed record Launcher(string Name, int Ranks, bool SpeaksOpenMpi)
{
    /// <summary>The variable that names MPI's library; <c>off</c> makes every process a training by itself.</summary>
    public const string Variable = "VBILSTM_MPI";

    internal const string Off = "off";

    // SLURM_NTASKS stands in batch scripts too, whose commands are no steps.
    static readonly (string Variable, string Name)[] Variables =
    [
        ("OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"), ("PMI_SIZE", "mpiexec or srun (PMI)"), ("SLURM_STEP_NUM_TASKS", "srun"),
    ];

    /// <summary>The launcher of several ranks; null where this process is one by itself.</summary>
    /// <param name="environment">A variable's value; null where there is none.</param>
    public static Launcher? Detect(Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        if (environment(Variable) == Off)
            return null;
        foreach (var (variable, name) in Variables)
            if (int.TryParse(environment(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var ranks) && ranks > 1)
                return new Launcher(name, ranks, variable == "OMPI_COMM_WORLD_SIZE" || environment("PMIX_RANK") is not null);
        return null;
    }
}
