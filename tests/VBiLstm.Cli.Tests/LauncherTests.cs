using VBiLstm.Mpi;
using VBiLstm.Mpi.Interop;
using static VBiLstm.Cli.Tests.RankJobs;

namespace VBiLstm.Cli.Tests;

/// <summary>What is known of a launcher, its nodes and its library without a job.</summary>
public class LauncherTests
{
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
