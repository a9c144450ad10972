using VBiLstm.Devices;
using VBiLstm.Model;

namespace VBiLstm.Verification.Operations;

/// <summary>
/// A device under test and a reference, operation by operation: before each one the reference's memory becomes the device's, both run it, and what it wrote is
/// compared. So a rounding that falls the other way is no error of everything after it, as it would be in two whole steps, and tolerances are those of one
/// operation. Where the device rounds the operands of products, the reference gets them rounded, and the device's own must be its values rounded.
/// </summary>
/// <param name="device">Under test.</param>
/// <param name="reference">Computes in float32.</param>
/// <param name="rounding">What products of a device that keeps no rounded operands do to those that they read; null: nothing.</param>
sealed partial class LockstepDevice(Device device, Device reference, Func<float, float>? rounding = null) : Device
{
    // Sums in another order, and functions with another last digit.
    const double Tolerance = 1e-5;

    readonly List<Memory> _memories = [];
    readonly Dictionary<(TrainingPhase Phase, string Operation, string Tensor), OperationDifference> _differences = [];
    float[] _values = [], _expected = [];

    /// <summary>The phase that operations are counted to.</summary>
    public TrainingPhase Phase { get; set; }

    /// <summary>What was compared so far, in the order of the first calls.</summary>
    public IReadOnlyCollection<OperationDifference> Differences => _differences.Values;

    public override string Name => device.Name;

    internal override bool RoundsOperands => device.RoundsOperands;

    internal override DeviceMemory Allocate(long bytes, string purpose)
    {
        var own = device.Allocate(bytes, purpose);
        try
        {
            // Operands that stand alone have their float32 values behind those of the others.
            var memory = new Memory(this, own, reference.Allocate(bytes + bytes / Tensor.OperandBytes * sizeof(float), purpose));
            _memories.Add(memory);
            return memory;
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    private protected override void UploadCore(ReadOnlySpan<float> source, Tensor target) => device.Upload(source, target);

    private protected override void UploadCore(ReadOnlySpan<int> source, IdTensor target)
    {
        device.Upload(source, target);
        reference.Upload(source, On(target));
    }

    private protected override void DownloadCore(Tensor source, Span<float> target) => device.Download(source, target);

    private protected override Readback CreateReadbackCore(Tensor source) => device.CreateReadback(source);

    internal override void Synchronise() => device.Synchronise();

    private protected override Recording RecordCore(Action operations) => new PlainRecording(operations);

    internal override Weight CreateWeight(Tensor values, WeightUse use)
    {
        var own = device.CreateWeight(values, use);
        try
        {
            return new LockstepWeight(own, reference.CreateWeight(On(values), use));
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    private protected override void RefreshWeightsCore(IReadOnlyList<Weight> weights)
        => device.RefreshWeights([.. weights.Select(weight => ((LockstepWeight)weight).Device)]);

    private protected override void Dispose(bool disposing)
    {
    }

    // Where the reference has what the device has there.
    Tensor On(Tensor x)
    {
        if (x.IsEmpty)
            return x;
        var memory = Holding(x.Address == 0 ? x.Operand : x.Address);
        var address = x.Address == 0
            ? memory.Reference.Address + (nint)memory.Device.Bytes + (x.Operand - memory.Device.Address) / Tensor.OperandBytes * sizeof(float)
            : memory.Reference.Address + (x.Address - memory.Device.Address);
        return new Tensor(address, x.Rows, x.Columns, x.Stride);
    }

    IdTensor On(IdTensor ids)
    {
        if (ids.IsEmpty)
            return ids;
        var memory = Holding(ids.Address);
        return ids with { Address = memory.Reference.Address + (ids.Address - memory.Device.Address) };
    }

    NoiseSource On(NoiseSource noise) => noise with { Key = On(noise.Key), RowIds = On(noise.RowIds) };

    Memory Holding(nint address)
        => _memories.Find(memory => address >= memory.Device.Address && address < memory.Device.Address + memory.Device.Bytes)
            ?? throw new InvalidOperationException("A tensor is in no memory of this device.");

    // The reference's values become the device's.
    void Bring(Tensor x)
    {
        if (!x.IsEmpty)
            reference.Upload(Read(device, x, ref _values), On(x));
    }

    // As Bring, as a product reads them.
    void BringOperand(string operation, string name, Tensor x)
    {
        if (x.IsEmpty)
            return;
        var values = Read(device, x, ref _values);
        if (RoundsOperands)
        {
            foreach (ref var value in values)
                value = Bfloat16.Round(value);
            if (x.Address != 0)
                Add(operation, name + "'s operand", x, values, Read(device, x with { Address = 0 }, ref _expected), isOfBits: true);
        }
        else if (rounding is not null)
        {
            foreach (ref var value in values)
                value = rounding(value);
        }

        reference.Upload(values, On(x));
    }

    // The reference's weight becomes the device's.
    void Bring(string operation, Weight w)
    {
        BringOperand(operation, "w", w.Values);
        reference.RefreshWeights([((LockstepWeight)w).Reference]);
    }

    void Compare(string operation, ReadOnlySpan<(string Name, Tensor Tensor)> written, bool isOfBits = false)
    {
        foreach (var (name, tensor) in written)
            if (!tensor.IsEmpty)
                Add(operation, name, tensor, Read(reference, On(tensor), ref _expected), Read(device, tensor, ref _values), isOfBits);
    }

    void Add(string operation, string name, Tensor tensor, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, bool isOfBits)
    {
        double largest = 0, worst = 0;
        var at = -1;
        foreach (var value in expected)
            largest = Math.Max(largest, Math.Abs((double)value));
        for (var i = 0; i < expected.Length; i++)
        {
            var error = isOfBits ? TensorErrors.Ulps(expected[i], actual[i]) : Error(expected[i], actual[i], largest, isRounded: tensor.Address == 0);
            if (error > worst)
                (worst, at) = (error, i);
        }

        var key = (Phase, operation, name);
        if (!_differences.TryGetValue(key, out var known))
            known = new OperationDifference(Phase, operation, name, 0, 0, 0, isOfBits ? 0 : Tolerance, [], default);
        if (worst > known.Error)
        {
            known = known with
            {
                Error = worst,
                Worst = [known.Calls, at / tensor.Columns, at % tensor.Columns],
                WorstValues = (expected[at], actual[at]),
            };
        }

        _differences[key] = known with { Calls = known.Calls + 1, Elements = known.Elements + expected.Length };
    }

    // Relative to the tensor's largest value; both may be the same number that is not finite.
    static double Error(float expected, float actual, double largest, bool isRounded)
    {
        if (expected.Equals(actual))
            return 0;
        var difference = TensorErrors.Difference(expected, actual);
        if (isRounded)
            difference = Math.Max(0, difference - Bfloat16.HalfUlp * Math.Abs((double)expected));
        return difference == 0 ? 0 : difference / largest;
    }

    static Span<float> Read(Device from, Tensor x, ref float[] buffer)
    {
        if (buffer.Length < x.Count)
            buffer = new float[x.Count];
        var values = buffer.AsSpan(0, (int)x.Count);
        from.Download(x, values);
        return values;
    }

    sealed class Memory(LockstepDevice owner, DeviceMemory device, DeviceMemory reference) : DeviceMemory(device.Address, device.Bytes)
    {
        public DeviceMemory Device => device;

        public DeviceMemory Reference => reference;

        protected override void Free()
        {
            owner._memories.Remove(this);
            device.Dispose();
            reference.Dispose();
        }
    }

    sealed class LockstepWeight(Weight device, Weight reference) : Weight(device.Values, device.Use)
    {
        public Weight Device => device;

        public Weight Reference => reference;

        public override long Bytes => device.Bytes;

        protected override void Dispose(bool disposing)
        {
            device.Dispose();
            reference.Dispose();
        }
    }
}
