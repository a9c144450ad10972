using VBiLstm.Devices;

namespace VBiLstm.Cuda;

/// <summary>
/// Device memory of which a library asks for more or less from call to call. A smaller block stays until the end, for a captured graph may use it.
/// </summary>
sealed class GrowingMemory(CudaDevice device, string purpose) : IDisposable
{
    readonly List<DeviceMemory> _blocks = [];

    /// <summary>Address of so many bytes at least; 0 for none.</summary>
    public nint AtLeast(long bytes)
    {
        if (bytes == 0)
            return 0;
        if (_blocks.Count == 0 || _blocks[^1].Bytes < bytes)
            _blocks.Add(device.Allocate(bytes, purpose));
        return _blocks[^1].Address;
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
            block.Dispose();
        _blocks.Clear();
    }
}
