namespace VBiLstm.Devices;

/// <summary>
/// Hands out consecutive, 64-byte aligned tensors from one allocation. The layout code runs twice: once on a measuring
/// arena to learn the size, once on the real one.
/// </summary>
sealed class Arena : IDisposable
{
    const int Alignment = 64;

    // A measuring arena starts at a non-zero address, so that its tensors are not taken for empty ones.
    const nint MeasuringBase = Alignment;

    readonly DeviceMemory? _memory;
    readonly nint _base;
    long _used;

    Arena(DeviceMemory? memory)
    {
        _memory = memory;
        _base = memory?.Address ?? MeasuringBase;
    }

    /// <summary>Whether its tensors have sizes but no memory.</summary>
    public bool IsMeasuring => _memory is null;

    /// <summary>Bytes handed out so far.</summary>
    public long UsedBytes => _used;

    /// <summary>Runs <paramref name="layout"/> on a measuring arena, allocates that much zeroed memory and runs it again on it.</summary>
    /// <param name="device">Owner of the memory.</param>
    /// <param name="purpose">Named in the error when memory does not suffice.</param>
    /// <param name="layout">Takes tensors from the arena it is given; must take the same ones each time.</param>
    /// <param name="result">What the second run of <paramref name="layout"/> returned.</param>
    public static Arena Create<TLayout>(Device device, string purpose, Func<Arena, TLayout> layout, out TLayout result)
    {
        using var measuring = new Arena(null);
        layout(measuring);
        var arena = new Arena(device.Allocate(Math.Max(measuring._used, Alignment), purpose));
        try
        {
            result = layout(arena);
            return arena;
        }
        catch
        {
            arena.Dispose();
            throw;
        }
    }

    /// <summary>Bytes that <paramref name="layout"/> would take, without allocating them.</summary>
    public static long Measure<TLayout>(Func<Arena, TLayout> layout)
    {
        using var measuring = new Arena(null);
        layout(measuring);
        return measuring._used;
    }

    /// <summary>The next [rows, columns] tensor, contiguous, zeroed.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="readers">Whether it has values in float32, an operand of products in bf16, or both.</param>
    public Tensor Take(int rows, int columns, Readers readers = Readers.Operations)
    {
        var values = readers == Readers.Products ? 0 : Next((long)rows * columns * sizeof(float));
        var operand = readers == Readers.Operations ? 0 : Next((long)rows * columns * Tensor.OperandBytes);
        return new Tensor(values, rows, columns, columns) { Operand = operand };
    }

    /// <summary>The next vector of ids, zeroed.</summary>
    public IdTensor TakeIds(int count) => new(Next((long)count * sizeof(int)), count);

    nint Next(long bytes)
    {
        var address = _base + (nint)_used;
        _used += (bytes + Alignment - 1) / Alignment * Alignment;
        return address;
    }

    public void Dispose() => _memory?.Dispose();
}
