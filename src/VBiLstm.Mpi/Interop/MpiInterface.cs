namespace VBiLstm.Mpi.Interop;

/// <summary>
/// What a binary interface of MPI calls the handles and constants that are used here. Handles are ints in one, pointers in the others; in a call both take the
/// same register.
/// </summary>
/// <param name="Name">What people call it.</param>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Byte">MPI_BYTE.</param>
/// <param name="Funneled">MPI_THREAD_FUNNELED.</param>
readonly record struct MpiInterface(string Name, nint World, nint Byte, int Funneled)
{
    /// <summary>MPI 5.0's own, of libmpi_abi.so.</summary>
    public static MpiInterface Standard { get; } = new("MPI 5", 0x101, 0x247, 1024);

    /// <summary>MPICH's, which Intel MPI, Cray MPICH, MVAPICH and ParaStation MPI share.</summary>
    public static MpiInterface Mpich { get; } = new("MPICH", 0x44000000, 0x4c00010d, 1);

    /// <summary>Open MPI's, whose handles are addresses of its symbols ompi_mpi_comm_world and ompi_mpi_byte.</summary>
    public static MpiInterface OpenMpi(nint world, nint @byte) => new("Open MPI", world, @byte, 1);
}
