namespace VBiLstm.Devices;

/// <summary>One block of a device's memory, zeroed at allocation and aligned to 64 bytes at least.</summary>
abstract class DeviceMemory : IDisposable
{
    int _freed;

    protected DeviceMemory(nint address, long bytes)
    {
        Address = address;
        Bytes = bytes;
    }

    public nint Address { get; }

    public long Bytes { get; }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _freed, 1) == 0)
            Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back; called once.</summary>
    protected abstract void Free();
}
