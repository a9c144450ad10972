namespace VBiLstm.Devices;

/// <summary>Which products a weight takes part in, so that a device prepares no copy that nobody reads.</summary>
[Flags]
enum WeightUse
{
    /// <summary>x W: <see cref="Device.Multiply"/>.</summary>
    Forward = 1,

    /// <summary>dy Wᵀ: <see cref="Device.MultiplyTransposed"/>.</summary>
    Transposed = 2,
}

/// <summary>
/// A parameter matrix [in, out] as an operand of products. A device may keep its own arrangement of the values (packed
/// panels, a bf16 copy), which <see cref="Device.RefreshWeights"/> brings up to date after the parameters changed.
/// </summary>
abstract class Weight : IDisposable
{
    protected Weight(Tensor values, WeightUse use)
    {
        Values = values;
        Use = use;
    }

    /// <summary>The parameters themselves, [in, out], possibly a view of a stacked matrix.</summary>
    public Tensor Values { get; }

    public WeightUse Use { get; }

    /// <summary>Device memory of that arrangement.</summary>
    public abstract long Bytes { get; }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
