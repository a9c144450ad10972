namespace VBiLstm.Checkpoints;

/// <summary>A float32 tensor of a file, under a name.</summary>
public sealed class NamedTensor
{
    readonly Func<float[]> _read;

    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="read">Gives its values, row-major.</param>
    internal NamedTensor(string name, IReadOnlyList<int> shape, Func<float[]> read)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(read);
        (Name, Shape, _read) = (name, shape, read);
    }

    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="values">Row-major.</param>
    public NamedTensor(string name, IReadOnlyList<int> shape, float[] values)
        : this(name, shape, () => values)
    {
        ArgumentNullException.ThrowIfNull(values);
    }

    /// <summary>Its name, for instance <c>forward_lstm.weight_recurrent</c>.</summary>
    public string Name { get; }

    /// <summary>Its sizes; their product is the number of values.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Row-major; of a tensor on a device, as it is now and read anew each time, so that no more than one need be on the host.</summary>
    public float[] Values => _read();
}
