using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

/// <summary>Every operation of a device against closed forms in double, at sizes off the grid, on views at odd addresses.</summary>
public abstract partial class DeviceOperationTests
{
    protected abstract Device CreateDevice();

    /// <summary>Stored bits of mantissa that a product reads of its operands; random values have no more.</summary>
    protected virtual int StoredBits => TestTensors.AllBits;

    /// <summary>Rows and columns.</summary>
    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 1 }, { 3, 4 }, { 17, 33 }, { 33, 17 }, { 2, 1025 }, { 1025, 5 }, { 5, 256 },
    };

    // Runs a test on a fresh device; nothing around any tensor may have changed.
    void Run(Action<Device, TestTensors> test, int seed = 1)
    {
        using var device = CreateDevice();
        using var tensors = new TestTensors(device, seed, StoredBits);
        test(device, tensors);
        tensors.AssertSurroundingsIntact();
    }

    static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    static double Sum(int count, Func<int, double> term)
    {
        var sum = 0.0;
        for (var i = 0; i < count; i++)
            sum += term(i);
        return sum;
    }
}
