namespace VBiLstm.Devices;

/// <summary>One block of a device's memory, zeroed at allocation and aligned to 64 bytes at least.</summary>
public abstract class DeviceMemory : IDisposable
{
    protected DeviceMemory(nint address, long bytes)
    {
        Address = address;
        Bytes = bytes;
    }

    public nint Address { get; }

    public long Bytes { get; }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
