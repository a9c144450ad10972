using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Tests.Devices;

public class MachineMemoryTests
{
    [Fact]
    public void More_memory_than_there_is_is_refused_before_it_is_taken()
    {
        using var device = new CpuDevice(1);
        var free = Assert.NotNull(device.FreeBytes);
        Assert.InRange(free, 1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        var message = Assert.Throws<InsufficientMemoryException>(() => device.Allocate(1L << 46, "a test")).Message;
        Assert.Contains("a test needs", message, StringComparison.Ordinal);
        Assert.Contains("MB are free", message, StringComparison.Ordinal);
    }
}
