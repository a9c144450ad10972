namespace VBiLstm.Devices;

/// <summary>A device cannot be had, or failed while it computed; the message says what was being done.</summary>
public class DeviceException : Exception
{
    /// <param name="message">What is wrong, where, and what to do.</param>
    public DeviceException(string message) : base(message)
    {
    }

    /// <param name="message">What is wrong, where, and what to do.</param>
    /// <param name="inner">What it comes from.</param>
    public DeviceException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>An error without a message of its own.</summary>
    public DeviceException()
    {
    }
}
