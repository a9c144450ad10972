using VBiLstm.Devices;

namespace VBiLstm.Training;

/// <summary>Ranks that should have the same values have others; all of them throw it with the same message.</summary>
public sealed class RanksDisagreeException : DeviceException
{
    public RanksDisagreeException(string message) : base(message)
    {
    }

    public RanksDisagreeException(string message, Exception inner) : base(message, inner)
    {
    }

    public RanksDisagreeException()
    {
    }
}
