using VBiLstm.Devices;
using VBiLstm.Devices.Cpu;

namespace VBiLstm.Tests.Devices;

/// <summary>What a device's threads take of the machine's memory comes back with the device. Alone: other tests take memory too.</summary>
[CollectionDefinition(nameof(CpuMemoryTests), DisableParallelization = true)]
[Collection(nameof(CpuMemoryTests))]
public class CpuMemoryTests
{
    const int Size = 1024, Warm = 5, Rounds = 40;

    // Each thread packs 2 MB of the right operand and 0.25 MB of the left one.
    static void UseDevice()
    {
        using var device = new CpuDevice(2);
        using var memory = device.Allocate(3L * Size * Size * sizeof(float), "a test");
        Tensor Matrix(int index) => new(memory.Address + (nint)index * Size * Size * sizeof(float), Size, Size, Size);
        device.WeightGradients([new(Matrix(0), Matrix(2))], Matrix(1), default);
    }

    static long ResidentBytes()
    {
        const string Label = "VmRSS:";
        var line = File.ReadLines("/proc/self/status").Single(text => text.StartsWith(Label, StringComparison.Ordinal));
        return 1024 * long.Parse(line[Label.Length..].Replace("kB", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture);
    }

    // A thread of its own for every device: what a caller's thread left behind would stay for good.
    static void UseDevices(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var thread = new Thread(UseDevice);
            thread.Start();
            thread.Join();
        }
    }

    [Fact]
    public void Devices_give_back_what_their_threads_took()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells what a process holds.");
        UseDevices(Warm);
        var before = ResidentBytes();
        UseDevices(Rounds);

        // Kept, the blocks of both threads would be 4.5 MB a device, 180 MB in all.
        Assert.InRange(ResidentBytes() - before, long.MinValue, 60 << 20);
    }

    [Fact]
    public void A_device_can_be_disposed_twice()
    {
        var device = new CpuDevice(2);
        device.Dispose();
        device.Dispose();
    }
}
