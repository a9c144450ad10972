using VBiLstm.Devices;

namespace VBiLstm.Tests.Devices;

/// <summary>
/// Tensors for a device's tests, each in memory of its own, as a view at an odd address with odd distances between rows, between values that must not change.
/// </summary>
/// <param name="device">Where they are.</param>
/// <param name="seed">Of random values and distances.</param>
/// <param name="storedBits">Of the mantissa of random values; the others are 0.</param>
sealed class TestTensors(Device device, int seed, int storedBits = TestTensors.AllBits) : IDisposable
{
    /// <summary>Of float32's mantissa, those that are stored.</summary>
    public const int AllBits = 23;

    const float Surroundings = 12345;

    readonly List<(DeviceMemory Memory, Tensor All, Tensor View)> _tensors = [];
    readonly List<DeviceMemory> _ids = [];

    public Random Random { get; } = new(seed);

    /// <summary>Values in (-scale, scale).</summary>
    public Tensor New(int rows, int columns, double scale = 1) => Of(rows, columns, (_, _) => Shortened((float)(scale * (2 * Random.NextDouble() - 1))));

    // With an odd last bit, so that none lies on a kink of an operation.
    float Shortened(float value)
    {
        var last = 1 << (AllBits - storedBits);
        return last == 1 ? value : BitConverter.Int32BitsToSingle((BitConverter.SingleToInt32Bits(value) & -last) | last);
    }

    public Tensor Of(int rows, int columns, Func<int, int, double> value)
    {
        var (before, after) = (Random.Next(4), Random.Next(4));
        var stride = before + columns + after;
        var memory = device.Allocate((long)rows * stride * sizeof(float), "a test");
        var all = new Tensor(memory.Address, rows, stride, stride);
        var values = new float[rows * stride];
        Array.Fill(values, Surroundings);
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++)
                values[r * stride + before + c] = (float)value(r, c);
        device.Upload(values, all);
        var view = all.ColumnRange(before, columns);
        _tensors.Add((memory, all, view));
        return view;
    }

    /// <summary>Contiguous, for the flat arenas.</summary>
    public Tensor Flat(int columns, Func<int, double> value)
    {
        var memory = device.Allocate((long)columns * sizeof(float), "a test");
        var tensor = new Tensor(memory.Address, 1, columns, columns);
        device.Upload([.. Enumerable.Range(0, columns).Select(i => (float)value(i))], tensor);
        _tensors.Add((memory, tensor, tensor));
        return tensor;
    }

    public Tensor Scalar(double value) => Flat(1, _ => value);

    public IdTensor Ids(params int[] values)
    {
        var memory = device.Allocate((long)values.Length * sizeof(int), "a test");
        _ids.Add(memory);
        var ids = new IdTensor(memory.Address, values.Length);
        device.Upload(values, ids);
        return ids;
    }

    /// <summary>The tensor's values.</summary>
    public Matrix Read(Tensor tensor) => new(tensor.Rows, tensor.Columns, ReadSingles(tensor));

    public float[] ReadSingles(Tensor tensor)
    {
        var values = new float[tensor.Count];
        device.Download(tensor, values);
        return values;
    }

    /// <summary>Gives the tensor these values again.</summary>
    public void Upload(Tensor tensor, Matrix values)
        => device.Upload([.. Enumerable.Range(0, values.Rows * values.Columns).Select(i => (float)values[i / values.Columns, i % values.Columns])], tensor);

    public void AssertSurroundingsIntact()
    {
        foreach (var (_, all, view) in _tensors)
        {
            var (values, before) = (ReadSingles(all), (int)(view.Address - all.Address) / sizeof(float));
            for (var i = 0; i < values.Length; i++)
                if (i % all.Columns < before || i % all.Columns >= before + view.Columns)
                    Assert.Equal(Surroundings, values[i]);
        }
    }

    public void Dispose()
    {
        foreach (var (memory, _, _) in _tensors)
            memory.Dispose();
        foreach (var memory in _ids)
            memory.Dispose();
    }
}

/// <summary>A tensor's values on the host.</summary>
public sealed class Matrix(int rows, int columns, float[] values)
{
    public int Rows => rows;

    public int Columns => columns;

    public double this[int row, int column] => values[row * columns + column];

    /// <summary>Checks every element against a closed form in double, relative to the largest.</summary>
    public void AssertIs(Func<int, int, double> expected, double tolerance = 2e-6)
    {
        var largest = 1e-30;
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++)
                largest = Math.Max(largest, Math.Abs(expected(r, c)));
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++)
            {
                var error = Math.Abs(this[r, c] - expected(r, c)) / largest;
                Assert.True(error <= tolerance, $"[{r}, {c}] of {rows} × {columns}: {this[r, c]:R} instead of {expected(r, c):R}, {error:E1} of the largest.");
            }
        }
    }
}
