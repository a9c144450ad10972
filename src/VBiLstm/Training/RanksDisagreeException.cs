using VBiLstm.Devices;

namespace VBiLstm.Training;

/// <summary>Ranks that should have the same values have others; all of them throw it with the same message.</summary>
public sealed class RanksDisagreeException : DeviceException
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public RanksDisagreeException(string message) : base(message)
    {
    }

    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">What it comes from.</param>
    public RanksDisagreeException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>An error without a message of its own.</summary>
    public RanksDisagreeException()
    {
    }
}
