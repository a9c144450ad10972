namespace VBiLstm.Devices;

/// <summary>A device cannot be had, or failed while it computed; the message says what was being done.</summary>
public class DeviceException : Exception
{
    public DeviceException(string message) : base(message)
    {
    }

    public DeviceException(string message, Exception inner) : base(message, inner)
    {
    }

    public DeviceException()
    {
    }
}
