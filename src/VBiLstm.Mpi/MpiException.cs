using VBiLstm.Devices;

namespace VBiLstm.Mpi;

/// <summary>MPI cannot be had, or a call of it failed; the message names it and says what was being done.</summary>
public sealed class MpiException : DeviceException
{
    public MpiException(string message) : base(message)
    {
    }

    public MpiException(string message, Exception inner) : base(message, inner)
    {
    }

    public MpiException()
    {
    }
}
